"""The history of a metric's definition: kept in the ledger, told as what changed, and brought back as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from steelyard.canonical import digest, plain
from steelyard.definition_file import build
from steelyard.errors import DefinitionError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.metric import Metric
from steelyard.warehouse import Entry, Ledger, TableDeclaration

__all__ = [
    "KIND",
    "DefinitionVersion",
    "catalog_then",
    "changes_between",
    "definition_versions",
    "record_definitions",
]

KIND = "metric_definition"
UNGOVERNED = ("grain", "dimensions", "description", "owner", "where")
"""What a declaration says that no number depends on: a definition that is brought back takes it as it is now."""


@dataclass(frozen=True, kw_only=True)
class DefinitionVersion:
    """One definition that a metric has had.

    Args:
        digest: The digest of it, with all that its number depends on.
        since: When it was first recorded, UTC, ISO; empty where it is not recorded yet.
        changes: What changed against the one before, one sentence each; empty for the first.
        definition: The whole of it, as plain values.
    """

    digest: str
    since: str
    changes: tuple[str, ...]
    definition: Mapping[str, Any]


def record_definitions(catalog: MetricCatalog, ledger: Ledger) -> tuple[str, ...]:
    """Keeps in the ledger each metric's definition that is another than the last one kept; returns their names.

    Two processes that record at once may both write an entry: equal ones that follow each other are one version.

    Args:
        catalog: The definitions.
        ledger: Where they are kept, as kind `metric_definition`.

    >>> with Ledger.in_memory() as ledger:
    ...     orders = TableDeclaration(name="orders")
    ...     catalog = MetricCatalog.of(metrics=[Metric(name="orders", count="orders")], tables=[orders])
    ...     record_definitions(catalog, ledger), record_definitions(catalog, ledger)
    (('orders',), ())
    """
    latest = {entry.name: entry.body["digest"] for entry in ledger.entries(kind=KIND)}
    recorded = []
    for name in sorted(catalog.metrics):
        definition = plain(catalog.definition(name))
        found = digest(definition)
        if latest.get(name) != found:
            ledger.append(KIND, name, {"definition": definition, "digest": found})
            recorded.append(name)
    return tuple(recorded)


def definition_versions(
    entries: Iterable[Entry], now: Mapping[str, Any] | None = None
) -> tuple[DefinitionVersion, ...]:
    """The definitions that one metric has had, oldest first.

    Args:
        entries: The ledger's entries of the metric, oldest first.
        now: Its present definition; where it is not the last that was recorded, it is a version that says no time.
    """
    said = [(entry.at, entry.body["digest"], entry.body["definition"]) for entry in entries]
    if now is not None:
        present = plain(now)
        said.append(("", digest(present), present))
    versions: list[DefinitionVersion] = []
    for at, address, definition in said:
        if versions and versions[-1].digest == address:
            continue
        changes = changes_between(versions[-1].definition, definition) if versions else ()
        versions.append(DefinitionVersion(digest=address, since=at, changes=changes, definition=definition))
    return tuple(versions)


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """What is another in two definitions, one sentence each.

    >>> changes_between({"metric": {"sum": "orders.gross"}}, {"metric": {"sum": "orders.net"}})
    ('sum was orders.gross, and is orders.net',)
    """
    return tuple(_changes(plain(before), plain(after)))


def _changes(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """What is another in two definitions, in the order of their keys."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            if key not in before:
                yield f"{_named((*path, key))} was added: {_words(after[key])}"
            elif key not in after:
                yield f"{_named((*path, key))} was taken away; it was {_words(before[key])}"
            else:
                yield from _changes(before[key], after[key], (*path, key))
    elif before != after:
        yield f"{_named(path)} was {_words(before)}, and is {_words(after)}"


def _named(path: tuple[str, ...]) -> str:
    """`exclude`, or `time of the table orders`."""
    kinds = {"tables": "the table ", "parts": "the metric "}
    if path[0] == "metric" and len(path) > 1:
        return " of ".join(reversed([part.replace("_", " ") for part in path[1:]]))
    if path[0] in kinds and len(path) > 1:
        subject = f"{kinds[path[0]]}{path[1]}"
        return " of ".join([*reversed([part.replace("_", " ") for part in path[2:]]), subject])
    return " of ".join(reversed([part.replace("_", " ") for part in path]))


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_words(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    return repr(value) if isinstance(value, str) and (not value or " " in value) else str(value)


def catalog_then(
    today: MetricCatalog, entries: Iterable[Entry], names: Iterable[str], moment: datetime
) -> MetricCatalog:
    """The catalog with some metrics defined as they were at a moment, and with the tables, zone and week of then.

    What no number depends on (which columns are dimensions, words, owners) and what is sensitive are as they are today.

    Args:
        today: The definitions as they are.
        entries: The ledger's entries of kind `metric_definition`, oldest first.
        names: The metrics.
        moment: When.

    Raises:
        UnknownNameError: Such a metric neither is nor was.
        DefinitionError: Its definition was not recorded by then, or no longer can be.
    """
    kept = [entry for entry in entries if entry.kind == KIND]
    metrics: dict[str, Metric] = {}
    tables: dict[str, TableDeclaration] = {}
    days: set[tuple[str, str, int]] = set()
    for name in names:
        definition = _in_force(today, kept, name, moment)
        for said in (definition["metric"], *definition["parts"].values()):
            metrics[said["name"]] = build(Metric, said, at=(said["name"],))
        for table, said in definition["tables"].items():
            tables[table] = _declared_then(today.tables.get(table), said)
        days.add((definition["zone"], definition["week_start"], definition.get("year_start", 1)))
    if len(days) != 1:
        shown = " and ".join(f"{zone} with weeks from {start}" for zone, start, _ in sorted(days)) or "none"
        raise DefinitionError(f"these metrics were last defined in different zones or weeks: {shown}", where="as_of")
    zone, week_start, year_start = days.pop()
    then = replace(
        today,
        metrics=metrics,
        tables=tables,
        trees={},
        zone=zone,
        week_start=week_start,
        year_start=year_start,
        problems=(),
        broken={},
    )
    return then.checked()


def _in_force(today: MetricCatalog, kept: list[Entry], name: str, moment: datetime) -> Mapping[str, Any]:
    own = [entry for entry in kept if entry.name == name]
    known = [entry for entry in own if datetime.fromisoformat(entry.at) <= moment]
    if known:
        found: Mapping[str, Any] = known[-1].body["definition"]
        return found
    if not own:
        today.metric(name)
    first = f"the first was recorded at {own[0].at}" if own else "none was recorded yet: a refresh records them"
    raise DefinitionError(
        f"the definition of {name!r} at {moment.isoformat(timespec='seconds')} is not kept",
        where="definitions = then",
        hint=f"{first}; with definitions = now, the present one is used",
    )


def _declared_then(now: TableDeclaration | None, said: Mapping[str, Any]) -> TableDeclaration:
    """A table's declaration as it was, in what numbers depend on."""
    present = {name: getattr(now, name) for name in UNGOVERNED} if now is not None else {}
    governed = {item.name for item in fields(TableDeclaration)} - set(UNGOVERNED)
    return replace(build(TableDeclaration, {key: said[key] for key in said if key in governed}), **present)
