"""A result as blocks: the verdict first, then the numbers, what had to hold, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from steelyard.document import Block, Code, CodeBlock, Column, Facts, Heading, Section, Table
from steelyard.result.belief_blocks import belief_blocks
from steelyard.result.charts import result_charts
from steelyard.result.check_blocks import check_blocks
from steelyard.result.estimate_table import estimate_table
from steelyard.result.segment_blocks import segment_blocks
from steelyard.result.verdict_blocks import verdict_blocks

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.result.result import Result

__all__ = ["arrow_block", "provenance_section", "result_blocks", "table_sections"]

SHOWN_ROWS = 200


def result_blocks(result: Result) -> list[Block]:
    """The result as blocks, for any medium."""
    return [
        Heading(result.question, level=1),
        *verdict_blocks(result),
        Heading("Estimates", level=2),
        *result_charts(result),
        estimate_table(result.estimates),
        *_headed("Segments", segment_blocks(result)),
        *_headed("Beliefs", belief_blocks(result)),
        Heading("Checks", level=2),
        *check_blocks(result.checks),
        *_headed("Tables", table_sections(result)),
        provenance_section(result),
    ]


def _headed(title: str, blocks: Iterable[Block]) -> list[Block]:
    shown = list(blocks)
    return [Heading(title, level=2), *shown] if shown else []


def table_sections(result: Result) -> list[Block]:
    """Every table of the result, each folded away."""
    return [
        Section(name.replace("_", " ").capitalize(), [arrow_block(table)], open=False)
        for name, table in result.tables.items()
    ]


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


def provenance_section(result: Result) -> Section:
    """Where the numbers come from: the definition, the versions, and the SQL with what it read."""
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
