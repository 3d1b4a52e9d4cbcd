"""The one metric that says how the whole is doing: its last whole period against others, and its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.dashboards.expected import Expected
from steelyard.dashboards.happened import Happened
from steelyard.dashboards.tile import change_format, short_format, tile
from steelyard.dashboards.trend import Trend, label_of, period_said, year_before
from steelyard.dashboards.trend_chart import trend_chart
from steelyard.document import Block, Figure, Grid, Link, Paragraph, format_value

__all__ = ["headline_blocks", "standing_figures"]

SHOWN = {"day": 91, "week": 53, "month": 25}


def headline_blocks(
    trend: Trend, *, expected: Expected | None, happened: Sequence[Happened], href: str, why: str
) -> tuple[list[Block], list[Block]]:
    """The metric's figures; and its line over the last year, with where to go on.

    Args:
        trend: The metric by period.
        expected: The usual range of its last periods.
        happened: What happened.
        href: The metric's page.
        why: The page that says why it moved; empty where there are no two periods to compare.
    """
    shown = trend.from_whole().since(SHOWN.get(trend.grain, len(trend.periods)))
    usual = expected.since(len(shown.periods)) if expected is not None else None
    links: list[Any] = [Link(f"All of {label_of(trend.metric).lower()}", href)]
    if why:
        links = [Link(f"Why did it move in the last {trend.grain}?", why), " · ", *links]
    line = [*trend_chart(shown, expected=usual, happened=happened), Paragraph(links)]
    return standing_figures(trend, expected, href=href), line


def standing_figures(trend: Trend, expected: Expected | None, *, href: str | None = None) -> list[Block]:
    """The last whole period against the one before, against the year before, and against what was expected.

    Args:
        trend: The metric by period.
        expected: The usual range of its last periods.
        href: Where the first leads.
    """
    figures: list[Block] = [tile(trend, href=href, note=f"against the {trend.grain} before, {trend.says}")]
    if not trend.whole:
        return [Grid(figures, columns=1)]
    day, value = trend.whole[-1]
    earlier = year_before(day, trend.grain)
    past = trend.at(earlier)
    if past is not None:
        figures.append(
            Figure(
                f"The same {trend.grain} last year",
                past,
                short_format(trend.metric, past),
                change=trend.change_from(past),
                change_format=change_format(trend),
                better=trend.metric.better or None,
                note=f"since {period_said(earlier, trend.grain)}",
            )
        )
    figures += _expected(trend, expected, value)
    return [Grid(figures, columns=len(figures))]


def _expected(trend: Trend, expected: Expected | None, value: Any) -> list[Block]:
    """What was expected of the last whole period; nothing where that is not known."""
    if expected is None or value is None:
        return []
    place = trend.periods.index(trend.whole[-1][0])
    usual, low, high = expected.values[place], expected.low[place], expected.high[place]
    if usual is None or low is None or high is None:
        return []
    style = short_format(trend.metric, usual)
    found = "within" if low <= value <= high else "below" if value < low else "above"
    note = f"{found} the usual {format_value(low, style)} to {format_value(high, style)}"
    return [Figure(f"Expected of this {trend.grain}", usual, style, note=note)]
