"""A product answer as blocks: a chart of its kind, the tables, what to know of it, and how it was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from steelyard.document import (
    BarChart,
    Block,
    Callout,
    CodeBlock,
    Column,
    Facts,
    Format,
    FunnelChart,
    Heading,
    HeatMap,
    Items,
    LineChart,
    Section,
    Series,
    Stage,
    Table,
)
from steelyard.metrics.expression import UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.metrics.product.product_how import ProductHow
    from steelyard.metrics.product.product_table import ProductTable

__all__ = ["how_blocks", "product_blocks"]

MOST_ROWS = 200
MOST_BARS = 30
_SHARES = ("conversion", "rate", "share", "bounce_rate")
_LIFECYCLE = ("active", "new", "retained", "resurrected", "lost", "dormant")


def product_blocks(answer: ProductTable) -> list[Block]:
    """A chart where the answer is of one segment, then the tables and the notes."""
    blocks: list[Block] = [] if answer.table.num_rows == 0 else _CHARTS[answer.kind](answer)
    blocks.append(_table(answer.table, answer.name.replace("_", " ").capitalize()))
    blocks += [_table(table, name.replace("_", " ").capitalize()) for name, table in answer.tables.items()]
    blocks += [Callout("note", note) for note in answer.notes]
    return [*blocks, Section("How these numbers were made", how_blocks(answer.how), open=False)]


def how_blocks(how: ProductHow) -> list[Block]:
    """The rules first, then what was read and left out, then the SQL."""
    defined = {key: value for key, value in how.definition["definition"].items() if value}
    blocks: list[Block] = [
        Facts([(key.replace("_", " "), _said(value)) for key, value in defined.items()]),
        Heading("The rules", level=3),
        Items(how.rules),
        Heading("What was read", level=3),
        _versions(how),
        _rows_read(how),
    ]
    if how.left_out:
        blocks.append(Facts([(what, count) for what, count in how.left_out.items()]))
    blocks.append(Heading("SQL", level=3))
    for read in how.reads:
        blocks += [CodeBlock(f"-- {read.name}\n{read.sql}", "sql")]
        if read.parameters:
            blocks.append(Facts([(f"${name}", str(value)) for name, value in read.parameters.items()]))
    return blocks


def _said(value: Any) -> str:
    """A part of a definition in one line, without what it leaves open."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_said(item)}" for key, item in value.items() if item)
    if isinstance(value, list | tuple):
        return ("; " if value and isinstance(value[0], Mapping) else ", ").join(_said(item) for item in value)
    return str(value)


def _versions(how: ProductHow) -> Table:
    columns = [Column("table"), Column("rows", align="right"), Column("version"), Column("fingerprint")]
    return Table(columns, [(t.name, t.rows, t.version_id[:12], t.fingerprint[:12]) for t in how.tables])


def _rows_read(how: ProductHow) -> Table:
    names = ("table", "what", "rows", "of_nobody", "without_time", "first_day", "last_day")
    return Table(names, [tuple(getattr(read, name) for name in names) for read in how.rows])


def _format(name: str) -> Format:
    if any(name == share or name.endswith(f"_{share}") for share in _SHARES):
        return Format.percent()
    if "seconds" in name:
        return Format.duration()
    return Format()


def _table(table: pa.Table, caption: str) -> Table:
    columns = [Column(name, format=_format(name)) for name in table.column_names]
    rows = [tuple(row.values()) for row in table.slice(0, MOST_ROWS).to_pylist()]
    more = f": the first {MOST_ROWS} of {table.num_rows:,} rows" if table.num_rows > MOST_ROWS else ""
    return Table(columns, rows, caption=caption + more)


def _segment(answer: ProductTable, row: Mapping[str, Any]) -> str:
    return ", ".join(UNKNOWN if row[name] is None else str(row[name]) for name in answer.by)


def _by_segment(answer: ProductTable) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in answer.rows():
        found.setdefault(_segment(answer, row), []).append(row)
    return found


def _funnel(answer: ProductTable) -> list[Block]:
    segments = _by_segment(answer)
    if len(segments) == 1:
        stages = [Stage(row["step"], row["entities"]) for row in answer.rows()]
        return [FunnelChart(answer.name.replace("_", " ").capitalize(), stages)]
    if len(segments) > MOST_BARS:
        return []
    whole = [rows[-1]["conversion"] for rows in segments.values()]
    return [BarChart("Share of those who began that finished", list(segments), whole, Format.percent())]


def _cohorts(answer: ProductTable) -> list[Block]:
    charts: list[Block] = []
    for segment, rows in list(_by_segment(answer).items())[:MOST_BARS]:
        cohorts = list(dict.fromkeys(row["cohort"] for row in rows))
        periods = sorted({row["k"] for row in rows})
        rates = {(row["cohort"], row["k"]): row["rate"] for row in rows}
        sizes = {row["cohort"]: row["size"] for row in rows}
        charts.append(
            HeatMap(
                f"Retention{f': {segment}' if segment else ''}",
                [f"{cohort} ({sizes[cohort]:,})" for cohort in cohorts],
                [str(k) for k in periods],
                [[rates[cohort, k] for k in periods] for cohort in cohorts],
                Format.percent(),
                row_label="cohort (size)",
                column_label="period",
            )
        )
    return charts


def _lines(*names: str) -> Callable[[ProductTable], list[Block]]:
    """Lines over periods, where the answer is of one segment and of more than one period."""

    def chart(answer: ProductTable) -> list[Block]:
        rows = answer.rows()
        if answer.by or "period" not in answer.table.column_names or len(rows) < 2:
            return []
        shown = [name for name in names if name in answer.table.column_names]
        series = [Series(name, [row[name] for row in rows]) for name in shown]
        unfinished = next((row["period"] for row in rows if row.get("complete") is False), None)
        title = answer.name.replace("_", " ").capitalize()
        return [LineChart(title=title, x=[row["period"] for row in rows], series=series, incomplete_from=unfinished)]

    return chart


def _bars(label: str, value: str) -> Callable[[ProductTable], list[Block]]:
    """A bar a row, in one chart for each model or segment."""

    def charts(answer: ProductTable) -> list[Block]:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in answer.rows():
            if row[label] == "(other)":
                continue
            parts = [str(row["model"])] if "model" in row else []
            found.setdefault(", ".join([*parts, *([_segment(answer, row)] if answer.by else [])]), []).append(row)
        shown: list[Block] = []
        for title, rows in list(found.items())[:MOST_BARS]:
            measure = "value" if value == "conversions" and rows[0].get("value") is not None else value
            named = [str(row[label]) for row in rows[:MOST_BARS]]
            shown.append(BarChart(title or answer.name, named, [row[measure] for row in rows[:MOST_BARS]]))
        return shown

    return charts


_CHARTS: Mapping[str, Callable[[ProductTable], list[Block]]] = {
    "funnel": _funnel,
    "cohorts": _cohorts,
    "lifecycle": _lines(*_LIFECYCLE),
    "sessions": _lines("sessions"),
    "attribution": _bars("channel", "conversions"),
    "paths": _bars("path", "count"),
}
