"""Connection URLs whose secrets come from the environment and are shown nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from steelyard.errors import DefinitionError

__all__ = ["resolve", "scrub", "without_secrets"]

_PORT = re.compile(r"^([^:/?]*):(?!\d+(?:[/?]|$))[^/?]*")
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
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    user, has_user, place = rest.rpartition("@")
    place = _PORT.sub(r"\1", place)
    shown = f"{user.partition(':')[0]}@{place}" if has_user else place
    return f"{scheme}://{_without_options(shown)}"


def _without_options(text: str) -> str:
    return _SECRET_OPTION.sub(r"\1...", text)


def scrub(text: str, url: str) -> str:
    """The text without the secrets that the URL holds.

    >>> scrub("invalid port: 'p@ss'", "postgresql://ann:p%40ss@db/shop")
    "invalid port: '...'"
    """
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, "...")
    return text


def _secrets(url: str) -> set[str]:
    """Everything in the URL that may be a password or a piece of one, as written and as meant.

    A password with an `@`, `/` or `#` that was not percent-encoded is torn apart by whoever reads the URL.
    """
    rest = url.split("://", 1)[-1]
    found = {match[0].split("=", 1)[1] for match in _SECRET_OPTION.finditer(rest)}
    user, _, place = rest.rpartition("@")
    password = user.partition(":")[2]
    found |= {password, *(piece for piece in re.split(r"[@/?#:]", password) if len(piece) > 2)}
    if (port := _PORT.search(place)) is not None:
        found.add(port[0].partition(":")[2])
    return {form for secret in found if secret for form in (secret, unquote(secret))}
