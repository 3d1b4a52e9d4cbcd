"""Times of a table's rows and the moment of a build: days in the project's zone, times in the table's own."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError
from steelyard.pipeline.step_sql import Clock
from steelyard.warehouse import quote_name, quote_text

__all__ = ["ZONED", "age", "day_expression", "end_of_day", "moment", "start_of_day"]

ZONED = "TIMESTAMP WITH TIME ZONE"


def moment(clock: Clock, kind: str, *, where: str = "") -> date | datetime:
    """The build's moment as a value that a column of this type can be compared with.

    Raises:
        DefinitionError: The type is no time.
    """
    if kind == "DATE":
        return clock.today
    if kind == ZONED:
        return clock.as_of
    if kind.startswith("TIMESTAMP"):
        return clock.as_of.astimezone(clock.written).replace(tzinfo=None)
    raise DefinitionError(f"a time of type {kind}", where=where, hint="a DATE, a TIMESTAMP or one with a time zone")


def start_of_day(day: date, clock: Clock, kind: str) -> date | datetime:
    """The first moment of the local day, as a value that a column of this type can be compared with."""
    if kind == "DATE":
        return day
    first = datetime.combine(day, time(), ZoneInfo(clock.zone))
    return first if kind == ZONED else first.astimezone(clock.written).replace(tzinfo=None)


def end_of_day(day: date, clock: Clock, kind: str) -> date | datetime:
    """The first moment after the local day."""
    return start_of_day(day + timedelta(days=1), clock, kind)


def day_expression(column: str, kind: str, clock: Clock) -> str:
    """SQL of the local day of a column."""
    if kind == "DATE":
        return quote_name(column)
    if kind == ZONED:
        return f"local_date({quote_name(column)}, {quote_text(clock.zone)})"
    if kind.startswith("TIMESTAMP") and clock.stored not in ("", clock.zone):
        moment_there = f"local_moment({quote_name(column)}, {quote_text(clock.stored)})"
        return f"local_date({moment_there}, {quote_text(clock.zone)})"
    return f"CAST({quote_name(column)} AS DATE)"


def age(value: date | datetime, clock: Clock) -> timedelta:
    """How long before the build's moment a time was; a date is as old as its last moment, at least 0."""
    if not isinstance(value, datetime):
        value = datetime.combine(value + timedelta(days=1), time(), ZoneInfo(clock.zone))
        return max(clock.as_of - value, timedelta())
    if value.tzinfo is None:
        value = value.replace(tzinfo=clock.written)
    return clock.as_of - value
