"""What a day's number should be, judged by its own past: trend, weekday, and a robust spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

__all__ = ["Expectation", "expected_value"]

LEAST_HISTORY = 14
_TO_SIGMA = 1.482602218505602
"""1 / the 0.75 quantile of the standard normal: what makes a MAD a standard deviation of normal noise."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a day's number should be.

    Args:
        expected: The number that the past foretells.
        spread: A robust standard deviation of the past about its own trend and weekdays, never below `floor`.
        days: How many days of the past there were.
    """

    expected: float
    spread: float
    days: int

    def score(self, value: float) -> float:
        """How many spreads the value is away."""
        return (value - self.expected) / self.spread


def expected_value(
    past: Mapping[date, float], day: date, *, floor: float = 0.0, counts: bool = False
) -> Expectation | None:
    """What the day's number should be by the days before it; None with fewer than 14 of them.

    The trend is Theil-Sen's (the median of all slopes between two days), a weekday is the median of what is left on
    it (at least three days of that weekday; otherwise none is told apart), and the spread is the median absolute
    deviation of what is left then: a few strange days move none of the three.

    Args:
        past: Day -> number, each day before `day`.
        day: The day that is asked for.
        floor: The least spread, so that a constant past does not make an alarm of a rounding.
        counts: Whether the number is a count, whose spread is never below the square root of what is expected.

    Assumes: noise that is about as large on each weekday, and a trend that is about straight over the past.

    Source: P. K. Sen (1968), Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1379-1389.

    >>> from datetime import timedelta
    >>> start = date(2026, 1, 1)
    >>> past = {start + timedelta(days=n): 100.0 + n for n in range(28)}
    >>> expected_value(past, date(2026, 1, 29)).expected
    128.0
    """
    earlier = sorted((when, value) for when, value in past.items() if when < day)
    if len(earlier) < LEAST_HISTORY:
        return None
    times = np.array([(when - day).days for when, _ in earlier], dtype=float)
    values = np.array([value for _, value in earlier], dtype=float)
    weekdays = np.array([when.weekday() for when, _ in earlier])
    slope = _theil_sen(times, values)
    level = float(np.median(values - slope * times))
    left = values - slope * times - level
    effects = np.array([_weekday_effect(left, weekdays, weekday) for weekday in range(7)])
    expected = level + effects[day.weekday()]
    spread = _TO_SIGMA * float(np.median(np.abs(left - effects[weekdays])))
    least = max(floor, float(np.sqrt(max(expected, 1.0))) if counts else 0.0, 1e-12)
    return Expectation(expected=float(expected), spread=max(spread, least), days=len(earlier))


def _theil_sen(times: np.ndarray, values: np.ndarray) -> float:
    """The median slope; of pairs a whole number of weeks apart where there are three weeks, so that weekdays cancel."""
    first, second = np.triu_indices(len(times), k=1)
    gaps = times[second] - times[first]
    weekly = gaps % 7 == 0
    chosen = weekly if times[-1] - times[0] >= 21 and weekly.any() else gaps > 0
    return float(np.median((values[second] - values[first])[chosen] / gaps[chosen]))


def _weekday_effect(left: np.ndarray, weekdays: np.ndarray, weekday: int) -> float:
    of_day = left[weekdays == weekday]
    return float(np.median(of_day)) if len(of_day) >= 3 else 0.0
