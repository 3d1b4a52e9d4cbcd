"""The wall clock of a zone: when it is changed, and which of its times come twice or never."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError

__all__ = ["ClockChange", "WallClockKind", "clock_changes", "wall_clock_kind"]

WallClockKind = Literal["ok", "ambiguous", "nonexistent"]
_DAY = timedelta(days=1)
_FIRST, _LAST = date(2, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True, kw_only=True)
class ClockChange:
    """One change of a zone's clocks.

    Args:
        at: The first moment after it, in UTC.
        before: The offset from UTC before it.
        after: The offset from then on.
    """

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def from_time(self) -> datetime:
        """The first wall clock time that comes twice, or never; without a zone."""
        return self.at.replace(tzinfo=None) + min(self.before, self.after)

    @property
    def to_time(self) -> datetime:
        """The first wall clock time after it that comes once again."""
        return self.at.replace(tzinfo=None) + max(self.before, self.after)

    @property
    def kind(self) -> WallClockKind:
        """What the times from `from_time` to `to_time` are."""
        return "ambiguous" if self.after < self.before else "nonexistent"


@lru_cache(maxsize=512)
def clock_changes(zone: str, first: date, last: date) -> tuple[ClockChange, ...]:
    """The changes of a zone's clocks, from the day before the first day to the day after the last.

    Clocks that are changed and changed back within 24 hours are not seen; no zone has done it.

    Args:
        zone: Its IANA name.
        first: First day.
        last: Last day, included.

    >>> [change.kind for change in clock_changes("Europe/Berlin", date(2025, 1, 1), date(2025, 12, 31))]
    ['nonexistent', 'ambiguous']
    """
    clock = ZoneInfo(zone)
    at = datetime.combine(max(first, _FIRST) - _DAY, time(), UTC)
    end = datetime.combine(min(last, _LAST) + 2 * _DAY, time(), UTC)
    offset, found = _offset(at, clock), []
    while at < end:
        following = _offset(at + _DAY, clock)
        if following != offset:
            found.append(ClockChange(at=_moment_of_change(at, clock), before=offset, after=following))
        at, offset = at + _DAY, following
    return tuple(found)


def _moment_of_change(at: datetime, clock: ZoneInfo) -> datetime:
    """The second at which the offset becomes another, in the day that begins at a moment."""
    before, low, high = _offset(at, clock), 0, int(_DAY.total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(at + timedelta(seconds=middle), clock) == before:
            low = middle
        else:
            high = middle
    return at + timedelta(seconds=high)


def _offset(moment: datetime, clock: ZoneInfo) -> timedelta:
    offset = moment.astimezone(clock).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo has one at every moment
    return offset


def wall_clock_kind(shown: datetime, zone: str) -> WallClockKind:
    """Whether a wall clock time of a zone was there once, twice (`ambiguous`) or never (`nonexistent`).

    Args:
        shown: What the clock shows, without a zone.
        zone: The IANA name of the clock's zone.

    Raises:
        DefinitionError: The time says its own zone.

    >>> wall_clock_kind(datetime(2025, 11, 2, 1, 30), "America/New_York")  # clocks went back from 2:00 to 1:00
    'ambiguous'
    >>> wall_clock_kind(datetime(2025, 3, 9, 2, 30), "America/New_York")  # and forward from 2:00 to 3:00
    'nonexistent'
    """
    if shown.tzinfo is not None:
        hint = "give what the clock shows, without a zone"
        raise DefinitionError(f"{shown.isoformat()} is a moment, which is there once", hint=hint)
    clock = ZoneInfo(zone)
    first, second = (shown.replace(tzinfo=clock, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return "ok"
    there = first.astimezone(UTC).astimezone(clock).replace(tzinfo=None, fold=0)
    return "ambiguous" if there == shown.replace(fold=0) else "nonexistent"
