"""A metric over time on a dashboard: beside the year before, what is aimed at, alerts' limits and what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from steelyard.dashboards.narrowed_page import NarrowedPage
from steelyard.dashboards.trend import Trend, label_of
from steelyard.document import Block, Callout, Event, LineChart, Series, Threshold
from steelyard.errors import SteelyardError
from steelyard.metrics import Annotation
from steelyard.metrics.calendar import next_period
from steelyard.metrics.metric_blocks import metric_format
from steelyard.metrics.watching.annotation_scope import concerning

__all__ = ["board_line", "numbers_of"]


def board_line(
    name: str,
    page: NarrowedPage,
    *,
    title: str,
    where: str = "",
    compare: str = "",
    target: str = "",
    thresholds: Mapping[str, float],
) -> tuple[Block, list[str], dict[str, Any]]:
    """A metric over time; what a reader must know of it; and its numbers.

    Args:
        name: The metric.
        page: What the page is narrowed to.
        title: The chart's.
        where: A condition beside the page's.
        compare: `year` for the year before; empty for nothing.
        target: The metric that says what was aimed at; empty for none.
        thresholds: Name -> height; they are of the view that the file says, and drawn on no other.
    """
    trend = page.answers.trend(name, page.grain, **page.asked(where))
    if not trend.periods:
        return Callout("note", "No rows", "Nothing was counted in this range."), [], numbers_of(trend)
    before = _year_before(trend, page, where) if compare else ()
    unfinished = [day for day in trend.periods[1:] if day in trend.partial]
    aims, notes = _aims(page, target, trend)
    heights = _limits(page, name, where)
    if page.as_written:
        heights |= thresholds
    elif thresholds:
        notes.append(
            f"{', '.join(thresholds)}: said of the page by {page.written_grain} without filters, and not drawn."
        )
    chart = LineChart(
        title,
        trend.periods,
        [Series(label_of(trend.metric), trend.values)],
        metric_format(trend.metric),
        events=_events(page, name, trend),
        incomplete_from=unfinished[0] if unfinished else None,
        compare=Series("the year before", before) if any(value is not None for value in before) else None,
        thresholds=[*aims, *(Threshold(one, height) for one, height in heights.items())],
        zero=not trend.is_share,
    )
    return chart, notes, numbers_of(trend) | ({"year_before": before} if compare else {})


def numbers_of(trend: Trend) -> dict[str, Any]:
    """A trend as plain values."""
    pairs = zip(trend.periods, trend.values, strict=True)
    return {"trend": [{"period": day, "value": value} for day, value in pairs], "partial": dict(trend.partial)}


def _year_before(trend: Trend, page: NarrowedPage, where: str) -> tuple[Any, ...]:
    """The value of the same period a year before, one a period; of whole periods alone."""
    since, until = (day and _earlier(day, page.grain) for day in (page.since, page.until))
    earlier = page.answers.trend(trend.metric.name, page.grain, where=page.both(where), since=since, until=until)
    values = dict(earlier.whole)
    return tuple(values.get(_earlier(day, page.grain)) for day in trend.periods)


def _earlier(day: date, grain: str) -> date:
    """The same day a year before: 52 weeks for days and weeks, so that weekdays stay the same.

    >>> _earlier(date(2026, 3, 2), "week"), _earlier(date(2024, 2, 29), "month")
    (datetime.date(2025, 3, 3), datetime.date(2023, 2, 28))
    """
    if grain in ("day", "week"):
        return day - timedelta(days=364)
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap else day.day)


def _aims(page: NarrowedPage, target: str, trend: Trend) -> tuple[list[Threshold], list[str]]:
    """What was aimed at; or why that cannot be said of this view, such as by a finer period than the target's."""
    if not target:
        return [], []
    try:
        aimed = page.answers.trend(target, page.grain, **page.asked())
    except SteelyardError as error:
        return [], [f"{target.replace('_', ' ')} is not drawn: {error.problem}."]
    heights = dict(zip(aimed.periods, aimed.values, strict=True))
    return [Threshold(label_of(aimed.metric).lower(), [heights.get(day) for day in trend.periods])], []


def _limits(page: NarrowedPage, metric: str, where: str) -> dict[str, float]:
    """The fixed limits of alerts on the whole metric by this period, where nothing is narrowed."""
    found: dict[str, float] = {}
    for alert in page.answers.catalog.alerts.values():
        if alert.metric == metric and alert.grain == page.grain and not (alert.where or page.both(where)):
            for side in ("above", "below"):
                limit = getattr(alert, side)
                found |= {f"alert {side}": limit} if limit is not None else {}
    return found


def _events(page: NarrowedPage, metric: str, trend: Trend) -> list[Event]:
    days = trend.periods
    last = next_period(days[-1], trend.grain) - timedelta(days=1)
    concerned = concerning(page.answers.catalog.annotations, metric, page.only)
    return [_event(item, days) for item in concerned if item.meets(days[0], last)]


def _event(item: Annotation, days: Sequence[date]) -> Event:
    """Within the chart's own days, so that it does not make the axis longer."""
    first, last = min(max(item.at, days[0]), days[-1]), min(item.last, days[-1])
    return Event(first, item.says, last if last > first else None)
