"""How a number was made, as blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from steelyard.document import Block, Callout, Code, CodeBlock, Column, Facts, Heading, Items, Paragraph, Section, Table
from steelyard.metrics.how import How
from steelyard.metrics.table_lineage import SourceLoad, TableOrigin
from steelyard.warehouse import KeyProof

if TYPE_CHECKING:
    from steelyard.metrics.definition_history import DefinitionVersion

__all__ = ["how_blocks"]

SHOWN_FILES = 5


def how_blocks(how: How) -> list[Block]:
    """The definition first, then what was read and left over, then the SQL."""
    blocks: list[Block] = []
    for name, definition in how.definitions.items():
        metric = definition["metric"]
        blocks += [
            Heading(name.replace("_", " "), level=3),
            *_defined(metric),
            Facts(_definition(metric, how.digests[name])),
            *_history(how.history.get(name, ())),
        ]
    blocks += [Callout("note", note) for note in how.notes]
    blocks += [Heading("What was read", level=3), _tables(how)]
    if how.facts:
        blocks += [_facts(how)]
        blocks += _complete(how)
    if how.proofs:
        blocks += [_proofs(how)]
    if how.origins:
        blocks += [Heading("Where it comes from", level=3), *_origins(how)]
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


def _history(versions: tuple[DefinitionVersion, ...]) -> Iterator[Block]:
    if not versions:
        return
    columns = [Column("definition"), Column("since"), Column("what changed")]
    rows = [
        (
            item.digest[:12],
            item.since[:19].replace("T", " ") or "not recorded yet",
            "; ".join(item.changes) or ("the first that was recorded" if number == 0 else "nothing"),
        )
        for number, item in enumerate(versions)
    ]
    yield Table(columns, rows, caption="Its definitions, oldest first")


def _complete(how: How) -> Iterator[Block]:
    said = [
        (fact.table, f"{fact.complete_through or 'not known'}: {fact.complete_says}")
        for fact in how.facts
        if fact.complete_says
    ]
    if said:
        yield Table([Column("fact"), Column("data complete through")], list(dict.fromkeys(said)))


def _origins(how: How) -> Iterator[Block]:
    columns = [
        Column("table"),
        Column("version"),
        Column("published"),
        Column("from"),
        Column("tests that do not hold"),
    ]
    rows = [
        (
            item.table,
            f"{item.version_id[:12] or 'not kept'}{', replaced since' if item.replaced else ''}",
            item.published_at[:19].replace("T", " "),
            _from(item),
            "; ".join(f"{test.test} ({test.severity}): {test.says}" for test in item.failed) or "–",
        )
        for item in how.origins
    ]
    yield Table(columns, rows)
    if how.columns:
        said = [
            (column, ", ".join(origins) or "loaded as it is, or not traced") for column, origins in how.columns.items()
        ]
        yield Table([Column("column that decides"), Column("comes from")], said)
    names = ", ".join(how.definitions)
    yield Paragraph(
        f"`steelyard drill {names.split(', ')[0]} --at DIMENSION=VALUE` gives the very rows behind a number."
    )


def _from(item: TableOrigin) -> str:
    if item.reads:
        return f"built from {', '.join(item.reads)}"
    return _loaded(item.load) if item.load is not None else "written by others"


def _loaded(load: SourceLoad) -> str:
    more = f" and {len(load.files) - SHOWN_FILES:,} more" if len(load.files) > SHOWN_FILES else ""
    files = f"; {', '.join(load.files[:SHOWN_FILES])}{more}" if load.files else ""
    rejected = f", {load.rejected:,} rejected" if load.rejected else ""
    return f"source {load.source} ({load.kind}), {load.at[:19].replace('T', ' ')}: {load.rows:,} rows{rejected}{files}"


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
