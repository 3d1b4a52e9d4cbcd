"""A refresh: loads, then builds, tests and publishes; what fails holds back only what stands on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import SteelyardError, unknown_name
from steelyard.pipeline.build import build
from steelyard.pipeline.critical_path import CriticalPath, critical_path, typical_seconds
from steelyard.pipeline.progress import Progress, ProgressEvent
from steelyard.pipeline.refresh_report import LoadOutcome, RefreshReport
from steelyard.pipeline.table_definition import TableDefinition
from steelyard.pipeline.table_graph import TableGraph, table_graph

if TYPE_CHECKING:
    from steelyard.pipeline.load import LoadReport
    from steelyard.pipeline.source_definition import SourceDefinition
    from steelyard.warehouse import TableDeclaration
    from steelyard.warehouse.ledger import Ledger
    from steelyard.warehouse.store import Store

__all__ = ["refresh"]

Load = Callable[["SourceDefinition"], "LoadReport"]


def refresh(
    sources: Iterable[SourceDefinition],
    tables: Iterable[TableDefinition],
    store: Store,
    *,
    project_folder: str | Path = ".",
    ledger: Ledger | None = None,
    metrics_of: Mapping[str, Sequence[str]] | None = None,
    select: Iterable[str] | None = None,
    as_of: datetime | None = None,
    zone: str = "UTC",
    full: bool = False,
    since: date | None = None,
    until: date | None = None,
    workers: int = 2,
    declared: Iterable[TableDeclaration] = (),
    sensitive: Collection[str] = (),
    progress: Progress | None = None,
    name: str = "refresh",
    load: Load | None = None,
) -> RefreshReport:
    """Loads the sources, then builds, tests and publishes the tables.

    Every load commits by itself; the tables are published together. A load that fails leaves what was there, and holds
    back the tables that read it; so does a table whose blocking test fails. A kill at any moment leaves a state that is
    whole, and a second run goes on from there.

    Args:
        sources: What is loaded.
        tables: What is built.
        store: Where both are kept.
        project_folder: The folder that paths in sources are relative to.
        ledger: Where the refresh is recorded, as kind "refresh"; None records nothing.
        metrics_of: Table -> names of the metrics that read it, so that the report can say which numbers are affected.
        select: Which sources and tables: `orders`, `+orders` with all that it reads, `orders+` with all that reads it;
            None takes all.
        as_of: The moment that the refresh speaks of; now by default.
        zone: IANA zone of tables that declare none.
        full: Whether to load and build anew what is otherwise continued.
        since: First local day of a back-fill.
        until: Last local day of it.
        workers: How many loads, and then how many tables, run at one time.
        declared: What is said of tables that are not built here, such as loaded ones that metrics read: their keys and
            references are counted too.
        sensitive: Columns (`column` or `table.column`) of which no data test shows an example.
        progress: Told of each load and table.
        name: What the ledger's entry is called; a project gives its own name.
        load: How a source is loaded; `steelyard.pipeline.load.load` by default.

    Raises:
        DefinitionError: Tables read each other in a circle, or are defined twice. Nothing was loaded then.
        UnknownNameError: A table reads, or `select` names, what is neither a table nor a source.
    """
    started, began = datetime.now(UTC), time.perf_counter()
    listed, built = list(sources), list(tables)
    graph = _graph(listed, built, store)
    asked = None if select is None else _known(list(select), listed, graph)
    chosen = _chosen_sources(listed, graph, asked)
    expected = _expected(graph, listed, chosen, store, as_of or started, workers)
    how = load or _loader(store, Path(project_folder), since, until, full, progress)
    loads = _load_all(chosen, how, workers, progress)
    report = build(
        built,
        store,
        sources=_source_tables(listed),
        select=_chosen_tables(graph, asked),
        as_of=as_of or started,
        zone=zone,
        full=full,
        since=since,
        until=until,
        workers=workers,
        held=[outcome.table for outcome in loads if outcome.failed],
        declared=declared,
        sensitive=sensitive,
        progress=progress,
    )
    failed = [outcome.table for outcome in loads if outcome.failed]
    below = [table for name in failed for table in report.downstream.get(name, ())]
    behind = dict.fromkeys([*failed, *below, *report.behind()])
    taken = {**{item.table: item.seconds for item in loads}, **{item.table: item.seconds for item in report.tables}}
    path = critical_path({item.table: graph.waits_for(item.table) for item in report.tables}, taken, workers=workers)
    made = RefreshReport(
        loads=loads,
        tables=report.tables,
        behind=tuple(behind),
        affected={table: tuple(sorted(set((metrics_of or {}).get(table, ())))) for table in behind},
        snapshot=report.snapshot,
        started_at=started,
        seconds=time.perf_counter() - began,
        path=replace(path, ready_at=expected.ready_at),
        downstream=report.downstream,
    )
    if ledger is None:
        return made
    return replace(made, entry=ledger.append("refresh", name, _ledger_body(made, store)).digest)


def _table(source: SourceDefinition) -> str:
    return source.table or source.name


def _source_tables(sources: Sequence[SourceDefinition]) -> list[str]:
    return list(dict.fromkeys(name for source in sources for name in source.tables))


def _graph(sources: Sequence[SourceDefinition], tables: Sequence[TableDefinition], store: Store) -> TableGraph:
    return table_graph(tables, _source_tables(sources), loaded=store.snapshot().tables)


def _known(select: list[str], sources: Sequence[SourceDefinition], graph: TableGraph) -> list[str]:
    known = [*graph.definitions, *graph.sources, *(name for s in sources for name in (s.name, _table(s)))]
    for asked in select:
        if asked.strip("+") not in known:
            raise unknown_name("table or source", asked.strip("+"), known, where="--select")
    return select


def _chosen_sources(
    sources: Sequence[SourceDefinition], graph: TableGraph, select: Sequence[str] | None
) -> list[SourceDefinition]:
    """All of them; with `select`, those that are named, and those that a `+table` reads at any remove."""
    if select is None:
        return list(sources)
    named = {asked.strip("+") for asked in select}
    read = [asked[1:] for asked in select if asked.startswith("+")]
    for table in (*read, *graph.upstream(read)):
        named.update(graph.inputs.get(table.rstrip("+"), ()))
    return [source for source in sources if _table(source) in named or source.name in named]


def _chosen_tables(graph: TableGraph, select: Sequence[str] | None) -> list[str] | None:
    """The tables that are meant; a source that is named and read by no table is none of them."""
    if select is None:
        return None
    return [asked for asked in select if asked.strip("+") in graph.definitions or asked.strip("+") in graph.sources]


def _expected(
    graph: TableGraph,
    sources: Sequence[SourceDefinition],
    chosen: Sequence[SourceDefinition],
    store: Store,
    at: datetime,
    workers: int,
) -> CriticalPath:
    """What the times of earlier runs let expect; a source that is not loaded takes no time."""
    loads = [_table(source) for source in chosen]
    times = typical_seconds(store.snapshot().state, {source.name: _table(source) for source in sources})
    inputs = {**dict.fromkeys(loads, ()), **{name: graph.waits_for(name) for name in graph.definitions}}
    quiet = {name: 0.0 for name in graph.sources if name not in loads}
    return critical_path(inputs, {**times, **quiet}, started_at=at, workers=workers)


def _loader(
    store: Store, folder: Path, since: date | None, until: date | None, full: bool, progress: Progress | None
) -> Load:
    from steelyard.pipeline.load import load

    def run(source: SourceDefinition) -> LoadReport:
        return load(source, store, project_folder=folder, since=since, until=until, full=full, progress=progress)

    return run


def _load_all(
    sources: Sequence[SourceDefinition], load: Load, workers: int, progress: Progress | None
) -> tuple[LoadOutcome, ...]:
    def one(source: SourceDefinition) -> LoadOutcome:
        outcome = _outcome(source, load)
        if progress is not None:
            done.append(outcome.table)
            says = f"{outcome.status}, {outcome.rows:,} rows"
            progress(ProgressEvent(step="load", name=outcome.table, done=len(done), total=len(sources), says=says))
        return outcome

    done: list[str] = []
    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="steelyard-load") as pool:
        return tuple(pool.map(one, sources))


def _outcome(source: SourceDefinition, load: Load) -> LoadOutcome:
    began = time.perf_counter()
    try:
        report = load(source)
    except SteelyardError as error:
        return LoadOutcome(
            table=_table(source),
            status="failed",
            seconds=time.perf_counter() - began,
            says=error.problem,
            where=error.where or source.where,
            hint=error.hint,
        )
    return LoadOutcome(
        table=report.table,
        status="loaded" if report.changed else "unchanged",
        rows=report.rows,
        rejected=report.rejected,
        added_columns=tuple(report.added_columns),
        seconds=time.perf_counter() - began,
        checks=tuple(report.checks),
    )


def _ledger_body(report: RefreshReport, store: Store) -> dict[str, Any]:
    """What the ledger keeps: every check that does not hold in full, and which version of each table is readable."""
    there = store.snapshot(report.snapshot).tables
    return {
        "snapshot": report.snapshot,
        "started_at": report.started_at,
        "seconds": round(report.seconds, 6),
        "failed": report.failed,
        "behind": report.behind,
        "metrics": report.metrics,
        "loads": {
            load.table: {"status": load.status, "rows": load.rows, "rejected": load.rejected, "says": load.says}
            for load in report.loads
        },
        "tables": {
            table.table: {
                "status": table.status,
                "says": table.says,
                "rows": table.rows,
                "version_id": table.version_id,
                "fingerprint": there[table.table].fingerprint if table.table in there else "",
                "passed": sum(check.status == "passed" for check in table.checks),
                "checks": [check.to_dict() for check in table.checks if check.status != "passed"],
            }
            for table in report.tables
        },
    }
