"""What makes a number auditable beyond its SQL: lineage, failed tests, complete days, the definition's history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.data_complete import data_complete, lateness_days
from steelyard.metrics.definition_history import DefinitionVersion
from steelyard.metrics.expression import columns_of, parse_expression
from steelyard.metrics.fact_rows import sides_of
from steelyard.metrics.graph import Place
from steelyard.metrics.how import FactRead, How
from steelyard.metrics.metric import PLAIN_KINDS
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.table_lineage import FailedTest, KeptVersions, column_origins, table_lineage

__all__ = ["audited", "audited_table"]


def audited(
    how: How,
    catalog: MetricCatalog,
    kept: KeptVersions | None = None,
    *,
    history: Mapping[str, tuple[DefinitionVersion, ...]] | None = None,
    notes: Iterable[str] = (),
) -> How:
    """How a number was made, with where its rows come from, which tests failed there, and which days are complete.

    Args:
        how: What the planner knows.
        catalog: The definitions that it was made with.
        kept: The versions of the tables; None where none are kept.
        history: Metric -> the definitions that it has had.
        notes: What else a reader must know.
    """
    read = [table.name for table in how.tables]
    origins = table_lineage(read, kept) if kept is not None else ()
    columns = column_origins(_deciding(catalog, how.definitions, kept), kept) if kept is not None else {}
    failed = [test for origin in origins for test in origin.failed]
    return replace(
        how,
        facts=tuple(_complete(fact, catalog, how.definitions, kept) for fact in how.facts),
        history=dict(history or {}),
        origins=origins,
        columns=columns,
        notes=(*notes, *how.notes, *_failed_notes(failed, read)),
    )


def audited_table(
    table: MetricTable,
    catalog: MetricCatalog,
    kept: KeptVersions | None = None,
    *,
    history: Mapping[str, tuple[DefinitionVersion, ...]] | None = None,
    notes: Iterable[str] = (),
) -> MetricTable:
    """An answer whose `how` is audited, and whose notes say so too; takes what `audited` does."""
    said = tuple(notes)
    how = audited(table.how, catalog, kept, history=history, notes=said)
    added = [note for note in how.notes if note not in table.notes and note not in said]
    return replace(table, how=how, notes=(*said, *table.notes, *added))


def _failed_notes(failed: Iterable[FailedTest], read: Iterable[str]) -> Iterator[str]:
    direct = set(read)
    for test in failed:
        if test.severity == "note":
            continue
        place = test.table if test.table in direct else f"{test.table}, which the number was built from"
        what = "does not hold" if test.status == "failed" else "could not be run"
        yield f"The data test {test.test} of {place} {what}: {test.says}"


def _deciding(catalog: MetricCatalog, metrics: Iterable[str], kept: KeptVersions) -> tuple[tuple[str, str], ...]:
    """Table and column of all that the metrics aggregate, filter by and place in time."""
    found: dict[tuple[str, str], None] = {}
    for name in metrics:
        if catalog.metric(name).kind not in PLAIN_KINDS:
            continue
        for aggregate in sides_of(catalog, name).values():
            table = aggregate.table
            trees = [parse_expression(text, aggregate.place) for text in (*aggregate.where, *aggregate.exclude)]
            trees += [aggregate.expression] if aggregate.expression is not None else []
            own = getattr(kept.version(table), "columns", {})
            for item in (item for tree in trees for item in columns_of(tree)):
                mine = item.table in ("", table) and item.name in own
                place = Place(table, item.name) if mine else catalog.graph.find(str(item), table)
                found[place.table, place.column] = None
            time = catalog.time_of(table, aggregate.time, where=aggregate.place)
            if time is not None:
                found[time.table, time.column] = None
    return tuple(found)


def _complete(fact: FactRead, catalog: MetricCatalog, metrics: Iterable[str], kept: KeptVersions | None) -> FactRead:
    """The fact with the day through which its data is complete; the longest lateness that anybody declares counts."""
    declared = catalog.tables[fact.table]
    if not declared.time:
        return fact
    lateness = [getattr(declared, "lateness", ""), *(getattr(catalog.metric(name), "lateness", "") for name in metrics)]
    version = kept.version(fact.table) if kept is not None else None
    found = data_complete(
        getattr(declared, "complete_through", "") or "",
        max((item or "" for item in lateness), key=lambda item: lateness_days(item, declared.where)),
        version.published_at if version is not None else "",
        date.fromisoformat(fact.last) if fact.last else None,
        catalog.zone,
        where=declared.where,
    )
    return replace(fact, complete_through=str(found.through or ""), complete_says=found.says)
