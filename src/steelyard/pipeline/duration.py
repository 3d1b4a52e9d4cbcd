"""A length of time as people write it: `3 days`, `30 minutes`."""

from __future__ import annotations

import re
from datetime import timedelta

from steelyard.errors import DefinitionError

__all__ = ["parse_duration"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}


def parse_duration(text: str, *, where: str = "") -> timedelta:
    """The length of time that the text says: a whole number and one of second(s), minute(s), hour(s), day(s), week(s).

    Args:
        text: What was written; a month has no fixed length and is refused.
        where: Where it was written, for the error.

    Raises:
        DefinitionError: It is not such a text.

    >>> parse_duration("36 hours")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = re.fullmatch(r"\s*(\d{1,9})\s*(second|minute|hour|day|week)s?\s*", str(text))
    if found is None:
        raise DefinitionError(
            f"{text!r} is not a length of time",
            where=where,
            hint="write a whole number and a unit: '30 minutes', '3 days', '2 weeks'",
        )
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
