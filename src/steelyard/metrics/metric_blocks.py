"""A table of metrics as blocks: figures, a chart over time, the table, and what to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from steelyard.document import Block, Callout, Column, Figure, Format, Grid, LineChart, Section, Series, Table
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.metric import Metric
from steelyard.metrics.metric_table import MetricTable

__all__ = ["metric_blocks", "metric_format"]

MOST_LINES = 8
MOST_ROWS = 500
_CURRENCY_LENGTH = 3


def metric_format(metric: Metric) -> Format:
    """How a metric's values are written: money, percent, whole numbers, or four digits."""
    unit = metric.measured_in
    if len(unit) == _CURRENCY_LENGTH and unit.isupper():
        return Format(kind="money", currency=unit)
    if unit in ("%", "percent", "share", "fraction"):
        return Format.percent()
    if metric.kind in ("count", "distinct"):
        return Format(kind="integer", unit=unit or None)
    return Format(kind="significant", digits=6, unit=unit or None)


def metric_blocks(answer: MetricTable) -> list[Block]:
    """Figures where there is one row; else a chart where there are periods, and the table."""
    rows = answer.rows()
    notes: list[Block] = [Callout("note", note) for note in answer.notes]
    source = Section("How these numbers were made", answer.how.blocks(), open=False)
    if not answer.dimensions:
        return [Grid(_figures(answer, rows)), *notes, source]
    charts: list[Block] = []
    if answer.question.grain and len(rows) > 1:
        charts = [chart for metric in answer.metrics if (chart := _chart(answer, metric, rows)) is not None]
    return [*charts, _table(answer, rows), *notes, source]


def _figures(answer: MetricTable, rows: Sequence[dict[str, Any]]) -> list[Block]:
    row = rows[0] if rows else {}
    return [
        Figure(_label(metric), row.get(metric.name), metric_format(metric), better=metric.better or None)
        for metric in answer.metrics
    ]


def _label(metric: Metric) -> str:
    return metric.name.replace("_", " ").capitalize()


def _groups(answer: MetricTable, rows: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], dict[date, dict[str, Any]]]:
    names = [name for name in answer.dimensions if name != "period"]
    found: dict[tuple[Any, ...], dict[date, dict[str, Any]]] = {}
    for row in rows:
        if row["period"] is not None:
            found.setdefault(tuple(row[name] for name in names), {})[row["period"]] = row
    return found


def _chart(answer: MetricTable, metric: Metric, rows: Sequence[dict[str, Any]]) -> Block | None:
    """The lines of one metric; of many groups the largest, and it says so."""
    groups = _groups(answer, rows)
    days = sorted({row["period"] for row in rows if row["period"] is not None})
    if len(days) < 2:
        return None
    size = {key: sum(abs(float(row[metric.name] or 0)) for row in by_day.values()) for key, by_day in groups.items()}
    largest = sorted(groups, key=lambda key: (-size[key], str(key)))[:MOST_LINES]
    series = [
        Series(_group_name(key) or _label(metric), [groups[key].get(day, {}).get(metric.name) for day in days])
        for key in largest
    ]
    title = _label(metric) + (f": the {MOST_LINES} largest of {len(groups)} groups" if len(groups) > MOST_LINES else "")
    unfinished = days[-1] if days[-1] in answer.partial else None
    return LineChart(title=title, x=days, series=series, format=metric_format(metric), incomplete_from=unfinished)


def _group_name(key: tuple[Any, ...]) -> str:
    return ", ".join(UNKNOWN if part is None else str(part) for part in key)


def _table(answer: MetricTable, rows: Sequence[dict[str, Any]]) -> Table:
    columns = [Column(name) for name in answer.dimensions]
    columns += [Column(metric.name, format=metric_format(metric), align="right") for metric in answer.metrics]
    shown = [tuple(_cell(answer, name, row[name]) for name in answer.table.column_names) for row in rows[:MOST_ROWS]]
    caption = f"The first {MOST_ROWS} of {len(rows):,} rows." if len(rows) > MOST_ROWS else None
    return Table(columns, shown, caption=caption)


def _cell(answer: MetricTable, name: str, value: Any) -> Any:
    if name in answer.dimensions and value is None:
        return UNKNOWN
    if name == "period" and value in answer.partial:
        return f"{value} ({answer.partial[value]})"
    return value
