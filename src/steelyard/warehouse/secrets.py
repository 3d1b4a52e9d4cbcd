"""Connection URLs whose secrets come from the environment and are shown nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from steelyard.errors import DefinitionError

__all__ = ["resolve", "without_secrets"]

_NAME = re.compile(r"\$\{(\w+)\}")
_SECRET_OPTION = re.compile(r"((?:password|passwd|pwd|token|secret|sslpassword|passfile)=)[^&#]*", re.IGNORECASE)


def resolve(url: str, environment: Mapping[str, str] | None = None) -> str:
    """The URL or path with each `${NAME}` taken from the environment.

    Args:
        url: The URL, or a path. In a URL what is put in is percent-encoded where the whole of a part is one name, so
            that a password may hold any character.
        environment: Where the names are looked up; None is the process's own.

    Raises:
        DefinitionError: A name is not set.

    >>> resolve("postgresql://ann:${SHOP_PASSWORD}@db/shop", {"SHOP_PASSWORD": "p@ss"})
    'postgresql://ann:p%40ss@db/shop'
    """
    values = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise DefinitionError(
                f"the environment variable {match[1]!r} is not set",
                where=without_secrets(url),
                hint=f"export {match[1]}=...",
            )
        found = values[match[1]]
        return quote(found, safe="") if "://" in url and match.start() > 0 else found

    return _NAME.sub(value, url)


def without_secrets(url: str) -> str:
    """The URL as it may be shown: no password, no option that holds one.

    >>> without_secrets("postgresql://ann:pass@db:5432/shop?sslmode=require&password=x")
    'postgresql://ann@db:5432/shop?sslmode=require&password=...'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.split("://", maxsplit=1)[0] + "://..."
    place = parts.netloc
    if "@" in place:
        user, _, host = place.rpartition("@")
        place = f"{user.split(':')[0]}@{host}"
    return urlunsplit((parts.scheme, place, parts.path, _SECRET_OPTION.sub(r"\1...", parts.query), ""))
