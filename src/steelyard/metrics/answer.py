"""Asks the warehouse: `query` gives a table of governed metrics, `how` says how it would be made."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from steelyard.canonical import digest, digest_of_bytes, plain
from steelyard.metrics.answer_table import answer_table
from steelyard.metrics.asked import Asked
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.how import How
from steelyard.metrics.limits import outside_limits
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.question import ask
from steelyard.metrics.withheld import counted_whole, withhold
from steelyard.package_versions import package_versions
from steelyard.result import Provenance, Read
from steelyard.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["how", "query"]

PACKAGES = ("steelyard", "duckdb", "sqlglot", "pyarrow")


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
    having: str | None = None,
    top: int | Mapping[str, int] | None = None,
    context: str | None = None,
    complete_through: str | date | None = None,
    timeout: float | None = None,
) -> MetricTable:
    """Governed metrics as a table that says how it was made.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metrics: One name, or several.
        by: Dimensions, and at most one of hour, day, week, month, quarter, year.
        where: A condition on dimensions, such as `country = 'DE'`; a comparison does not find what is unknown, and so
            `<>` and `NOT` keep it.
        since: First local date; None from the start.
        until: Last local date, included; None to the end.
        limit: The most rows; the answer says when there are more.
        fill: Whether periods without rows become rows, between the first and the last day that the data has.
        having: A condition on the metrics that are asked for, after aggregation, such as `revenue > 100`.
        top: How many values of a dimension stand apart, by the first metric, as `{"country": 5}`, or a number where
            there is one dimension; the rest is `(other)`, computed from its rows.
        context: A condition on dimensions that fixed totals and shares obey too, and not only the rows.
        complete_through: The last day that is known completely, where you know better than the tables say.
        timeout: Seconds after which it is cancelled; None waits.

    Returns:
        One row a group. Sums and counts of no rows are 0; a mean or ratio of nothing is NULL. Text that is not there
        is `(unknown)`, and other values that are not there are NULL.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It has no right answer: the error says why, and the nearest question that has one.
        PolicyError: It groups or filters by a sensitive column.
        DataError: A key that the answer leans on is not unique; or a number is a NaN or an infinity.
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
    question = ask(
        metrics,
        by=by,
        where=where,
        since=since,
        until=until,
        limit=limit,
        fill=fill,
        having=having,
        top=top,
        context=context,
        complete_through=complete_through,
    )
    asked = Asked(catalog, warehouse, counted_whole(catalog, question))
    tables = asked.tables
    started = time.perf_counter()
    fetched = asked.fetch(timeout=timeout)
    withheld = withhold(asked, fetched, timeout=timeout)
    fetched = withheld.table
    seconds = time.perf_counter() - started
    truncated = limit is not None and fetched.num_rows > limit
    shown = fetched.slice(0, limit) if limit is not None else fetched
    facts = asked.facts(withheld.told)
    table = answer_table(asked, shown)
    asked_for = tuple(catalog.metric(name) for name in question.metrics)
    notes = (*withheld.says, *asked.notes(facts, truncated), *outside_limits(table, asked_for))
    made = asked.how(facts, notes, tables)
    return MetricTable(
        table=table,
        question=question,
        metrics=asked_for,
        how=made,
        provenance=_provenance(asked, made, table, seconds),
        partial=asked.partial,
        notes=notes,
        truncated=truncated,
        withheld=withheld.groups,
        non_additive=asked.plan.non_additive,
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
    having: str | None = None,
    top: int | Mapping[str, int] | None = None,
    context: str | None = None,
    complete_through: str | date | None = None,
) -> How:
    """How the answer to a question is made: what `query(...).how` says. The question is asked, to count what it reads.

    Takes and raises what `query` does.
    """
    return query(
        catalog,
        warehouse,
        metrics,
        by=by,
        where=where,
        since=since,
        until=until,
        limit=limit,
        fill=fill,
        having=having,
        top=top,
        context=context,
        complete_through=complete_through,
    ).how


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
        packages=package_versions(*PACKAGES),
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
