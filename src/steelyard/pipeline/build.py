"""Builds tables: in the order of what reads what, side by side where independent, published together."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from steelyard.pipeline.own_functions import define_functions
from steelyard.pipeline.progress import Progress, ProgressEvent
from steelyard.pipeline.step_sql import Clock
from steelyard.pipeline.table_build import TableBuild
from steelyard.pipeline.table_definition import TableDefinition
from steelyard.pipeline.table_graph import TableGraph, table_graph
from steelyard.pipeline.table_keys import publish_proofs
from steelyard.pipeline.table_report import BuildReport, TableReport

if TYPE_CHECKING:
    from steelyard.warehouse import TableDeclaration
    from steelyard.warehouse.duckdb_session import Cursor
    from steelyard.warehouse.store import Store
    from steelyard.warehouse.transaction import Transaction

__all__ = ["build"]


def build(
    definitions: Iterable[TableDefinition],
    store: Store,
    *,
    sources: Collection[str] = (),
    select: Iterable[str] | None = None,
    as_of: datetime | None = None,
    zone: str = "UTC",
    full: bool = False,
    since: date | None = None,
    until: date | None = None,
    workers: int = 2,
    held: Collection[str] = (),
    declared: Iterable[TableDeclaration] = (),
    sensitive: Collection[str] = (),
    progress: Progress | None = None,
) -> BuildReport:
    """Builds tables beside what is published, tests them, and publishes those that hold in one step.

    A table whose blocking test or SQL fails keeps the version before, and so does everything that reads it; the other
    tables are published. All of them appear to readers at once. A table is not built again when its definition, its
    tests and the versions of all that it reads are as they were.

    Args:
        definitions: All tables of the project.
        store: Where they are kept, and what they read.
        sources: Names of the tables that are loaded.
        select: Which to build: `orders`, `+orders` with all that it reads, `orders+` with all that reads it; None
            builds all.
        as_of: The moment that `today`, freshness and history speak of; now by default.
        zone: IANA zone of tables that declare none.
        full: Whether to make incremental tables anew. A history is never made anew: its past is nowhere else.
        since: First local day of a back-fill of the incremental tables.
        until: Last local day of it.
        workers: How many tables are built at one time.
        held: Tables that failed before (a load, for one): what reads them is held back.
        declared: What is said of tables that are not built here; it is counted once a version, as of those that are.
        sensitive: Columns (`column` or `table.column`) of which no data test shows an example.
        progress: Told of each table.

    Raises:
        DefinitionError: Tables read each other in a circle, or are defined twice.
        UnknownNameError: A table reads, or `select` names, what is neither a table nor a source.
        ConflictError: Another process published the same tables meanwhile, three times over.
    """
    started = time.perf_counter()
    listed = list(definitions)
    moment = (as_of or datetime.now(UTC)).astimezone(UTC)
    declared = tuple(declared)
    graph = table_graph(listed, sources, loaded=store.snapshot().tables)
    chosen = graph.select(select)
    changes: list[Transaction] = []

    def work(change: Transaction) -> list[TableReport]:
        changes.append(change)
        clock = Clock(as_of=moment, zone=zone)
        run = _Run(graph, change, clock, full, since, until, set(held), progress, chosen, declared, sensitive)
        return run.all(workers)

    reports = store.write(f"build {len(chosen)} tables", work, attempts=3)
    committed = changes[-1].committed
    return BuildReport(
        tables=tuple(reports),
        snapshot=committed.number if committed else store.snapshot().number,
        seconds=time.perf_counter() - started,
        downstream={name: graph.downstream([name]) for name in (*graph.sources, *graph.definitions)},
    )


@dataclass
class _Run:
    """One attempt at a build, in one transaction."""

    graph: TableGraph
    change: Transaction
    clock: Clock
    full: bool
    since: date | None
    until: date | None
    stopped: set[str]
    progress: Progress | None
    chosen: tuple[str, ...]
    declared: tuple[TableDeclaration, ...]
    sensitive: Collection[str]
    reports: dict[str, TableReport] = field(default_factory=dict)
    cursors: list[Cursor] = field(default_factory=list)

    def all(self, workers: int) -> list[TableReport]:
        define_functions(self.change.connection)
        self.warehouse = self.change.warehouse
        waiting, running = list(self.chosen), dict[Future[TableReport], str]()
        with ThreadPoolExecutor(max(1, workers), thread_name_prefix="steelyard-build") as pool:
            try:
                while waiting or running:
                    for name in [name for name in waiting if self._ready(name)]:
                        waiting.remove(name)
                        if not self._hold(name):
                            running[pool.submit(self._one, name)] = name
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._settle(running.pop(future), future.result())
            except BaseException:
                for cursor in self.cursors:
                    cursor.interrupt()
                raise
        self._prove()
        return [self.reports[name] for name in self.chosen]

    def _prove(self) -> None:
        """Keeps with every table what was counted of its keys and references, once all of them are there."""
        built = (definition.declaration for definition in self.graph.definitions.values())
        declarations = {table.name: table for table in (*self.declared, *built)}
        for name, checks in publish_proofs(self.change, self.warehouse, declarations).items():
            if name in self.reports:
                self.reports[name] = replace(self.reports[name], checks=(*self.reports[name].checks, *checks))

    def _ready(self, name: str) -> bool:
        return all(table in self.reports for table in self.graph.before(name) if table in self.chosen)

    def _hold(self, name: str) -> bool:
        """Holds the table back where something that it reads failed."""
        broken = [table for table in self.graph.inputs[name] if table in self.stopped]
        if broken:
            there = self.change.tables.get(name)
            says = f"held back: {', '.join(repr(table) for table in broken)} did not hold"
            rows, version = (there.rows, there.version_id) if there else (None, "")
            self._settle(name, TableReport(table=name, status="held", says=says, rows=rows, version_id=version))
        return bool(broken)

    def _one(self, name: str) -> TableReport:
        from steelyard.warehouse.duckdb_session import own_cursor

        self._tell(name, "building")
        definition = self.graph.definitions[name]
        with own_cursor(self.change.connection, {}) as cursor:
            self.cursors.append(cursor)
            try:
                return TableBuild(
                    definition=definition,
                    inputs=self.graph.inputs[name],
                    tested_against=self.graph.tested_against[name],
                    change=self.change,
                    warehouse=self.warehouse,
                    cursor=cursor,
                    clock=replace(self.clock, stored=definition.declaration.zone),
                    full=self.full,
                    since=self.since,
                    until=self.until,
                    sensitive=self.sensitive,
                ).run()
            finally:
                self.cursors.remove(cursor)

    def _settle(self, name: str, report: TableReport) -> None:
        self.reports[name] = report
        if report.status in ("failed", "held"):
            self.stopped.add(name)
        self._tell(name, report.status if report.rows is None else f"{report.status}, {report.rows:,} rows")

    def _tell(self, name: str, says: str) -> None:
        if self.progress is not None:
            event = ProgressEvent(step="build", name=name, done=len(self.reports), total=len(self.chosen), says=says)
            self.progress(event)
