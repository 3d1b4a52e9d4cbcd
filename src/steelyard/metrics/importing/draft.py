"""An import in the making: the tables and metrics so far, and what was said of each thing in the source."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from steelyard.errors import SteelyardError
from steelyard.metrics.importing.imported import Imported, ImportedItem
from steelyard.metrics.names import free_name

__all__ = ["Draft", "listed", "part", "snake_case", "text_of"]


class Draft:
    """What was made so far.

    Args:
        source: The file, as it is shown in messages.
        format: What the file is.
    """

    def __init__(self, source: str, format: str) -> None:  # noqa: A002 - the word for it
        self.source, self.format = source, format
        self.tables: dict[str, dict[str, Any]] = {}
        self.metrics: dict[str, dict[str, Any]] = {}
        self.items: list[ImportedItem] = []
        self.taken: set[str] = set()
        self.helpers: set[str] = set()

    def name(self, wanted: str) -> str:
        """A metric's name that is free and can be one."""
        return free_name(snake_case(wanted), self.taken)

    def helper(self, wanted: str, said: dict[str, Any]) -> str:
        """Adds a metric that the source does not name and others need; its name. It stays only where one uses it."""
        now = self.name(wanted)
        self.helpers.add(now)
        self.metrics[now] = said
        return now

    def carried(self, what: str, name: str, place: str, *, now: str = "", notes: Iterable[str] = ()) -> None:
        """Says that a thing was carried over, under another name or with a difference where there is one."""
        said = tuple(dict.fromkeys(notes))
        renamed = f"it is called {now} here" if now and now != name else ""
        reason = "; ".join((*said, renamed) if renamed else said)
        fate = "differs" if said else "renamed" if renamed else "carried"
        self.items.append(ImportedItem(what=what, name=name, place=place, fate=fate, reason=reason))  # type: ignore[arg-type]

    def left_out(self, what: str, name: str, place: str, reason: str, nearest: str = "") -> None:
        """Says that a thing was not carried over, and why."""
        item = ImportedItem(what=what, name=name, place=place, fate="left out", reason=reason, nearest=nearest)
        if item not in self.items:
            self.items.append(item)

    def refused(self, what: str, name: str, place: str, error: SteelyardError) -> None:
        """Says that a thing was not carried over because of an error."""
        self.left_out(what, name, place, error.problem, error.hint)

    def unread(self, place: str, said: Mapping[str, Any], known: Collection[str]) -> None:
        """Says which keys of a thing are not read here, where they say something."""
        for key, value in said.items():
            if key not in known and value not in (None, "", False, [], {}, {"meta": {}}):
                self.left_out("key", str(key), place, f"nothing here means what {str(key)!r} says ({_short(value)})")

    def strays(self, place: str, said: Mapping[str, Any], keys: Iterable[str]) -> None:
        """Says what stands in a list of things and is none, or stands where the list should be."""
        for key in keys:
            value = said.get(key)
            items = value if isinstance(value, list) else [] if value is None else [value]
            for item in items:
                if not isinstance(item, dict) or not isinstance(value, list):
                    self.left_out("entry", key, place, f"{_short(item)!r} is not one of a list of mappings")

    def _prune(self) -> None:
        """Takes away the helpers that nothing uses, and says what the others are for."""
        while unused := [name for name in self.helpers if not self._users(name)]:
            for name in unused:
                del self.metrics[name]
                self.helpers.discard(name)
        for name in sorted(self.helpers):
            reason = f"it is made here, as a part of {', '.join(self._users(name))}"
            self.items.append(ImportedItem(what="helper", name=name, place="", fate="carried", reason=reason))

    def _users(self, name: str) -> list[str]:
        return [other for other, said in self.metrics.items() if other != name and name in _words(said)]

    def finished(self) -> Imported:
        """The import."""
        self._prune()
        return Imported(
            source=self.source,
            format=self.format,
            tables=self.tables,
            metrics=self.metrics,
            items=tuple(self.items),
        )


def snake_case(name: str) -> str:
    """The nearest name that a metric can have.

    >>> snake_case("Net Revenue (EUR)"), snake_case("7_day_users")
    ('net_revenue_eur', 'm_7_day_users')
    """
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    plain = plain or "metric"
    return plain if plain[0].isalpha() else f"m_{plain}"


def listed(value: Any) -> list[dict[str, Any]]:
    """The mappings in a list; a file that has something else there has nothing."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def part(said: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The mapping under a key; empty where something else stands there."""
    value = said.get(key)
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    """The text; a number as it is written, and empty for nothing."""
    return "" if value is None or isinstance(value, bool | dict | list) else str(value)


def _words(value: Any) -> set[str]:
    """The words in a definition, its description apart."""
    if isinstance(value, Mapping):
        return {word for key, item in value.items() if key != "description" for word in _words(item)}
    return set(re.findall(r"\w+", str(value)))


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
