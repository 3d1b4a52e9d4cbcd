"""Scales: from values to places on a drawing, with ticks at numbers and dates that people count in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from steelyard.document.sparkline import finite
from steelyard.errors import DefinitionError

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (wall clocks are compared with wall clocks)
_HOUR = 1 / 24
_CLOCK_STEPS = (1 / 1440, 5 / 1440, 15 / 1440, 30 / 1440, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Scale:
    """A straight line from values (`low` to `high`) to places (`start` to `end`)."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Give the place of a value."""
        span = self.high / 2 - self.low / 2
        share = (value / 2 - self.low / 2) / span if span else 0.5
        return self.start + (self.end - self.start) * share


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Give ticks at multiples of 1, 2 or 5 times a power of ten that cover `low` to `high`.

    >>> nice_ticks(0, 93, 6)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    low, high = _spread(low, high)
    step = tick_step(low, high, most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [_clean(number * step, step) for number in range(first, last + 1)]


def tick_step(low: float, high: float, most: int) -> float:
    """Give the smallest of 1, 2, 5 times a power of ten that needs at most `most` ticks."""
    rough = (high / 2 - low / 2) * 2 / max(most - 1, 1) if math.isinf(high - low) else (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        if math.ceil(high / step - 1e-9) - math.floor(low / step + 1e-9) + 1 <= most:
            return step
    return 50 * power


def inner_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Give nice ticks that lie inside `low` to `high`."""
    slack = (high - low) * 1e-9
    return [tick for tick in nice_ticks(low, high, most + 2) if low - slack <= tick <= high + slack]


def place_of(value: Any) -> float:
    """Give a date (as days), a time (as days of its own wall clock) or a number as a float.

    Raises:
        DefinitionError: it is none of these, or not finite.
    """
    if isinstance(value, datetime):
        return (value.replace(tzinfo=None) - _EPOCH) / timedelta(days=1)
    if isinstance(value, date):
        return float((value - _EPOCH.date()).days)
    number = None if isinstance(value, str | bool) else finite(value)
    if number is None:
        raise DefinitionError(f"a chart cannot place {value!r} on its axis", hint="use dates, times or finite numbers")
    return number


def date_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Give ticks at days, Mondays, months or years, with labels, at most `most`.

    >>> date_ticks(place_of(date(2026, 1, 1)), place_of(date(2026, 4, 1)), 5)[:2]
    [(20454.0, 'Jan 2026'), (20485.0, 'Feb')]
    """
    most = max(most, 1)
    for step in _CLOCK_STEPS:
        if (high - low) <= 4 and (high - low) / step <= most - 1 + 1e-9 and high > low and (low % 1 or high % 1):
            return _clock_ticks(low, high, step)
    for choice in (
        _days(1),
        _days(2),
        _mondays(1),
        _mondays(2),
        *map(_months, (1, 2, 3, 6)),
        *map(_years, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    ):
        ticks = choice(low, high)
        if 1 <= len(ticks) <= most:
            return _labelled(ticks, months=choice.__name__ == "months", years=choice.__name__ == "years")
    return _labelled([date.fromordinal(date(1970, 1, 1).toordinal() + math.floor(low))], months=False, years=False)


def thin(labels: Sequence[tuple[float, float]], gap: float = 8.0) -> list[int]:
    """Choose which labels (centre, width) to keep so that none touches the one before.

    >>> thin([(0, 10), (5, 10), (30, 10)])
    [0, 2]
    """
    kept: list[int] = []
    end = -math.inf
    for index, (centre, width) in enumerate(labels):
        if centre - width / 2 >= end + gap:
            kept.append(index)
            end = centre + width / 2
    return kept


def _spread(low: float, high: float) -> tuple[float, float]:
    if high - low > max(abs(low), abs(high)) * 1e-12:
        return low, high
    pad = abs(low) * 0.1 or 1.0
    return low - pad, high + pad


def _clean(value: float, step: float) -> float:
    places = max(0, 1 - math.floor(math.log10(step)))
    return round(value, min(places, 300)) + 0.0


def _from_days(days: float) -> date:
    return date(1970, 1, 1) + timedelta(days=days)


def _days(every: int) -> Any:
    def days(low: float, high: float) -> list[date]:
        if high - low > 400:
            return []
        return [_from_days(day) for day in range(math.ceil(low), math.floor(high) + 1, every)]

    return days


def _mondays(every: int) -> Any:
    def mondays(low: float, high: float) -> list[date]:
        if high - low > 4000:
            return []
        first = math.ceil(low) + (4 - math.ceil(low)) % 7  # day 4 of the epoch is a Monday
        return [_from_days(day) for day in range(first, math.floor(high) + 1, 7 * every)]

    return mondays


def _months(every: int) -> Any:
    def months(low: float, high: float) -> list[date]:
        first, last = _from_days(low), _from_days(high)
        numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        starts = [date(number // 12, number % 12 + 1, 1) for number in numbers if number % every == 0]
        return [start for start in starts if low <= place_of(start) <= high]

    return months


def _years(every: int) -> Any:
    def years(low: float, high: float) -> list[date]:
        numbers = range(_from_days(low).year, _from_days(high).year + 1)
        starts = [date(number, 1, 1) for number in numbers if number % every == 0]
        return [start for start in starts if low <= place_of(start) <= high]

    return years


def _labelled(ticks: Sequence[date], *, months: bool, years: bool) -> list[tuple[float, str]]:
    labelled = []
    year = None
    for tick in ticks:
        name = "" if years else _MONTHS[tick.month - 1] if months else f"{tick.day} {_MONTHS[tick.month - 1]}"
        said = f"{name} {tick.year}".strip() if tick.year != year or years else name
        labelled.append((place_of(tick), said))
        year = tick.year
    return labelled


def _clock_ticks(low: float, high: float, step: float) -> list[tuple[float, str]]:
    ticks = []
    day = None
    for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        moment = _EPOCH + timedelta(minutes=round(number * step * 1440))
        clock = f"{moment:%H:%M}"
        said = clock if moment.date() == day else f"{moment.day} {_MONTHS[moment.month - 1]} {clock}"
        ticks.append((number * step, said))
        day = moment.date()
    return ticks
