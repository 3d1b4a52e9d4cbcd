"""Ranges of days that are compared with each other."""

from __future__ import annotations

from steelyard.dashboards import Trend, last_day
from steelyard.web.asked import Range

__all__ = ["default_ranges", "written"]


def default_ranges(trend: Trend) -> tuple[Range, Range] | None:
    """The last two whole periods as ranges of days; None where there are no two."""
    days = [day for day, _ in trend.whole[-2:]]
    if len(days) < 2 or trend.grain == "hour":
        return None
    before, after = ((day, last_day(day, trend.grain)) for day in days)
    return before, after


def written(days: Range | None) -> str:
    """A range as an address has it; empty where there is none."""
    return f"{days[0]}..{days[1]}" if days else ""
