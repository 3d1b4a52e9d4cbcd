"""What the warehouse answers for the page of a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from steelyard.dashboards import Comparison, Trend, last_day, trend_of, year_before
from steelyard.errors import unknown_name
from steelyard.metrics import MetricTable, query
from steelyard.metrics.audit import audited_table
from steelyard.metrics.definition_history import KIND, definition_versions
from steelyard.metrics.distribution import Distribution, distribution, distribution_per
from steelyard.project.kept_versions import StoreVersions
from steelyard.warehouse import Warehouse
from steelyard.web.pages.metric_asked import COMPARED, MetricAsked
from steelyard.web.view import View

__all__ = ["ROWS", "Answers", "metric_answers"]

ROWS = "rows"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What came back.

    Args:
        trend: The metric by period.
        answer: The same with how it was made.
        compared: What it is compared with; None for nothing.
        parts: By a dimension; None where none was asked.
        spread: How its values are spread; None where that was not asked.
        number: The catalog version; None where the engine keeps none.
    """

    trend: Trend
    answer: MetricTable
    compared: Comparison | None
    parts: MetricTable | None
    spread: Distribution | None
    number: int | None


def metric_answers(view: View, asked: MetricAsked) -> Answers:
    """Asks the warehouse, all of one catalog version."""
    project, catalog = view.project, view.project.definitions.metrics
    number = asked.as_of if asked.as_of is not None or not project.embedded else project.store.snapshot().number
    with view.warehouse(number) as warehouse:
        answer = query(catalog, warehouse, [asked.name], by=(asked.grain,), **asked.limits)
        trend = trend_of(answer, asked.name)
        compared = _compared(view, warehouse, asked, trend)
        parts = query(catalog, warehouse, [asked.name], by=(asked.by,), **asked.limits) if asked.by else None
        spread = _spread(view, warehouse, asked) if asked.spread else None
    kept = StoreVersions(project.store, number) if number is not None else None
    told = definition_versions(project.ledger.entries(kind=KIND, name=asked.name), catalog.definition(asked.name))
    return Answers(
        trend=trend,
        answer=audited_table(answer, catalog, kept, history={asked.name: told}),
        compared=compared,
        parts=parts,
        spread=spread,
        number=number,
    )


def _spread(view: View, warehouse: Warehouse, asked: MetricAsked) -> Distribution:
    catalog = view.project.definitions.metrics
    known = [per or ROWS for per in distribution_per(catalog, asked.name)]
    if asked.spread not in known:
        raise unknown_name("spread", asked.spread, known, where="?spread")
    per = "" if asked.spread == ROWS else asked.spread
    return distribution(catalog, warehouse, asked.name, per=per, **asked.limits)


def _compared(view: View, warehouse: Warehouse, asked: MetricAsked, trend: Trend) -> Comparison | None:
    """The other line, at the places of the trend's periods."""
    if not asked.compare or not trend.periods:
        return None
    if asked.compare not in COMPARED:
        return _aimed(view, warehouse, asked, trend)
    earlier = [_earlier(asked, trend, day) for day in trend.periods]
    catalog = view.project.definitions.metrics
    since, until = earlier[0], last_day(earlier[-1], trend.grain)
    past = query(
        catalog, warehouse, [asked.name], by=(asked.grain,), where=asked.where or None, since=since, until=until
    )
    found = trend_of(past, asked.name)
    name = (
        f"the {len(earlier)} {trend.grain}s before" if asked.compare == "previous" else f"same {trend.grain} last year"
    )
    return Comparison(name=name, values=[found.at(day) for day in earlier])


def _earlier(asked: MetricAsked, trend: Trend, day: date) -> date:
    """The first day of the period that a period is compared with."""
    if asked.compare == "year":
        return year_before(day, trend.grain)
    count = len(trend.periods)
    if trend.grain == "month":
        months = day.year * 12 + day.month - 1 - count
        return date(months // 12, months % 12 + 1, 1)
    length = count * 7 if trend.grain == "week" else 7 * -(-count // 7)  # whole weeks, so that weekdays stay the same
    return day - timedelta(days=length)


def _aimed(view: View, warehouse: Warehouse, asked: MetricAsked, trend: Trend) -> Comparison:
    """What was aimed at in the same periods."""
    catalog = view.project.definitions.metrics
    found = query(
        catalog, warehouse, [asked.compare], by=(asked.grain,), where=asked.where or None,
        since=trend.periods[0], until=last_day(trend.periods[-1], trend.grain),
    )  # fmt: skip
    values: Sequence[Any] = [row[asked.compare] for row in found.rows()]
    by_day = dict(zip([row["period"] for row in found.rows()], values, strict=True))
    return Comparison(name=asked.compare.replace("_", " "), values=[by_day.get(day) for day in trend.periods])
