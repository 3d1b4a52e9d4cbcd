"""Local periods between two dates."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["DAYS", "Period", "earlier_start", "period_of", "periods_between"]

Period = Literal["day", "week", "month"]
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def period_of(day: date, period: Period, week_start: str = "monday") -> date:
    """First day of the period that holds `day`.

    >>> period_of(date(2017, 5, 10), "week").isoformat()
    '2017-05-08'
    """
    if period == "day":
        return day
    if period == "month":
        return day.replace(day=1)
    return day - timedelta(days=(day.weekday() - DAYS.index(week_start)) % 7)


def _next(first: date, period: Period) -> date:
    if period == "day":
        return first + timedelta(days=1)
    if period == "week":
        return first + timedelta(days=7)
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def earlier_start(first: date, count: int, period: Period) -> date:
    """First day of the period that is `count` periods before the one that begins on `first`.

    >>> earlier_start(date(2017, 2, 6), 2, "week").isoformat(), earlier_start(date(2017, 1, 1), 1, "month").isoformat()
    ('2017-01-23', '2016-12-01')
    """
    if period == "month":
        months = first.year * 12 + first.month - 1 - count
        return date(months // 12, months % 12 + 1, 1)
    return first - timedelta(days=count * (7 if period == "week" else 1))


def periods_between(first: date, last: date, period: Period, week_start: str = "monday") -> tuple[date, ...]:
    """First days of the periods that make up the range; it must begin and end with a whole period.

    Args:
        first: First date of the range.
        last: Last date, included.
        period: `day`, `week` or `month`.
        week_start: First day of the week.

    Raises:
        DefinitionError: The range cuts a period.
    """
    found = [period_of(first, period, week_start)]
    while _next(found[-1], period) <= last:
        found.append(_next(found[-1], period))
    end = _next(found[-1], period) - timedelta(days=1)
    if found[0] != first or end != last:
        raise DefinitionError(
            f"{first} to {last} does not hold whole {period}s",
            where="between",
            hint=f"nearest: {found[0]} to {end}",
        )
    return tuple(found)
