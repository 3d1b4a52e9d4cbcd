"""Asks the warehouse: `query` gives a table of governed metrics, `how` says how it would be made."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from steelyard.canonical import digest, digest_of_bytes, plain
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.coverage import coverage_of
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.how import FactRead, How
from steelyard.metrics.keys import refuse_false_keys
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.plan import ORDER, Coverage, Plan, Planner
from steelyard.metrics.question import Question, ask
from steelyard.result import Provenance, Read, TableRead
from steelyard.warehouse import KeyProof, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Asked", "LiveTypes", "how", "prepare", "query"]

PACKAGES = ("steelyard", "duckdb", "sqlglot", "pyarrow")


class LiveTypes(Mapping[str, Mapping[str, str]]):
    """The columns and types of a warehouse's tables, read where they are needed and then kept.

    Args:
        warehouse: Where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._names: tuple[str, ...] | None = None
        self._columns: dict[str, Mapping[str, str]] = {}

    def __getitem__(self, table: str) -> Mapping[str, str]:
        if table not in self._columns:
            if table not in tuple(self):
                raise KeyError(table)
            self._columns[table] = self._warehouse.columns(table)
        return self._columns[table]

    def __iter__(self) -> Iterator[str]:
        if self._names is None:
            self._names = self._warehouse.tables()
        return iter(self._names)

    def __len__(self) -> int:
        return len(tuple(iter(self)))


class Asked:
    """A question with its plan, the keys that it leans on proved, and the days of its facts.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        question: What is asked.
        parts: Whether the answer gives each metric's aggregates in its place.
    """

    def __init__(
        self, catalog: MetricCatalog, warehouse: Warehouse, question: Question, *, parts: bool = False
    ) -> None:
        self.catalog, self.warehouse, self.question = catalog, warehouse, question
        planner = Planner(catalog, LiveTypes(warehouse), question)
        self.coverage: dict[str, Coverage] = {}
        if question.timed:
            self.coverage = {fact.name: coverage_of(warehouse, fact) for fact in planner.facts.values()}
        self.plan: Plan = planner.plan(self.coverage or None, parts=parts)
        self.proofs: tuple[KeyProof, ...] = refuse_false_keys(
            warehouse, [catalog.tables[table] for table in self.plan.keys]
        )
        self.partial = planner.partial(self.coverage)

    def fetch(self, *, timeout: float | None = None) -> pa.Table:
        """What the plan's SELECT gives, with the counts beside the answer."""
        return self.warehouse.fetch(self.plan.query, timeout=timeout)

    @property
    def tables(self) -> tuple[TableRead, ...]:
        """The tables that are read, as they are."""
        names = sorted({*self.plan.facts.values(), *self.plan.keys})
        found = (self.warehouse.version(name) for name in names)
        return tuple(
            TableRead(name=v.name, version_id=v.version_id, fingerprint=v.fingerprint, rows=v.rows) for v in found
        )

    def how(self, facts: tuple[FactRead, ...], notes: tuple[str, ...], tables: tuple[TableRead, ...]) -> How:
        """How the answer is made."""
        names = self.question.metrics
        return How(
            definitions={name: self.catalog.definition(name) for name in names},
            digests={name: self.catalog.digest(name) for name in names},
            order=ORDER,
            sql=self.plan.query.sql,
            sent=self.warehouse.render(self.plan.query.sql),
            parameters=plain(self.plan.query.parameters),
            engine=f"{self.warehouse.engine} {self.warehouse.engine_version}",
            tables=tables,
            facts=facts,
            proofs=self.proofs,
            paths=self.plan.places,
            notes=notes,
        )

    def facts(self, table: pa.Table) -> tuple[FactRead, ...]:
        """What each fact gave, from the counts beside the answer."""
        rows = table.select([name for name in table.column_names if name in {*self.plan.counted, *self.plan.columns}])
        records = rows.to_pylist() if self.plan.counted else []
        return tuple(self._fact(name, fact, records) for name, fact in self.plan.facts.items())

    def _fact(self, name: str, table: str, records: Sequence[Mapping[str, Any]]) -> FactRead:
        def total(column: str, only: Sequence[Mapping[str, Any]]) -> int:
            return sum(int(row[column] or 0) for row in only)

        rows = total(f"{name}_rows", records)
        found = {step.target: total(f"{name}_with_{step.target}", records) for step in self.plan.steps[name]}
        unknown = {
            column: total(f"{name}_rows", [row for row in records if row[column] in (None, UNKNOWN)])
            for column in self.plan.places
        }
        known = self.coverage.get(name)
        return FactRead(
            name=name,
            table=table,
            rows=rows,
            unmatched={target: rows - matched for target, matched in found.items()},
            unknown=unknown,
            without_time=known.without_time if known else None,
            first=str(known.first or "") if known else "",
            last=str(known.last or "") if known else "",
        )

    def notes(self, facts: Sequence[FactRead], truncated: bool) -> tuple[str, ...]:
        """What a reader of the answer must know."""
        return tuple(_notes(self, facts, truncated))


def _notes(asked: Asked, facts: Sequence[FactRead], truncated: bool) -> Iterator[str]:
    question = asked.question
    if truncated:
        yield f"There are more rows than the {question.limit} that are shown; the counts are of what is shown."
    for day, cut in asked.partial.items():
        yield f"The {question.grain} of {day} is not whole: {cut}."
    for fact in facts:
        for target, missing in fact.unmatched.items():
            if missing:
                yield f"{missing:,} of {fact.rows:,} rows of {fact.table} find no row in {target}: their values are (unknown)."
        if fact.without_time:
            kept = "are in no period" if question.grain and not (question.since or question.until) else "are left out"
            yield f"{fact.without_time:,} rows of {fact.table} have no time and {kept}."
        if fact.last and question.until and date.fromisoformat(fact.last) < question.until:
            yield f"The rows of {fact.table} end on {fact.last}, before the range does."
        if fact.first and question.since and date.fromisoformat(fact.first) > question.since:
            yield f"The rows of {fact.table} begin on {fact.first}, after the range does."
        if fact.first == "" and fact.without_time is not None:
            yield f"The table {fact.table} has no rows with a time."
    spans = {(fact.first, fact.last) for fact in facts if fact.first}
    if question.grain and len(spans) > 1:
        said = "; ".join(f"{fact.table} from {fact.first} to {fact.last}" for fact in facts if fact.first)
        yield f"The facts cover different days: {said}."
    for column, places in asked.plan.places.items():
        if len(set(places.values())) > 1:
            said = ", ".join(f"{place} for {asked.plan.facts[fact]}" for fact, place in places.items())
            yield f"{column!r} is {said}."


def prepare(catalog: MetricCatalog, warehouse: Warehouse, metrics: str | Sequence[str], **asked: Any) -> Asked:
    """The question planned and its keys proved, without running it; takes what `query` takes."""
    return Asked(catalog, warehouse, ask(metrics, **asked))


def query(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    metrics: str | Sequence[str],
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    limit: int | None = None,
    fill: bool = True,
    timeout: float | None = None,
) -> MetricTable:
    """Governed metrics as a table that says how it was made.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metrics: One name, or several.
        by: Dimensions, and at most one of day, week, month, quarter, year.
        where: A condition on dimensions, such as `country = 'DE'`; a comparison does not find what is unknown, and so
            `<>` and `NOT` keep it.
        since: First local date; None from the start.
        until: Last local date, included; None to the end.
        limit: The most rows; the answer says when there are more.
        fill: Whether periods without rows become rows, between the first and the last day that the data has.
        timeout: Seconds after which it is cancelled; None waits.

    Returns:
        One row a group. Sums and counts of no rows are 0; a mean or ratio of nothing is NULL. Text that is not there
        is `(unknown)`, and other values that are not there are NULL.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It has no right answer: the error says why, and the nearest question that has one.
        PolicyError: It groups or filters by a sensitive column.
        DataError: A key that the answer leans on is not unique.
        WarehouseError: The engine failed.

    >>> import pyarrow as pa
    >>> from steelyard.metrics import Metric
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> orders = pa.table({"id": [1, 2, 3], "amount": [5, 7, 9], "status": ["paid", "cancelled", None]})
    >>> catalog = MetricCatalog.of(
    ...     metrics=[Metric(name="revenue", sum="orders.amount", exclude="status = 'cancelled'")],
    ...     tables=[TableDeclaration(name="orders", key=("id",), dimensions=("status",))],
    ... )
    >>> with connect({"orders": orders}) as warehouse:
    ...     query(catalog, warehouse, "revenue", by="status").rows()
    [{'status': '(unknown)', 'revenue': 9}, {'status': 'paid', 'revenue': 5}]
    """
    question = ask(metrics, by=by, where=where, since=since, until=until, limit=limit, fill=fill)
    asked = Asked(catalog, warehouse, question)
    tables = asked.tables
    started = time.perf_counter()
    fetched = asked.fetch(timeout=timeout)
    seconds = time.perf_counter() - started
    truncated = limit is not None and fetched.num_rows > limit
    shown = fetched.slice(0, limit) if limit is not None else fetched
    facts = asked.facts(shown)
    notes = asked.notes(facts, truncated)
    table = shown.drop_columns(list(asked.plan.counted))
    made = asked.how(facts, notes, tables)
    return MetricTable(
        table=table,
        question=question,
        metrics=tuple(catalog.metric(name) for name in question.metrics),
        how=made,
        provenance=_provenance(asked, made, table, seconds),
        partial=asked.partial,
        notes=notes,
        truncated=truncated,
    )


def how(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    metrics: str | Sequence[str],
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    limit: int | None = None,
    fill: bool = True,
) -> How:
    """How the answer to a question is made: what `query(...).how` says. The question is asked, to count what it reads.

    Takes and raises what `query` does.
    """
    given = {"by": by, "where": where, "since": since, "until": until, "limit": limit, "fill": fill}
    return query(catalog, warehouse, metrics, **given).how  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def _packages() -> Mapping[str, str]:
    return {**{name: version(name) for name in PACKAGES}, "python": platform.python_version()}


def _provenance(asked: Asked, made: How, table: pa.Table, seconds: float) -> Provenance:
    question = plain(asked.question)
    definition = {"question": question, "metrics": made.digests}
    read = Read(
        name="query",
        sql=made.sql,
        sent=made.sent,
        parameters=made.parameters,
        engine=made.engine,
        tables=made.tables,
        rows=table.num_rows,
        kept=_content_digest(table),
        seconds=round(seconds, 6),
    )
    return Provenance(
        study=", ".join(asked.question.metrics),
        kind="metric_query",
        definition=definition,
        digest=digest(definition),
        standing_says="a question to the metrics, and no study",
        context={"source": asked.warehouse.name, "zone": asked.catalog.zone, "metrics": dict(made.digests)},
        reads=(read,),
        packages=_packages(),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _content_digest(table: pa.Table) -> str:
    """The digest of what came back, as one Arrow stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    whole = table.combine_chunks().replace_schema_metadata(None)
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    return digest_of_bytes(sink.getvalue().to_pybytes())
