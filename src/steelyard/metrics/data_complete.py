"""Through which day a table's data is complete: declared, or told from its publishing time and its lateness."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError

__all__ = ["DataComplete", "data_complete", "lateness_days"]


@dataclass(frozen=True, kw_only=True)
class DataComplete:
    """Through which day a table's data is complete.

    Args:
        through: The last local day that is; None where nothing says it.
        says: Why, in one sentence.
    """

    through: date | None
    says: str


def lateness_days(lateness: str, where: str = "") -> int:
    """How many whole days rows may come late; part of a day counts as one.

    Raises:
        DefinitionError: It is no length of time.

    >>> lateness_days("2 days"), lateness_days("36 hours"), lateness_days("1 week"), lateness_days("")
    (2, 2, 7, 0)
    """
    if not lateness:
        return 0
    found = re.fullmatch(r"([0-9]{1,5}) (hour|day|week)s?", lateness.strip())
    if found is None:
        raise DefinitionError(f"{lateness!r} is no lateness", where=where, hint="write, say, 2 days")
    count = int(found[1])
    return {"hour": -(-count // 24), "day": count, "week": 7 * count}[found[2]]


def data_complete(
    declared: str | date,
    lateness: str,
    published_at: str,
    last_day: date | None,
    zone: str,
    *,
    where: str = "",
) -> DataComplete:
    """Through which day a table's data is complete.

    Args:
        declared: The day that the table's author declares, ISO; empty where none is.
        lateness: How long rows may come late, such as `2 days`; empty where nothing is said.
        published_at: When the version was published, UTC, ISO; empty where it is unknown.
        last_day: The last local day that has rows; None where that is unknown, or there are none.
        zone: IANA zone in which days are counted.
        where: File and line, for errors.

    Returns:
        The declared day; else the day before the one of publishing, less the lateness; else, with a lateness and no
        publishing time, the last day with rows less the lateness; else None.

    Raises:
        DefinitionError: The day or the lateness cannot be read.

    >>> data_complete("", "2 days", "2026-02-10T23:30:00+00:00", None, "Europe/Berlin").through
    datetime.date(2026, 2, 8)
    """
    days = lateness_days(lateness, where)
    late = f", less {days} {'day' if days == 1 else 'days'} in which rows may come late" if days else ""
    if declared:
        return DataComplete(through=_day(declared, where), says="declared with the table")
    if published_at:
        moment = datetime.fromisoformat(published_at)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        published = moment.astimezone(ZoneInfo(zone)).date()
        through = published - timedelta(days=1 + days)
        return DataComplete(through=through, says=f"the day before it was published ({published}){late}")
    if lateness and last_day is not None:
        return DataComplete(through=last_day - timedelta(days=days), says=f"the last day with rows{late}")
    return DataComplete(through=None, says="nothing says it: declare `lateness:` or `complete_through:`")


def _day(declared: str | date, where: str) -> date:
    if isinstance(declared, date):
        return declared
    try:
        return date.fromisoformat(declared)
    except ValueError:
        hint = "write it as 2026-01-31"
        raise DefinitionError(f"complete_through = {declared!r} is not a date", where=where, hint=hint) from None
