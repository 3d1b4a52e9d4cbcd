"""Dates and ranges of dates, as a person gives them."""

from __future__ import annotations

from datetime import date

from steelyard.errors import DefinitionError

__all__ = ["Range", "as_day", "as_range"]

Range = tuple[str | date, str | date]


def as_day(value: str | date | None) -> date | None:
    """The date that a text gives; None stays None.

    Raises:
        DefinitionError: It is none.

    >>> as_day("2026-01-31")
    datetime.date(2026, 1, 31)
    """
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise DefinitionError(f"{value!r} is not a date", hint="write it as 2026-01-31") from error


def as_range(value: Range) -> tuple[date, date]:
    """First and last date of a range, both included.

    Raises:
        DefinitionError: They are not two, one is no date, or they are in the wrong order.

    >>> as_range(("2026-01-01", "2026-01-31"))
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 31))
    """
    days = [] if isinstance(value, str | date) else [as_day(item) for item in value]
    if len(days) != 2 or days[0] is None or days[1] is None:
        raise DefinitionError(f"{value!r} is no range of dates", hint="give its first and its last date")
    first, last = days[0], days[1]
    if first > last:
        raise DefinitionError(f"a range ends on {last} before it begins on {first}", hint="give the earlier date first")
    return first, last
