"""Local hours and days as moments: where each begins, on clocks that are put forward and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from steelyard.warehouse import quote_text
from steelyard.warehouse.wall_clock import ClockChange, clock_changes

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "EVERY_DAY",
    "day_bounds",
    "hour_runs",
    "hour_sql",
    "hours_in_zone",
    "local_hours",
    "next_hour",
    "with_offset",
]

EVERY_DAY = (date(1970, 1, 1), date(2099, 12, 31))
HOUR = timedelta(hours=1)


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """The first moment of a local day and of the next, in UTC: 23, 24 or 25 hours apart where clocks change by one.

    Args:
        day: The local day.
        zone: The IANA name of its zone.

    >>> first, after = day_bounds(date(2025, 11, 2), "America/New_York")
    >>> (after - first).total_seconds() / 3600
    25.0
    """
    clock = ZoneInfo(zone)
    ends = (day, day + timedelta(days=1))
    first, after = (datetime.combine(end, time(), clock).astimezone(UTC) for end in ends)
    return first, after


def with_offset(moment: datetime, zone: str) -> datetime:
    """A moment as a zone's clock shows it, with its offset: two times of a repeated hour are told apart by it.

    >>> str(with_offset(datetime(2025, 11, 2, 6, tzinfo=UTC), "America/New_York"))
    '2025-11-02 01:00:00-05:00'
    """
    local = moment.astimezone(UTC).astimezone(ZoneInfo(zone))
    offset = local.utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo has one at every moment
    return local.replace(tzinfo=timezone(offset), fold=0)


def local_hours(first: date, last: date, zone: str) -> Iterator[datetime]:
    """The first moment of every local hour of some days, with its offset.

    An hour is what the clock shows with one hour and one offset: the hour that is repeated in autumn is two, the one
    that is skipped in spring is none, and one that a change cuts is short.

    Args:
        first: First local day.
        last: Last local day, included.
        zone: IANA zone.

    >>> hours = list(local_hours(date(2025, 11, 2), date(2025, 11, 2), "America/New_York"))
    >>> len(hours), [str(hour) for hour in hours[1:3]]
    (25, ['2025-11-02 01:00:00-04:00', '2025-11-02 01:00:00-05:00'])
    """
    begin, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    changes = [change.at for change in clock_changes(zone, first, last) if begin < change.at < end]
    for start, stop in pairwise([begin, *changes, end]):
        hour = with_offset(start, zone)
        while hour < stop:
            yield hour
            hour = hour.replace(minute=0, second=0) + HOUR


def next_hour(start: datetime, zone: str) -> datetime:
    """The first moment of the local hour after the one that starts then, with its offset.

    >>> str(next_hour(datetime(2025, 11, 2, 5, tzinfo=UTC), "America/New_York"))
    '2025-11-02 01:00:00-05:00'
    """
    local = with_offset(start, zone)
    after = local.replace(minute=0, second=0, microsecond=0) + HOUR
    changes = [change.at for change in clock_changes(zone, local.date(), local.date()) if local < change.at < after]
    return with_offset(min([after, *changes]), zone)


def hours_in_zone(table: pa.Table, zone: str) -> pa.Table:
    """A table whose `period` are hours, as moments that a zone's clock shows."""
    import pyarrow as pa

    at = table.schema.get_field_index("period")
    return table.set_column(at, "period", table.column(at).cast(pa.timestamp("us", zone)))


def hour_runs(hours: Sequence[datetime]) -> Iterator[tuple[datetime, int]]:
    """The first of each run of hours that begin 60 minutes apart, and how many more there are in it."""
    starts = [0, *(number for number, (one, other) in enumerate(pairwise(hours), 1) if other - one != HOUR), len(hours)]
    for start, stop in pairwise(starts):
        yield hours[start].astimezone(UTC), stop - start - 1


def hour_sql(moment: str, zone: str, days: tuple[date, date] = EVERY_DAY) -> str:
    """The SQL of the first moment of the local hour that a moment is in.

    Args:
        moment: The SQL of a TIMESTAMPTZ, or of a TIMESTAMP in UTC.
        zone: IANA zone.
        days: The first and the last day that there may be.

    >>> hour_sql("at", "Europe/Berlin")
    "local_moment(date_trunc('hour', at), 'UTC')"
    """
    changes = clock_changes(zone, *days)
    if all(_is_whole(offset) for offset in _offsets(zone, days, changes)) and not any(map(_cuts, changes)):
        return f"local_moment(date_trunc('hour', {moment}), 'UTC')"
    shown = f"local_time({moment}, {quote_text(zone)})"
    start = f"add_seconds(date_trunc('hour', {shown}), 0 - seconds_between({moment}, {shown}))"
    cut = [f"CAST({quote_text(change.at.isoformat(sep=' '))} AS TIMESTAMPTZ)" for change in changes if _cuts(change)]
    latest = [f"CASE WHEN {moment} >= {at} THEN {at} END" for at in cut]
    return f"greatest({', '.join([start, *latest])})" if latest else start


def _offsets(zone: str, days: tuple[date, date], changes: Sequence[ClockChange]) -> set[timedelta]:
    if changes:
        return {offset for change in changes for offset in (change.before, change.after)}
    offset = datetime.combine(days[0], time(12), ZoneInfo(zone)).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo has one at every moment
    return {offset}


def _is_whole(offset: timedelta) -> bool:
    return offset % HOUR == timedelta()


def _cuts(change: ClockChange) -> bool:
    """Whether the first time after it is within an hour of the clock."""
    return not _is_whole(change.at - datetime(1970, 1, 1, tzinfo=UTC) + change.after)
