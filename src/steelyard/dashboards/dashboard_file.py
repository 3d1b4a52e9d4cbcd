"""Reads a dashboard's file, with the line of every block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from steelyard.dashboards.dashboard import Dashboard
from steelyard.definition_file import build, read_definition
from steelyard.errors import DefinitionError

__all__ = ["read_dashboard_file"]


def read_dashboard_file(path: str | Path, *, text: str | None = None, shown_as: str = "") -> Dashboard:
    """The dashboard that a file says; its name is the file's.

    Args:
        path: `dashboards/NAME.yml`.
        text: Its text where that is at hand already.
        shown_as: The name that messages give the file; the path as given by default.

    Raises:
        DefinitionError: It is not YAML, or says something that cannot be; with file and line.

    >>> found = read_dashboard_file("dashboards/sales.yml", text="headline: revenue\\nblocks: [{text: Hello}]\\n")
    >>> found.name, found.headline, found.blocks[0].kind
    ('sales', 'revenue', 'text')
    """
    definition = read_definition(path, text=text, shown_as=shown_as)
    stem = Path(path).stem
    name = definition.data.get("name", stem)
    if name != stem:
        where = definition.where(("name",))
        raise DefinitionError(f"the dashboard in {stem!r} is named {name!r}", where=where, hint="one name: the file's")
    if "defined_at" in definition.data:
        where = definition.where(("defined_at",))
        raise DefinitionError("'defined_at' is no key", where=where, hint="the reader fills it in")
    found = build(Dashboard, {**definition.data, "name": stem}, definition)
    listed = isinstance(definition.data.get("blocks"), Sequence)
    places = [("blocks", number) if listed else ("blocks",) for number in range(len(found.blocks))]
    blocks = [
        replace(block, defined_at=definition.where(place)) for block, place in zip(found.blocks, places, strict=True)
    ]
    return replace(found, blocks=tuple(blocks), defined_at=definition.where())
