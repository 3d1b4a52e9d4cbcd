"""How a number was made, as blocks."""

from __future__ import annotations

from typing import Any

from steelyard.document import Block, Callout, Code, CodeBlock, Column, Facts, Heading, Items, Paragraph, Section, Table
from steelyard.metrics.how import How
from steelyard.warehouse import KeyProof

__all__ = ["how_blocks"]


def how_blocks(how: How) -> list[Block]:
    """The definition first, then what was read and left over, then the SQL."""
    blocks: list[Block] = []
    for name, definition in how.definitions.items():
        metric = definition["metric"]
        blocks += [
            Heading(name.replace("_", " "), level=3),
            *_defined(metric),
            Facts(_definition(metric, how.digests[name])),
        ]
    blocks += [Callout("note", note) for note in how.notes]
    blocks += [Heading("What was read", level=3), _tables(how)]
    if how.facts:
        blocks += [_facts(how)]
    if how.proofs:
        blocks += [_proofs(how)]
    blocks += [Heading("The order of operations", level=3), Items(how.order, ordered=True)]
    blocks += [Heading("SQL", level=3), CodeBlock(how.sql, "sql")]
    if how.parameters:
        blocks.append(Facts([(f"${name}", str(value)) for name, value in how.parameters.items()]))
    if how.sent.strip() != how.sql.strip():
        blocks.append(Section(f"As sent to {how.engine}", [CodeBlock(how.sent, "sql")], open=False))
    return blocks


def _defined(metric: dict[str, Any]) -> list[Block]:
    said = [metric[key] for key in ("question", "description") if metric.get(key)]
    return [Paragraph(text) for text in said]


def _definition(metric: dict[str, Any], digest: str) -> list[tuple[str, Any]]:
    skipped = ("name", "question", "description")
    facts: list[tuple[str, Any]] = []
    for key, value in metric.items():
        if key == "ratio":
            facts += [(side, _side(measure)) for side, measure in value.items()]
        elif key not in skipped:
            facts.append((key.replace("_", " "), str(value)))
    return [*facts, ("definition", Code(digest[:16]))]


def _side(measure: Any) -> str:
    if isinstance(measure, str):
        return measure
    return ", ".join(f"{key}: {value}" for key, value in measure.items() if value)


def _tables(how: How) -> Table:
    columns = [Column("table"), Column("rows", align="right"), Column("version"), Column("fingerprint")]
    rows = [(item.name, item.rows, item.version_id[:12], item.fingerprint[:12]) for item in how.tables]
    return Table(columns, rows)


def _facts(how: How) -> Table:
    columns = [
        Column("fact"),
        Column("rows in", align="right"),
        Column("without a match"),
        Column("in (unknown) groups"),
    ]
    rows = [
        (
            fact.table,
            fact.rows,
            ", ".join(f"{count:,} in {target}" for target, count in fact.unmatched.items()) or "–",
            ", ".join(f"{count:,} by {column}" for column, count in fact.unknown.items()) or "–",
        )
        for fact in how.facts
    ]
    return Table(columns, rows)


def _proofs(how: How) -> Table:
    columns = [
        Column("what"),
        Column("rows", align="right"),
        Column("duplicates", align="right"),
        Column("NULL", align="right"),
        Column("no row there", align="right"),
        Column("on version"),
        Column("proof"),
    ]
    rows = [
        (
            _proved(proof),
            proof.rows,
            proof.duplicates,
            proof.nulls,
            proof.orphans,
            proof.version_id[:12] or "as it is now",
            proof.proof_id,
        )
        for proof in how.proofs
    ]
    return Table(columns, rows, caption="Keys that were proved, and references that were counted")


def _proved(proof: KeyProof) -> str:
    said = f"{proof.table} ({', '.join(proof.columns)})"
    if proof.references:
        return f"{said} to {proof.references}"
    return f"{said}: {proof.rule}" if proof.rule else said
