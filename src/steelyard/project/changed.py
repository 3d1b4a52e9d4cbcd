"""What changed in the meaning of a metric's numbers in some days: its definition, and the columns that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from steelyard.canonical import canonical_json, plain
from steelyard.project.dates import Range, as_range

if TYPE_CHECKING:
    from steelyard.metrics import MetricCatalog
    from steelyard.metrics.explanation import Happening
    from steelyard.project.project import Project
    from steelyard.warehouse import Store

__all__ = ["changed_meanings"]


def changed_meanings(project: Project, metric: str, ranges: tuple[Range, Range]) -> list[Happening]:
    """Changes of a metric's definition, and of columns that it reads, from the first to the last day of two ranges.

    A definition changes when another one is recorded, which a refresh does; one that is not recorded yet changes today.
    A column changes when a version of its table is published that lacks it, has it anew, or has it of another type;
    a target that is no store of Steelyard's keeps no versions, so there only definitions are told.

    Args:
        project: The project.
        metric: The metric.
        ranges: The two ranges that are compared.

    Raises:
        UnknownNameError: There is no such metric.
    """
    sides = [as_range(side) for side in ranges]
    catalog = project.definitions.metrics
    found = [*_definitions(project, catalog, metric)]
    if project.embedded:
        found += _schemas(project.store, catalog, metric)
    return [item for item in found if min(first for first, _ in sides) <= item.at <= max(last for _, last in sides)]


def _definitions(project: Project, catalog: MetricCatalog, metric: str) -> Iterator[Happening]:
    from steelyard.metrics.definition_history import KIND, definition_versions
    from steelyard.metrics.explanation import Happening

    entries = project.ledger.entries(kind=KIND, name=metric)
    for version in definition_versions(entries, catalog.definition(metric)):
        if version.changes:
            at = version.since or datetime.now(UTC).isoformat()
            says = f"The definition of {metric} changed: {'; '.join(version.changes)}"
            yield Happening(says=says, kind="definition", at=_day(at, catalog.zone), undo=True)


def _schemas(store: Store, catalog: MetricCatalog, metric: str) -> Iterator[Happening]:
    from steelyard.metrics.explanation import Happening

    read = _columns_read(catalog, metric)
    known: dict[str, Mapping[str, str]] = {}
    for snapshot in store.history():
        for name in read:
            table = snapshot.tables.get(name)
            if table is None:
                continue
            changes = [*_changes(known.get(name, table.columns), table.columns, read[name])]
            known[name] = table.columns
            if changes:
                says = f"The columns of {name} changed: {'; '.join(changes)}"
                yield Happening(says=says, kind="schema", at=_day(snapshot.published_at, catalog.zone), undo=True)


def _columns_read(catalog: MetricCatalog, metric: str) -> dict[str, frozenset[str]]:
    """Table -> every word of the definition and every dimension: a column that is none of them moves no number."""
    definition: Mapping[str, Any] = plain(catalog.definition(metric))
    words = set(re.findall(r"\w+", canonical_json(definition).lower()))
    return {
        name: frozenset(words | {dimension.lower() for dimension in catalog.tables[name].dimensions})
        for name in definition["tables"]
    }


def _changes(before: Mapping[str, str], after: Mapping[str, str], read: frozenset[str]) -> Iterator[str]:
    for column in dict.fromkeys((*before, *after)):
        if column.lower() not in read or before.get(column) == after.get(column):
            continue
        if column not in after:
            yield f"{column} was taken away; it was {before[column]}"
        elif column not in before:
            yield f"{column} was added: {after[column]}"
        else:
            yield f"{column} was {before[column]}, and is {after[column]}"


def _day(at: str, zone: str) -> date:
    """The local day of a moment that was recorded, UTC."""
    moment = datetime.fromisoformat(at)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone)).date()
