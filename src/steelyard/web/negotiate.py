"""Whether a request wants a page for a person or the same as JSON."""

from __future__ import annotations

from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["MEDIA", "Form", "wanted"]

Form = Literal["html", "json"]
MEDIA: dict[Form, str] = {"html": "text/html; charset=utf-8", "json": "application/json"}


def wanted(format_asked: str, accept: str) -> Form:
    """The form that is wanted: `?format=` first, else the better of the two in `Accept`, else HTML.

    Raises:
        DefinitionError: `?format=` is neither html nor json.

    >>> wanted("", "application/json"), wanted("", "text/html,*/*;q=0.8"), wanted("json", "text/html")
    ('json', 'html', 'json')
    """
    if format_asked == "html":
        return "html"
    if format_asked == "json":
        return "json"
    if format_asked:
        raise DefinitionError(f"no format {format_asked!r}", where="?format", hint="html or json")
    return "json" if _weight(accept, "application/json") > _weight(accept, "text/html") else "html"


def _weight(accept: str, kind: str) -> float:
    found = {}
    for part in accept.split(","):
        name, *options = (item.strip() for item in part.split(";"))
        found[name.lower()] = _quality(options)
    return found.get(kind, found.get(kind.split("/", maxsplit=1)[0] + "/*", 0.0))


def _quality(options: list[str]) -> float:
    for option in options:
        if option.startswith("q="):
            try:
                return float(option[2:])
            except ValueError:
                return 0.0
    return 1.0
