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
        DefinitionError: One is no date, or they are in the wrong order.
    """
    first, last = (as_day(item) for item in value)
    assert first is not None  # noqa: S101 - a range has two dates by its type
    assert last is not None  # noqa: S101
    if first > last:
        raise DefinitionError(f"a range ends on {last} before it begins on {first}", hint="give the earlier date first")
    return first, last
