"""A metric by one dimension: the largest first, what share of the whole each is, and links that go on from there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from steelyard.dashboards.trend import label_of
from steelyard.document import BarChart, Block, Callout, Column, Format, Link, Table
from steelyard.metrics import Metric, MetricTable
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["breakdown_blocks", "narrowed"]

MOST_BARS = 20
MOST_ROWS = 200
UNKNOWN = "(unknown)"


def breakdown_blocks(
    answer: MetricTable,
    name: str,
    by: str,
    *,
    only: Callable[[Any], str] | None = None,
    rows: Callable[[Any], str] | None = None,
) -> list[Block]:
    """The metric by a dimension, as bars and as a table; groups that are not shown are counted.

    Args:
        answer: Asked of one metric by one dimension.
        name: The metric.
        by: The dimension.
        only: The address of the same view of one group alone; None links nothing.
        rows: The address of the rows behind one group; None links nothing.
    """
    metric = next(item for item in answer.metrics if item.name == name)
    found = sorted(((row[by], row[name]) for row in answer.rows()), key=_largest_first)
    if not found:
        return [Callout("note", "No rows", "Nothing was counted in this range.")]
    of = f": the {MOST_BARS} largest of {len(found):,}" if len(found) > MOST_BARS else ""
    drawn = found[:MOST_BARS]
    chart = BarChart(
        f"{label_of(metric)} by {by.replace('_', ' ')}{of}",
        [_group(group) for group, _ in drawn],
        [value for _, value in drawn],
        metric_format(metric),
    )
    return [chart, _table(metric, by, found, only, rows)]


def _table(
    metric: Metric,
    by: str,
    found: list[tuple[Any, Any]],
    only: Callable[[Any], str] | None,
    rows: Callable[[Any], str] | None,
) -> Table:
    columns = [Column(by), Column(metric.name, format=metric_format(metric), align="right")]
    total = sum(float(value) for _, value in found if value is not None)
    shares = metric.additive and total > 0 and all(value is None or value >= 0 for _, value in found)
    if shares:
        columns.append(Column("share", "share of all", Format.percent(1), align="right"))
    if rows is not None:
        columns.append(Column("rows", ""))
    shown = [
        (
            Link(_group(group), only(group)) if only is not None else _group(group),
            value,
            *((None if value is None else float(value) / total,) if shares else ()),
            *((Link(f"rows of {_group(group)}", rows(group)),) if rows is not None else ()),
        )
        for group, value in found[:MOST_ROWS]
    ]
    more = f"The first {MOST_ROWS} of {len(found):,} groups." if len(found) > MOST_ROWS else None
    return Table(columns, shown, caption=more)


def _largest_first(row: tuple[Any, Any]) -> tuple[bool, float, str]:
    return row[1] is None, -float(row[1] or 0), _group(row[0])


def _group(value: Any) -> str:
    return UNKNOWN if value is None else str(value)


def narrowed(where: str, dimension: str, value: Any) -> str:
    """A condition that keeps, of what another keeps, one group of a dimension.

    Args:
        where: The other condition; empty keeps everything.
        dimension: As a question names it.
        value: As an answer gives it.

    >>> narrowed("", "channel", "web"), narrowed("store = 3 OR store = 4", "name", "O'Neill")
    ("channel = 'web'", "(store = 3 OR store = 4) AND name = 'O''Neill'")
    >>> narrowed("", "channel", "(unknown)"), narrowed("", "is_new", None)  # the name also finds what is called so
    ("channel = '(unknown)'", 'is_new IS NULL')
    """
    added = f"{dimension} IS NULL" if value is None else f"{dimension} = {_literal(value)}"
    return f"({where}) AND {added}" if where else added


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return str(value) if isinstance(value, int | float | Decimal) else "'" + str(value).replace("'", "''") + "'"
