"""Runs sessions: their numbers by period and dimension, and the table of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.graph import DATE_GRAINS
from steelyard.metrics.names import sql_name
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.reading import MOST_ROWS, Reading, asked_range, names_apart, names_of, steps_sql
from steelyard.metrics.product.sessions import Sessions
from steelyard.metrics.product.sessions_sql import SessionsSql
from steelyard.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["run_sessions", "session_table"]

COLUMNS = (
    "period", "sessions", "entities", "events", "events_per_session", "bounce_rate", "median_seconds", "mean_seconds",
)  # fmt: skip

MICROSECONDS = (
    "CAST(round(seconds_between(CAST('1970-01-01T00:00:00Z' AS TIMESTAMPTZ), started_at) * 1000000) AS BIGINT)"
)


def run_sessions(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    sessions: Sessions,
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
) -> ProductTable:
    """How many sessions there are, and what they are like.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        sessions: What makes a session.
        by: Dimensions of a session's first row, and at most one of day, week, month, quarter, year of its start.
        where: A condition on dimensions of a session's first row.
        since: First local date on which a session began; rows before it are read, for they may belong together.
        until: Last local date, included.

    Returns:
        One row a group: `sessions`, `entities`, `events`, `events_per_session`, `bounce_rate` (sessions of one row),
        `median_seconds` and `mean_seconds` from the first row to the last.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It cannot be.
        PolicyError: It filters or groups by a sensitive column.

    >>> import pyarrow as pa
    >>> from datetime import datetime
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> rows = pa.table({"user": [1, 1, 1], "at": [datetime(2026, 1, 1, 9, minute) for minute in (0, 20, 59)]})
    >>> table = TableDeclaration(name="events", time="at", entities={"user": ("user",)})
    >>> catalog = MetricCatalog.of(metrics=[], tables=[table])
    >>> with connect({"events": rows}) as warehouse:
    ...     answer = run_sessions(catalog, warehouse, Sessions(name="visits", table="events"))
    >>> [(row["sessions"], row["bounce_rate"]) for row in answer.rows()]
    [(2, 0.5)]
    """
    names, (first, last) = names_of(by), asked_range(since, until)
    grains = [name for name in names if name in DATE_GRAINS]
    if len(grains) > 1:
        raise DefinitionError(f"{' and '.join(grains)} are asked for at once", hint="one grain of time a question")
    entity = sessions.check(catalog)
    asked = [name for name in names if name not in DATE_GRAINS]
    dimensions = names_apart(catalog, sessions.table, asked, COLUMNS)
    reading = Reading(catalog, warehouse, sessions.defined_at)
    made = SessionsSql(reading, sessions, entity, by=dimensions, where=where, since=first, until=last)
    reading.survey(made.source, "events", made.condition)
    steps, found = made.steps()
    keys = {"period": made.clock.period(grains[0])} if grains else {}
    keys |= dict(zip(dimensions, made.segments, strict=True))
    table = reading.fetch(steps_sql(steps, _numbers(keys, found, made.kept)), "sessions")
    return reading.answer(
        "sessions",
        sessions,
        table,
        question={"by": names, "where": where, "since": first, "until": last},
        rules=tuple(_rules(sessions)),
        notes=_unfinished(table, reading),
        by=dimensions,
    )


def _numbers(keys: dict[str, str], sessions: str, kept: str) -> str:
    seconds = "seconds_between(started_at, ended_at)"
    outputs = [f"{sql} AS {sql_name(name)}" for name, sql in keys.items()] + [
        "count(*) AS sessions",
        "count(DISTINCT entity) AS entities",
        "CAST(coalesce(sum(events), 0) AS BIGINT) AS events",
        "CAST(sum(events) AS DOUBLE) / count(*) AS events_per_session",
        "avg(CASE WHEN events = 1 THEN 1.0 ELSE 0.0 END) AS bounce_rate",
        f"median({seconds}) AS median_seconds",
        f"avg({seconds}) AS mean_seconds",
    ]
    lines = ["SELECT\n  " + ",\n  ".join(outputs), f"FROM {sessions}{kept}"]
    if keys:
        groups = ", ".join(str(number + 1) for number in range(len(keys)))
        lines += [f"GROUP BY {groups}", f"ORDER BY {groups}"]
    return "\n".join(lines)


def session_table(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    sessions: Sessions,
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    limit: int = MOST_ROWS,
) -> pa.Table:
    """The sessions, one row each: `session_id`, the entity's id, `started_at`, `ended_at`, `events`, `seconds`.

    A session's id is made of its entity and its first moment, so rows that come later change the id of none.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        sessions: What makes a session.
        since: First local date on which a session began.
        until: Last local date, included.
        limit: The most rows; more is an error, never a truncation.

    Returns:
        The table, in the order of the entities and their sessions.

    Raises:
        PolicyError: The entity's id is a sensitive column, which the table would show.
        DataError: There are more sessions than `limit`.
    """
    first, last = asked_range(since, until)
    entity = sessions.check(catalog)
    reading = Reading(catalog, warehouse, sessions.defined_at)
    made = SessionsSql(reading, sessions, entity, since=first, until=last)
    place = made.source.owner_place
    if catalog.is_sensitive(place.table, place.column):
        raise catalog.policy_error(place, sessions.defined_at)
    steps, found = made.steps()
    outputs = [
        f"CAST(entity AS VARCHAR) || '-' || CAST({MICROSECONDS} AS VARCHAR) AS session_id",
        f"entity AS {sql_name(entity)}",
        "started_at",
        "ended_at",
        "CAST(events AS BIGINT) AS events",
        "seconds_between(started_at, ended_at) AS seconds",
    ]
    listed = ",\n  ".join(outputs)
    last_step = f"SELECT\n  {listed}\nFROM {found}{made.kept}\nORDER BY entity, started_at"
    return reading.fetch(steps_sql(steps, last_step), "the sessions", limit=limit)


def _unfinished(table: pa.Table, reading: Reading) -> tuple[str, ...]:
    last = reading.rows[0].last_day
    return (f"The data ends on {last}: sessions of that day may not be whole.",) if last and table.num_rows else ()


def _rules(sessions: Sessions) -> Iterator[str]:
    yield f"a row that comes more than {sessions.gap} after the row before it begins a session"
    if sessions.break_at_midnight:
        yield "so does the first row of a local day"
    if sessions.new_on:
        yield f"so does a row with a known {sessions.new_on} that is not what was last known of the entity"
    yield "rows of one moment are in one session; what is asked of a session is asked of its first row"
    yield "a session is of the day, and counts in the period, in which it began"
