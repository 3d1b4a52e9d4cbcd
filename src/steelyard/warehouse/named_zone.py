"""A time zone by its name."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from steelyard.errors import DefinitionError

__all__ = ["named_zone"]


def named_zone(name: str, where: str = "") -> ZoneInfo:
    """The zone of an IANA name.

    Args:
        name: The name, such as `Europe/Berlin`.
        where: Where it is written, for the error.

    Raises:
        DefinitionError: There is none.

    >>> named_zone("Europe/Berlin").key
    'Europe/Berlin'
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = "write an IANA name, such as Europe/Berlin"
        raise DefinitionError(f"no time zone {name!r}", where=where, hint=hint) from error
