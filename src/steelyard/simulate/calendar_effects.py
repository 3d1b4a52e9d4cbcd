"""When people come: weekday, hour and time of the year, in their own time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from steelyard.simulate.places import ZONES
from steelyard.simulate.random_stream import lookup

__all__ = ["DAY", "HOUR_WEIGHTS", "MONTH_WEIGHTS", "WEEKDAY_WEIGHTS", "Calendar", "day_weight"]

DAY = 86_400
WEEKDAY_WEIGHTS = (96, 94, 95, 98, 104, 112, 118)  # Monday to Sunday
MONTH_WEIGHTS = (92, 90, 95, 97, 100, 98, 94, 93, 99, 103, 118, 125)
HOUR_WEIGHTS = (14, 8, 5, 4, 4, 7, 16, 28, 40, 48, 52, 55, 60, 58, 54, 53, 56, 62, 72, 84, 92, 86, 60, 32)

I64 = npt.NDArray[np.int64]


def day_weight(day: date) -> int:
    """How busy a local day is, in millionths of a plain one: weekday x month x sale or holiday.

    >>> day_weight(date(2025, 11, 28)) > day_weight(date(2025, 11, 21)) > day_weight(date(2025, 12, 25))
    True
    """
    special = 100
    if day.month == 11 and 24 <= day.day <= 30:
        special = 150
    elif (day.month, day.day) == (12, 25):
        special = 35
    return WEEKDAY_WEIGHTS[day.weekday()] * MONTH_WEIGHTS[day.month - 1] * special


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The span of a shop, in UTC days (both ends included), with the local days around it.

    Local days begin one day before the span and end one day after it, so that every time zone fills its edges.
    """

    since: date
    until: date
    cumulative: I64  # weights of the local days added up, with a leading 0; one entry more than local days
    offset: I64  # seconds to take off a local time for UTC: by zone and local day
    hour: I64  # the inverse distribution of the local hour

    @classmethod
    def of(cls, since: date, until: date) -> Calendar:
        """The calendar of a span."""
        days = [since + timedelta(days=i - 1) for i in range((until - since).days + 3)]
        weights = np.array([0, *(day_weight(day) for day in days)], dtype=np.int64)
        return cls(
            since=since,
            until=until,
            cumulative=np.cumsum(weights) // 100,
            offset=np.array([[_offset(zone, day) for day in days] for zone in map(ZoneInfo, ZONES)], dtype=np.int64),
            hour=lookup(list(HOUR_WEIGHTS)),
        )

    @property
    def days(self) -> int:
        """How many UTC days the span has."""
        return (self.until - self.since).days + 1

    @property
    def begin(self) -> int:
        """The first second, since 1970."""
        return seconds(self.since)

    @property
    def end(self) -> int:
        """The first second after the span."""
        return self.begin + self.days * DAY


def seconds(day: date) -> int:
    """Midnight UTC of a day, in seconds since 1970.

    >>> seconds(date(1970, 1, 2))
    86400
    """
    return (day - date(1970, 1, 1)).days * DAY


def instant(when: datetime | date) -> int:
    """A moment in seconds since 1970; a date is its midnight UTC."""
    if isinstance(when, datetime):
        return int((when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds(when)


def _offset(zone: ZoneInfo, day: date) -> int:
    offset = datetime.combine(day, time(12), tzinfo=zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
