"""A length of time as a person writes it: `30 minutes`, `7 days`."""

from __future__ import annotations

import re

from steelyard.errors import DefinitionError

__all__ = ["seconds_of"]

_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_LONGEST = 100 * 366 * 86_400


def seconds_of(text: str, what: str, where: str = "") -> int:
    """The length in seconds; a day has 24 hours.

    Args:
        text: A whole number above 0 and second, minute, hour, day or week, with or without an s.
        what: What it is the length of, for errors: `the window of 'checkout'`.
        where: File and line, for errors.

    Raises:
        DefinitionError: It is no length, or longer than a hundred years.

    >>> seconds_of("24 hours", "the window"), seconds_of("1 week", "the window")
    (86400, 604800)
    >>> seconds_of("soon", "the window")
    Traceback (most recent call last):
    steelyard.errors.DefinitionError: problem: the window is 'soon', which is no length of time
    hint:    write, say, 30 minutes, 24 hours or 7 days
    """
    found = re.fullmatch(r"([1-9][0-9]{0,9}) ?(second|minute|hour|day|week)s?", text.strip())
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < length <= _LONGEST:
        raise DefinitionError(
            f"{what} is {text!r}, which is no length of time",
            where=where,
            hint="write, say, 30 minutes, 24 hours or 7 days",
        )
    return length
