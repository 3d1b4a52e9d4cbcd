"""How many units have come in by each day: what turns units into days."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = ["Accrual"]

MOST_DAYS = 3_660
WEEK = 7


@dataclass(frozen=True, kw_only=True)
class Accrual:
    """New units day by day from the first on; after the days that are known, their last week comes again and again.

    Args:
        daily: New units on each known day; seven or more.
        window: Days that the last metric counts after a unit has come in: its day is done so many days later.

    >>> steady = Accrual(daily=(100.0,) * 5 + (20.0, 20.0), window=7)
    >>> steady.units(7), steady.units(14), steady.days(540)
    (0.0, 540.0, 14)
    """

    daily: tuple[float, ...]
    window: int = 0

    @classmethod
    def of_weekdays(cls, by_weekday: Sequence[float], first: date | None, window: int) -> Accrual:
        """From what comes on each weekday, Monday first; begins on the weekday of `first`, or on a Monday."""
        start = first.weekday() if first is not None else 0
        return cls(daily=tuple(float(by_weekday[(start + day) % WEEK]) for day in range(WEEK)), window=window)

    @classmethod
    def of_days(cls, counted: Mapping[date, float], first: date, last: date, window: int) -> Accrual:
        """From counts of units that were first seen on each day of a period; a day without any had none."""
        days = (last - first).days + 1
        return cls(
            daily=tuple(float(counted.get(first + timedelta(days=day), 0)) for day in range(days)), window=window
        )

    def units(self, days: int) -> float:
        """Units whose window has closed at the end of so many days."""
        return math.fsum(self._on(day) for day in range(days - self.window))

    def _on(self, day: int) -> float:
        known = len(self.daily)
        if day < known:
            return self.daily[day]
        return self.daily[known - WEEK + (day - known) % WEEK]

    def days(self, units: float) -> int | None:
        """Days until so many units have come in and their windows have closed; None where ten years do not suffice."""
        reached = 0.0
        for day in range(MOST_DAYS):
            reached += self._on(day)
            if reached >= units:
                return day + 1 + self.window
        return None

    def whole_weeks(self, days: int) -> int:
        """So many days, raised until the days on which units come in are whole weeks.

        >>> Accrual(daily=(1.0,) * 7, window=3).whole_weeks(11)
        17
        """
        return -(-(days - self.window) // WEEK) * WEEK + self.window
