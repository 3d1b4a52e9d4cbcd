"""The two ranges, and the same two moved back through history, as weights of days."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

__all__ = ["Windows", "windows_of"]

F64 = npt.NDArray[np.float64]
Range = tuple[date, date]
MOST_REPLAYS = 40
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Weights of days; the last column is the two ranges themselves, the others are replays.

    Args:
        after: 1 for each day of the later window; shape (days, windows).
        before: What each day of the baseline counts, so that it weighs as many days, and the same weekdays, as the
            other window; the same shape.
        span: How many such windows the baseline is worth.
        independent: How many of the replays do not overlap.
        by_weekday: Whether days are set against the same weekdays.
    """

    after: F64
    before: F64
    span: float
    independent: float
    by_weekday: bool

    @property
    def replays(self) -> int:
        """How many windows of history there are."""
        return int(self.after.shape[1]) - 1


def windows_of(before: Range, after: Range, first: date, days: int) -> Windows | None:
    """The windows that lie in the data; None where one of the ranges does not.

    A replay is both ranges moved back by the same number of days, so far that they do not touch the later range, which
    may hold an incident.

    Args:
        before: First and last day of the baseline.
        after: First and last day of what is explained.
        first: The first day of the data.
        days: How many days it has.

    >>> found = windows_of((date(2026, 2, 2), date(2026, 3, 1)), (date(2026, 3, 2), date(2026, 3, 2)),
    ...                    date(2026, 1, 5), 57)
    >>> found.replays, found.span, found.by_weekday
    (28, 4.0, True)
    """
    last = first + (days - 1) * DAY
    sides = [(max(side[0], first), min(side[1], last)) for side in (before, after)]
    if any(end < begin for begin, end in sides):
        return None
    weights, by_weekday = _weights(*sides)
    length = _length(sides[1])
    span = length / sum(weight**2 for weight in weights.values())
    shifts = _shifts(sides[0], sides[1], first, step=1 if by_weekday else 7)
    after_days, before_days = (np.zeros((days, len(shifts) + 1)) for _ in range(2))
    for column, shift in enumerate([*shifts, 0]):
        begin = (sides[1][0] - first).days - shift
        after_days[begin : begin + length, column] = 1.0
        for day, weight in weights.items():
            before_days[(day - first).days - shift, column] = weight
    reach = (max(shifts) - min(shifts)) / _length(max(sides)) + 1 if shifts else 0.0
    independent = min(reach, float(len(shifts)))
    return Windows(after=after_days, before=before_days, span=span, independent=independent, by_weekday=by_weekday)


def _length(days: Range) -> int:
    return (days[1] - days[0]).days + 1


def _days(days: Range) -> list[date]:
    return [days[0] + number * DAY for number in range(_length(days))]


def _weights(before: Range, after: Range) -> tuple[dict[date, float], bool]:
    """What each day of the baseline counts: as often as its weekday in the other range, if the baseline has all."""
    had, wanted = (Counter(day.weekday() for day in _days(side)) for side in (before, after))
    if all(had[weekday] for weekday in wanted):
        weights = {day: wanted[day.weekday()] / had[day.weekday()] for day in _days(before)}
        return {day: weight for day, weight in weights.items() if weight}, True
    return {day: _length(after) / _length(before) for day in _days(before)}, False


def _shifts(before: Range, after: Range, first: date, *, step: int) -> list[int]:
    """By how many days both ranges may move back: at most 40 moves, spread over what history there is."""
    later = max(before, after, key=lambda side: (side[1], side[0]))
    earliest = min(before[0], after[0])
    least = (later[1] - later[0]).days + 1
    possible = range(-(-least // step) * step, (earliest - first).days + 1, step)
    if len(possible) <= MOST_REPLAYS:
        return list(possible)
    return [possible[int(place)] for place in np.linspace(0, len(possible) - 1, MOST_REPLAYS)]
