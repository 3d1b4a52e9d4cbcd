"""Moments as a column's type holds them: zoned, or as local clocks show them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError

__all__ = ["as_column", "day_bounds"]


def as_column(moment: datetime, column_type: str, zone: str, *, where: str = "") -> datetime:
    """The moment to compare a column with.

    Args:
        moment: A zoned moment.
        column_type: The column's type in DuckDB's words.
        zone: The zone whose clocks a column without a zone shows.
        where: Where the column stands, for the error.

    Raises:
        DefinitionError: The column holds no time.

    >>> as_column(datetime(2026, 1, 1, 5, tzinfo=UTC), "TIMESTAMP", "America/New_York")
    datetime.datetime(2026, 1, 1, 0, 0)
    """
    kind = column_type.upper()
    if kind in ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"):
        return moment.astimezone(UTC)
    if kind.startswith(("TIMESTAMP", "DATE")):
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    raise DefinitionError(f"a column of type {column_type} holds no time", where=where, hint="name a date or timestamp")


def day_bounds(between: tuple[date, date], zone: str) -> tuple[datetime, datetime]:
    """The moment in which the first local day begins, and the one in which the last has ended.

    >>> day_bounds((date(2026, 1, 1), date(2026, 1, 1)), "America/New_York")[1].astimezone(UTC).isoformat()
    '2026-01-02T05:00:00+00:00'
    """
    first, last = between
    local = ZoneInfo(zone)
    return datetime.combine(first, time(), local), datetime.combine(last + timedelta(days=1), time(), local)
