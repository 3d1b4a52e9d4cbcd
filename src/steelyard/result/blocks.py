"""A result as blocks: the verdict first, then the numbers, what had to hold, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from steelyard.document import (
    Block,
    Callout,
    CalloutKind,
    Code,
    CodeBlock,
    Column,
    Facts,
    Format,
    Heading,
    Interval,
    Items,
    Paragraph,
    Section,
    Table,
)
from steelyard.result.charts import result_charts
from steelyard.result.estimate import Estimate

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.result.result import Result

__all__ = ["arrow_block", "estimate_format", "result_blocks"]

MARKS: dict[str, CalloutKind] = {"yes": "good", "no": "bad", "unclear": "warning", "invalid": "bad"}
SYMBOL = {"passed": "✓", "failed": "✗", "not_run": "–"}
HOLDS = {True: "✓", False: "✗", None: "–"}
SHOWN_ROWS = 200


def result_blocks(result: Result) -> list[Block]:
    """The result as blocks, for any medium."""
    return [
        Heading(result.question, level=1),
        *_verdict(result),
        *_clauses(result),
        Heading("Estimates", level=2),
        *result_charts(result),
        _estimates(result),
        Heading("Checks", level=2),
        _checks(result),
        *_tables(result),
        _provenance(result),
    ]


def _verdict(result: Result) -> Iterator[Block]:
    verdict = result.verdict
    title = verdict.answer if verdict.action == "none" else f"{verdict.answer}: {verdict.action}"
    yield Callout(MARKS[verdict.answer], title.capitalize(), verdict.says)
    provenance = result.provenance
    yield Facts(
        [
            ("study", f"{result.name} ({provenance.kind.replace('_', ' ')})"),
            ("method", result.method),
            (
                "standing",
                f"{provenance.standing}: {provenance.standing_says}"
                if provenance.standing_says
                else provenance.standing,
            ),
        ]
    )
    if verdict.settle:
        yield Paragraph("What would settle it:")
        yield Items(verdict.settle)


def _clauses(result: Result) -> Iterator[Block]:
    yield Paragraph(["The rule, fixed beforehand: ", result.verdict.rule])
    if result.verdict.clauses:
        rows = [(HOLDS[clause.holds], clause.name.replace("_", " "), clause.says) for clause in result.verdict.clauses]
        yield Table([Column("holds", ""), Column("clause"), Column("numbers")], rows)


def estimate_format(row: Estimate, *, signed: bool = False) -> Format:
    """How a number of the estimate is written: relative ones as percent, fractions as points, others by their size."""
    if row.scale == "relative":
        return Format.percent(2, signed=signed)
    if row.measured_in == "fraction":
        return Format.points(3, signed=signed) if signed else Format.percent(2)
    return Format.significant(4, signed=signed)


def _estimates(result: Result) -> Table:
    columns = [
        Column("metric"), Column("role"), Column("contrast"), Column("segment"), Column("estimate", align="right"),
        Column("interval", align="right"), Column("p", align="right", format=Format.p_value()),
        Column("n", align="right", format=Format.integer()), Column("scale"),
    ]  # fmt: skip
    rows = [_row(row) for row in result.estimates if not row.at]
    levels = sorted({row.level for row in result.estimates})
    caption = "Intervals: " + ", ".join(f"{level * 100:g} %" for level in levels) if levels else None
    return Table(columns, rows, caption=caption)


def _row(row: Estimate) -> tuple[Any, ...]:
    from steelyard.document import format_value

    style = estimate_format(row, signed=True)
    unit = "of the baseline" if row.scale == "relative" else row.measured_in
    return (
        row.metric,
        row.role,
        row.contrast,
        row.segment,
        format_value(row.value, style),
        format_value(Interval(row.low, row.high), style) if row.value is not None else None,
        row.p_value,
        row.n,
        f"{row.scale}{', ' + unit if unit else ''}",
    )


def _checks(result: Result) -> Table:
    rows = [
        (SYMBOL[check.status], check.name.replace("_", " "), check.status.replace("_", " "), check.severity, check.says)
        for check in result.checks
    ]
    columns = [Column("holds", ""), Column("check"), Column("status"), Column("severity"), Column("says")]
    return Table(columns, rows)


def _tables(result: Result) -> Iterator[Block]:
    for name, table in result.tables.items():
        yield Section(name.replace("_", " ").capitalize(), [arrow_block(table)], open=False)


def arrow_block(table: pa.Table, *, caption: str | None = None, most: int = SHOWN_ROWS) -> Table:
    """An Arrow table as a block; what is left out is said."""
    import pyarrow as pa

    numeric = {
        field.name
        for field in table.schema
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
    }
    columns = [Column(name, align="right" if name in numeric else "left") for name in table.column_names]
    rows = [tuple(row.values()) for row in table.slice(0, most).to_pylist()]
    if table.num_rows > most:
        caption = f"{caption + '; ' if caption else ''}the first {most:,} of {table.num_rows:,} rows"
    return Table(columns, rows, caption=caption)


def _provenance(result: Result) -> Section:
    provenance = result.provenance
    facts: list[tuple[str, Any]] = [
        ("definition", Code(provenance.digest[:16])),
        ("made at", provenance.made_at),
        ("read from", str(provenance.context.get("source", ""))),
        ("catalog version", provenance.context.get("catalog")),
        ("as of", str(provenance.context.get("as_of", ""))),
        ("packages", ", ".join(f"{name} {number}" for name, number in provenance.packages.items())),
    ]
    blocks: list[Block] = [Facts(facts)]
    for read in provenance.reads:
        blocks.append(Heading(f"{read.name}: {read.rows:,} rows from {read.engine}", level=3))
        tables = [(table.name, table.rows, table.version_id[:12], table.fingerprint[:12]) for table in read.tables]
        blocks.append(
            Table([Column("table"), Column("rows", align="right"), Column("version"), Column("fingerprint")], tables)
        )
        blocks.append(CodeBlock(read.sql, "sql"))
    return Section("Where these numbers come from", blocks, open=False)
