"""The effect of all who came in until each day, drawn from the day on which its bounds say something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steelyard.document import Chart, Format, LineChart, Series, Threshold

__all__ = ["course_charts"]

PERCENT = Format.percent(1, signed=True)
WIDEST = 12.0
"""Bounds that are so many times as wide as the last ones are not drawn: they would flatten all others to a line."""


def course_charts(rows: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    """One line a metric and contrast, with bounds that hold on every day; relative where every day has that scale.

    The first days, whose bounds are the widest by far, are left to the table; the title says from which day on it is.
    """
    for metric, contrast in dict.fromkeys((row["metric"], row["contrast"]) for row in rows):
        mine = [row for row in rows if (row["metric"], row["contrast"]) == (metric, contrast)]
        by_scale = {scale: [row for row in mine if row["scale"] == scale] for scale in ("relative", "absolute")}
        scale = "relative" if len(by_scale["relative"]) == len(by_scale["absolute"]) else "absolute"
        if len(by_scale[scale]) > 1:
            style = PERCENT if scale == "relative" else Format.significant(3, signed=True)
            yield _drawn(contrast, by_scale[scale], style)


def _drawn(contrast: str, rows: Sequence[Mapping[str, Any]], style: Format) -> LineChart:
    shown = rows[_first(rows) :]
    left_out = len(rows) - len(shown)
    title = f"Effect on {rows[0]['metric']} of all who came in until each day, with bounds that hold on every day"
    more = f", from the {_nth(left_out + 1)} day on" if left_out else ""
    return LineChart(
        title=f"{title}{more}: {contrast}",
        x=[row["day"] for row in shown],
        series=[Series("effect", *([row[name] for row in shown] for name in ("value", "low", "high")))],
        format=style,
        thresholds=[Threshold("no effect", 0.0)],
    )


def _nth(number: int) -> str:
    """A number in order.

    >>> _nth(2), _nth(11), _nth(23)
    ('2nd', '11th', '23rd')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _first(rows: Sequence[Mapping[str, Any]]) -> int:
    """The first day from which on no bounds are so wide; all days where the last one has none, or one would be left."""
    widths = [None if row["low"] is None or row["high"] is None else row["high"] - row["low"] for row in rows]
    last = widths[-1]
    if last is None:
        return 0
    wide = [place for place, width in enumerate(widths) if width is not None and width > WIDEST * last]
    first = wide[-1] + 1 if wide else 0
    return first if first < len(rows) - 1 else 0
