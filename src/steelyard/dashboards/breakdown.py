"""A metric by one dimension: the largest first, and what share of the whole each is."""

from __future__ import annotations

from typing import Any

from steelyard.dashboards.trend import label_of
from steelyard.document import BarChart, Block, Callout, Column, Format, Table
from steelyard.metrics import Metric, MetricTable
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["breakdown_blocks"]

MOST_BARS = 20
MOST_ROWS = 200


def breakdown_blocks(answer: MetricTable, name: str, by: str) -> list[Block]:
    """The metric by a dimension, as bars and as a table; groups that are not shown are counted.

    Args:
        answer: Asked of one metric by one dimension.
        name: The metric.
        by: The dimension.
    """
    metric = next(item for item in answer.metrics if item.name == name)
    rows = sorted(((row[by], row[name]) for row in answer.rows()), key=_largest_first)
    if not rows:
        return [Callout("note", "No rows", "Nothing was counted in this range.")]
    of = f": the {MOST_BARS} largest of {len(rows):,}" if len(rows) > MOST_BARS else ""
    drawn = rows[:MOST_BARS]
    chart = BarChart(
        f"{label_of(metric)} by {by.replace('_', ' ')}{of}",
        [_group(group) for group, _ in drawn],
        [value for _, value in drawn],
        metric_format(metric),
    )
    table = _table(metric, by, rows)
    told = len(table.columns) == 2 and len(rows) <= MOST_BARS  # the chart's own numbers say it all
    return [chart] if told else [chart, table]


def _table(metric: Metric, by: str, rows: list[tuple[Any, Any]]) -> Table:
    columns = [Column(by), Column(metric.name, format=metric_format(metric), align="right")]
    total = sum(float(value) for _, value in rows if value is not None)
    shares = metric.additive and total > 0 and all(value is None or value >= 0 for _, value in rows)
    if shares:
        columns.append(Column("share", "share of all", Format.percent(1), align="right"))
    shown = [
        (_group(group), value, *((None if value is None else float(value) / total,) if shares else ()))
        for group, value in rows[:MOST_ROWS]
    ]
    more = f"The first {MOST_ROWS} of {len(rows):,} groups." if len(rows) > MOST_ROWS else None
    return Table(columns, shown, caption=more)


def _largest_first(row: tuple[Any, Any]) -> tuple[bool, float, str]:
    return row[1] is None, -float(row[1] or 0), _group(row[0])


def _group(value: Any) -> str:
    return "(unknown)" if value is None else str(value)
