"""A metric over time on a dashboard: beside the year before, what is aimed at, alerts' limits and what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.dashboards.expected import Expected, expected_of
from steelyard.dashboards.happened import Happened
from steelyard.dashboards.narrowed_page import NarrowedPage
from steelyard.dashboards.trend import Trend, label_of, year_before
from steelyard.dashboards.trend_chart import Comparison, trend_chart
from steelyard.document import Block
from steelyard.errors import SteelyardError
from steelyard.metrics.watching.annotation_scope import concerning

__all__ = ["board_line", "numbers_of"]

Limit = tuple[str, float | Sequence[Any]]


def board_line(
    name: str,
    page: NarrowedPage,
    *,
    title: str,
    where: str = "",
    compare: str = "",
    target: str = "",
    thresholds: Mapping[str, float],
    usual: bool = False,
) -> tuple[list[Block], list[str], dict[str, Any]]:
    """A metric over time; what a reader must know of it; and its numbers.

    Args:
        name: The metric.
        page: What the page is narrowed to.
        title: The chart's.
        where: A condition beside the page's.
        compare: `year` for the year before; empty for nothing.
        target: The metric that says what was aimed at; empty for none.
        thresholds: Name -> height; they are of the view that the file says, and drawn on no other.
        usual: Whether the usual range is drawn, for which all periods before are read.
    """
    trend = page.answers.trend(name, page.grain, **page.asked(where))
    before = _year_before(trend, page, where) if compare and trend.periods else ()
    aims, notes = _aims(page, target, trend)
    limits: list[Limit] = [*aims, *_limits(page, name, where).items()]
    if page.as_written:
        limits += thresholds.items()
    elif thresholds:
        notes.append(
            f"{', '.join(thresholds)}: said of the page by {page.written_grain} without filters, and not drawn."
        )
    shown = trend_chart(
        trend,
        expected=_usual(trend, page, where) if usual else None,
        compared=Comparison(name="the year before", values=before) if any(one is not None for one in before) else None,
        limits=limits,
        happened=_happened(page, name),
        title=title,
    )
    return shown, notes, numbers_of(trend) | ({"year_before": before} if compare else {})


def _usual(trend: Trend, page: NarrowedPage, where: str) -> Expected | None:
    """What the periods before let expect of the shown ones; nothing of a range that ends before the data does."""
    if page.until is not None or not trend.periods:
        return None
    whole = page.answers.trend(trend.metric.name, page.grain, where=page.both(where))
    found = expected_of(whole, page.answers.catalog.annotations)
    return found.since(len(trend.periods)) if found and whole.periods[-len(trend.periods) :] == trend.periods else None


def _happened(page: NarrowedPage, metric: str) -> list[Happened]:
    return [
        Happened(at=item.at, until=item.until, says=item.says, kind=item.kind, where=item.where)
        for item in sorted(concerning(page.answers.catalog.annotations, metric, page.only), key=lambda item: item.at)
    ]


def numbers_of(trend: Trend) -> dict[str, Any]:
    """A trend as plain values."""
    pairs = zip(trend.periods, trend.values, strict=True)
    return {"trend": [{"period": day, "value": value} for day, value in pairs], "partial": dict(trend.partial)}


def _year_before(trend: Trend, page: NarrowedPage, where: str) -> tuple[Any, ...]:
    """The value of the same period a year before, one a period; of whole periods alone."""
    since, until = (day and year_before(day, page.grain) for day in (page.since, page.until))
    earlier = page.answers.trend(trend.metric.name, page.grain, where=page.both(where), since=since, until=until)
    values = dict(earlier.whole)
    return tuple(values.get(year_before(day, page.grain)) for day in trend.periods)


def _aims(page: NarrowedPage, target: str, trend: Trend) -> tuple[list[Limit], list[str]]:
    """What was aimed at; or why that cannot be said of this view, such as by a finer period than the target's."""
    if not target:
        return [], []
    try:
        aimed = page.answers.trend(target, page.grain, **page.asked())
    except SteelyardError as error:
        return [], [f"{target.replace('_', ' ')} is not drawn: {error.problem}."]
    heights = dict(zip(aimed.periods, aimed.values, strict=True))
    return [(label_of(aimed.metric).lower(), [heights.get(day) for day in trend.periods])], []


def _limits(page: NarrowedPage, metric: str, where: str) -> dict[str, float]:
    """The fixed limits of alerts on the whole metric by this period, where nothing is narrowed."""
    found: dict[str, float] = {}
    for alert in page.answers.catalog.alerts.values():
        if alert.metric == metric and alert.grain == page.grain and not (alert.where or page.both(where)):
            for side in ("above", "below"):
                limit = getattr(alert, side)
                found |= {f"alert {side}": limit} if limit is not None else {}
    return found
