"""The range of a cursor that a load asks for: texts made values of the cursor's type, whole days included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError
from steelyard.pipeline.conversion import ZONED
from steelyard.pipeline.duration import parse_duration
from steelyard.pipeline.sources.scan import Asked

__all__ = ["CursorValue", "Until", "cursor_range", "looked_back"]

CursorValue = date | datetime | int | Decimal | float | str
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Until:
    """The end of a range: the value, and whether it belongs to it (`<=`) or not (`<`)."""

    value: CursorValue
    test: str


def cursor_range(asked: Asked, kind: str, *, zone: str, where: str = "") -> tuple[CursorValue | None, Until | None]:
    """The first value that is asked for, and the end.

    Args:
        asked: The bounds as text; a date as the upper bound of a time takes its whole day.
        kind: The cursor's type.
        zone: The IANA zone of local dates and times; UTC where empty.
        where: For errors.

    Raises:
        DefinitionError: A bound is no value of the type.

    >>> cursor_range(Asked(since="2026-01-01", until="2026-01-31"), "TIMESTAMP", zone="")[1]
    Until(value=datetime.datetime(2026, 2, 1, 0, 0), test='<')
    """
    since = _value(asked.since, kind, zone, where) if asked.since else None
    if not asked.until:
        return since, None
    if kind.startswith("TIMESTAMP") and _DAY.fullmatch(asked.until):
        following = str(date.fromisoformat(asked.until) + timedelta(days=1))
        return since, Until(_value(following, kind, zone, where), "<")
    return since, Until(_value(asked.until, kind, zone, where), "<=")


def _value(text: str, kind: str, zone: str, where: str) -> CursorValue:
    try:
        if kind == "DATE":
            return date.fromisoformat(text[:10])
        if kind.startswith("TIMESTAMP"):
            return _moment(text, kind, zone)
        if kind.startswith("DECIMAL"):
            return Decimal(text)
        if kind in ("DOUBLE", "FLOAT"):
            return float(text)
        return int(text) if "INT" in kind else text
    except (ValueError, InvalidOperation) as error:
        problem = f"{text!r} is no {kind}, the type of the cursor"
        raise DefinitionError(problem, where=where, hint="give a date such as 2026-01-31, or a number") from error


def _moment(text: str, kind: str, zone: str) -> datetime:
    value = datetime.combine(date.fromisoformat(text), time()) if len(text) == 10 else datetime.fromisoformat(text)
    if kind == ZONED:
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone or "UTC"))
    return (
        value.replace(tzinfo=None)
        if value.tzinfo is None
        else value.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None)
    )


def looked_back(cursor: str, kind: str, look_back: str | float, *, where: str = "") -> str:
    """The cursor less the look-back, as text.

    Raises:
        DefinitionError: The look-back does not fit the cursor's type.

    >>> looked_back("2026-01-10", "DATE", "3 days"), looked_back("100", "BIGINT", 10)
    ('2026-01-07', '90')
    """
    if look_back in ("", 0):
        return cursor
    value = _value(cursor, kind, "", where)
    if isinstance(value, date) and isinstance(look_back, str):
        return (value - parse_duration(look_back, where=where)).isoformat()
    if isinstance(value, int | Decimal | float) and not isinstance(look_back, str):
        return str(Decimal(str(value)) - Decimal(str(look_back)))
    raise DefinitionError(
        f"look_back {look_back!r} does not go with a cursor of type {kind}",
        where=where,
        hint="a duration ('3 days') for a date or time, a number for a number",
    )
