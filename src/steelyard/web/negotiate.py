"""Whether a request wants a page for a person, the same as JSON, its table as CSV, or its chart as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["MEDIA", "Form", "best_of", "wanted"]

Form = Literal["html", "json", "csv", "png"]
MEDIA: dict[Form, str] = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "png": "image/png",
}


def wanted(format_asked: str, accept: str) -> Form:
    """The form that is wanted: `?format=` first, else the better of the two in `Accept`, else HTML.

    Raises:
        DefinitionError: `?format=` is none of them.

    >>> wanted("", "application/json"), wanted("", "text/html,*/*;q=0.8"), wanted("json", "text/html")
    ('json', 'html', 'json')
    """
    for form in MEDIA:
        if format_asked == form:
            return form
    if format_asked:
        hint = "html, json, csv where the page is of one table, or png where it has a chart"
        raise DefinitionError(f"no format {format_asked!r}", where="?format", hint=hint)
    return "json" if _weight(accept, "application/json") > _weight(accept, "text/html") else "html"


def best_of(format_asked: str, accept: str, forms: Mapping[str, str]) -> str:
    """The form that is wanted of several: `?format=` first, else the best in `Accept`, else the first.

    Args:
        format_asked: The form's name; empty where none is asked for.
        accept: The header.
        forms: Name -> media type.

    Raises:
        DefinitionError: `?format=` is none of them.

    >>> best_of("", "text/csv", {"json": "application/json", "csv": "text/csv; charset=utf-8"})
    'csv'
    """
    if format_asked and format_asked not in forms:
        raise DefinitionError(f"no format {format_asked!r}", where="?format", hint=", ".join(forms))
    return format_asked or max(forms, key=lambda name: _weight(accept, forms[name].partition(";")[0]))


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
