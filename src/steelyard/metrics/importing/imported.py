"""What an import gives: our YAML, and what of the source was carried over and what was not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from steelyard.canonical import plain
from steelyard.document import Block, Callout, CodeBlock, Column, Facts, Section, Table

__all__ = ["FATES", "Fate", "Imported", "ImportedItem"]

Fate = Literal["carried", "renamed", "differs", "left out"]
FATES: tuple[Fate, ...] = ("carried", "renamed", "differs", "left out")
"""As it was; under another name; with a difference that `reason` says; not at all."""


@dataclass(frozen=True, kw_only=True)
class ImportedItem:
    """One thing of the source, and what became of it.

    Args:
        what: What it is in the source's words: `metric`, `dimension`, `measure`, `saved query`.
        name: Its name in the source.
        place: Where it is in the source, such as `metrics.revenue`.
        fate: One of `FATES`.
        reason: What differs, or why it was left out; empty where it was carried.
        nearest: What comes nearest to it here; empty where nothing does.
    """

    what: str
    name: str
    place: str
    fate: Fate
    reason: str = ""
    nearest: str = ""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """Definitions from another semantic layer as one of our files, and an account of every one of them.

    Args:
        source: The file, as it is shown in messages.
        format: What it was: `dbt semantic manifest` or `Apache Ossie`.
        tables: What stands under `tables:`.
        metrics: What stands under `metrics:`.
        items: What became of each thing in the source.

    >>> item = ImportedItem(what="metric", name="largest", place="metrics", fate="left out", reason="no maximum")
    >>> made = Imported(source="m.json", format="Apache Ossie", metrics={"orders": {"count": "orders"}}, items=(item,))
    >>> [item.name for item in made.of("left out")], "orders: {count: orders}" in made.yaml()
    (['largest'], True)
    """

    source: str
    format: str
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    items: tuple[ImportedItem, ...] = ()

    def of(self, fate: Fate) -> tuple[ImportedItem, ...]:
        """The items that met this fate."""
        return tuple(item for item in self.items if item.fate == fate)

    def yaml(self) -> str:
        """The text of a file for `metrics/`; what was not carried over stands in it as comments."""
        lines = [f"# Imported from {self.source} ({self.format})."]
        lines += self._comments("differs", "Carried over with a difference:")
        lines += self._comments("left out", "Not carried over:")
        for section, content in (("tables", self.tables), ("metrics", self.metrics)):
            if content:
                lines += ["", f"{section}:"]
                lines += [line for name, said in content.items() for line in _entry(name, plain(said))]
        return "\n".join(lines) + "\n"

    def _comments(self, fate: Fate, title: str) -> list[str]:
        found = self.of(fate)
        if not found:
            return []
        lines = ["#", f"# {title}"]
        for item in found:
            lines.append(f"# - {item.what} {_line(item.name)}: {_line(item.reason)}")
            if item.nearest:
                lines.append(f"#   nearest: {_line(item.nearest)}")
        return lines

    def blocks(self) -> list[Block]:
        """The account as blocks, and the file."""
        counts = [(fate, len(self.of(fate))) for fate in FATES]
        shown: list[Block] = [Facts([("source", self.source), ("format", self.format), *counts])]
        for fate in ("left out", "differs", "renamed"):
            found = self.of(fate)
            if found:
                shown.append(Section(fate.capitalize(), [_table(found)]))
        if not self.of("left out") and not self.of("differs"):
            shown.append(Callout("good", "Everything was carried over as it was."))
        return [*shown, Section("Carried", [_table(self.of("carried"))], open=False), self._file()]

    def _file(self) -> Section:
        return Section("The file", [CodeBlock(self.yaml(), language="yaml")], open=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a program."""
        counts = {fate: len(self.of(fate)) for fate in FATES}
        return {
            "source": self.source,
            "format": self.format,
            "counts": counts,
            "items": plain(list(self.items)),
            "yaml": self.yaml(),
        }


def _table(items: tuple[ImportedItem, ...]) -> Block:
    rows = [(item.what, item.name, item.reason, item.nearest) for item in items]
    return Table([Column("what"), Column("name"), Column("reason"), Column("nearest here")], rows)


def _entry(name: str, said: Any) -> list[str]:
    """One definition: on one line where it is short, else one line a key."""
    short = _flow({name: said})[1:-1]
    if len(short) <= 110:
        return [f"  {short}"]
    # PyYAML writes a long key over two lines; quoted on one it is the same key
    key = f"{json.dumps(name)}:" if len(name) > 100 else _flow({name: None})[1:-1].removesuffix("null").rstrip()
    return [f"  {key}", *(f"    {_flow({part: value})[1:-1]}" for part, value in said.items())]


def _flow(value: Any) -> str:
    return yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf")
    ).strip()


def _line(text: str) -> str:
    """The text on one line: what stands behind it in a comment must not become a definition."""
    return " ".join(text.split())
