"""A metric's line: with what is usual, what it is compared with, what is aimed at and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.dashboards.expected import Expected
from steelyard.dashboards.happened import Happened, in_range
from steelyard.dashboards.trend import Trend, label_of, last_day
from steelyard.document import Band, Block, Callout, Event, LineChart, Paragraph, Series, Threshold
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["Comparison", "trend_chart"]

MOST_EVENTS = 6


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Another line beside a trend.

    Args:
        name: What it is, such as `same week last year`.
        values: One a period of the trend; None where there is none.
    """

    name: str
    values: Sequence[Any]


def trend_chart(
    trend: Trend,
    *,
    expected: Expected | None = None,
    compared: Comparison | None = None,
    limits: Sequence[tuple[str, float | Sequence[Any]]] = (),
    happened: Sequence[Happened] = (),
    title: str = "",
) -> list[Block]:
    """The line over time, and in words what is drawn beside it.

    Args:
        trend: The metric by period.
        expected: The usual range of its last periods.
        compared: What it is compared with.
        limits: Heights to compare with, such as an alert's bound: name, and a height or one a period.
        happened: What happened; of what lies in the range the last few are drawn.
        title: The chart's; what it is of by default.
    """
    if not trend.periods:
        return [Callout("note", "No rows", "Nothing was counted in this range.")]
    unfinished = [day for day in trend.periods[1:] if day in trend.partial]
    drawn = in_range(happened, trend.periods[0], last_day(trend.periods[-1], trend.grain))[-MOST_EVENTS:]
    usual = expected is not None and any(value is not None for value in expected.low)
    chart = LineChart(
        title=title or f"{label_of(trend.metric)} by {trend.grain}",
        x=trend.periods,
        series=[Series(label_of(trend.metric), trend.values)],
        format=metric_format(trend.metric),
        incomplete_from=unfinished[0] if unfinished else None,
        events=[*_first(trend), *(_event(trend, item) for item in drawn)],
        compare=Series(compared.name, compared.values) if compared else None,
        usual=Band("usual range", expected.low, expected.high) if usual and expected else None,
        thresholds=[Threshold(name, height) for name, height in limits],
        zero=not trend.is_share,
    )
    return [chart, *([Paragraph(expected.says(trend.grain))] if usual and expected else [])]


def _first(trend: Trend) -> list[Event]:
    """The first period says where it is cut short: it is drawn as high as it is, and lower than it would be."""
    first = trend.periods[0]
    return [Event(first, f"part of a {trend.grain}")] if first in trend.partial and len(trend.periods) > 1 else []


def _event(trend: Trend, item: Happened) -> Event:
    """Within the chart's own days, so that it does not make the axis longer."""
    first, last = trend.periods[0], trend.periods[-1]
    at = min(max(item.at, first), last)
    until = min(item.until, last) if item.until is not None else None
    return Event(at, item.says, until if until is not None and until > at else None)
