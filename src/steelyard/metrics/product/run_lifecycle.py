"""Runs a lifecycle: a row a period, in which the parts add up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from steelyard.metrics.calendar import Clock, next_period, period_start, periods
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.first_rows import first_rows
from steelyard.metrics.product.lifecycle import Lifecycle
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.reading import Reading, asked_range, names_apart, names_of, refuse_end_of_time, steps_sql
from steelyard.metrics.question import as_date
from steelyard.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["run_lifecycle"]

COUNTS = ("active", "new", "retained", "resurrected", "lost", "dormant")


def run_lifecycle(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    lifecycle: Lifecycle,
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    complete_through: str | date | None = None,
) -> ProductTable:
    """In each period who is new, who stayed, who came back, and who was lost.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        lifecycle: The definition.
        by: Dimensions of an entity's first row: an entity stays in one segment.
        where: A condition on dimensions of that row.
        since: The first period that is shown is the one of this local date; what came before it is read all the same.
        until: The last period that is shown is the one of this local date.
        complete_through: The last local date of which all rows are there; None takes what the table declares
            (`complete_through`, `lateness`), else the last day that it has.

    Returns:
        One row a segment and period: `active` = `new` (never active before) + `retained` (active in the period before)
        + `resurrected` (active before, and not in the period before); `lost` (active in the period before, and not in
        this one), `dormant` (ever active before, and not in this period), and `complete`, which says whether all of the
        period is there. So `active(t) = active(t - 1) - lost(t) + new(t) + resurrected(t)`.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It cannot be, or `complete_through` is no date.
        PolicyError: It filters or groups by a sensitive column.

    >>> import pyarrow as pa
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> rows = pa.table({"user": [1, 2, 1], "on": [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 9)]})
    >>> catalog = MetricCatalog.of(
    ...     metrics=[], tables=[TableDeclaration(name="visits", time="on", entities={"user": ("user",)})]
    ... )
    >>> with connect({"visits": rows}) as warehouse:
    ...     answer = run_lifecycle(catalog, warehouse, Lifecycle(name="users", table="visits"))
    >>> [(row["new"], row["retained"], row["lost"], row["complete"]) for row in answer.rows()]
    [(2, 0, 0, True), (0, 1, 1, False)]
    """
    first, last = asked_range(since, until)
    entity = lifecycle.check(catalog)
    names = names_apart(catalog, lifecycle.table, names_of(by), ("period", *COUNTS, "complete"))
    reading = Reading(catalog, warehouse, lifecycle.defined_at)
    source = reading.source(lifecycle, entity)
    condition = source.condition(lifecycle)
    told = {f"segment_{n}": source.attribute(name) for n, name in enumerate(names)}
    segments = list(told)
    if (kept := source.asked(where)) != "TRUE":
        told["meets"] = f"CASE WHEN {kept} THEN 1 ELSE 0 END"
    read = reading.survey(source, "activity", condition)
    through = as_date(complete_through, "complete_through") or reading.complete_day(source, read)
    days = source.select({"entity": source.owner, "day": source.clock.day}, [source.known, condition])
    sql = _sql(reading, lifecycle, days, first_rows(source, condition, told) if told else "", segments, "meets" in told)
    found = reading.fetch(sql, "lifecycle").to_pylist()
    for day in (through, max((row["period"] for row in found), default=None)):
        refuse_end_of_time(day, lifecycle.defined_at or lifecycle.name)
    table = _table(lifecycle, names, segments, found, (first, last), through, catalog.week_start)
    return reading.answer(
        "lifecycle",
        lifecycle,
        table,
        question={"by": names, "where": where, "since": first, "until": last, "complete_through": through},
        rules=tuple(_rules(lifecycle)),
        notes=tuple(_notes(lifecycle, table, found, through)),
        by=names,
    )


def _sql(reading: Reading, lifecycle: Lifecycle, days: str, firsts: str, segments: list[str], meets: bool) -> str:
    """Each period's new, retained and resurrected entities, and those who are not active in the next."""
    clock = Clock(column="day", kind="DATE", zone=reading.catalog.zone, week_start=reading.catalog.week_start)
    names = {name: reading.step(name) for name in ("activity_days", "active_periods", "entities_first", "neighbours")}
    made = {names["activity_days"]: days}
    period = clock.period(lifecycle.period)
    made[names["active_periods"]] = f"SELECT DISTINCT entity, {period} AS period\nFROM {names['activity_days']}"
    over = "OVER (PARTITION BY entity ORDER BY period)"
    made[names["neighbours"]] = (
        f"SELECT entity, period, lag(period) {over} AS earlier, lead(period) {over} AS later\n"
        f"FROM {names['active_periods']}"
    )
    source = f"FROM {names['neighbours']} AS neighbours"
    if firsts:
        made[names["entities_first"]] = firsts
        source += f"\nJOIN {names['entities_first']} AS firsts ON firsts.entity = neighbours.entity"
        source += "\nWHERE firsts.meets = 1" if meets else ""
    before, after = _shifted("period", lifecycle.period, -1), _shifted("period", lifecycle.period, 1)
    outputs = [
        *(f"firsts.{name} AS {name}" for name in segments),
        "period",
        "count(*) AS active",
        "count(CASE WHEN earlier IS NULL THEN 1 END) AS started",
        f"count(CASE WHEN earlier = {before} THEN 1 END) AS retained",
        f"count(CASE WHEN earlier < {before} THEN 1 END) AS resurrected",
        f"count(CASE WHEN later IS NULL OR later > {after} THEN 1 END) AS leaving",
    ]
    groups = ", ".join(str(number + 1) for number in range(len(segments) + 1))
    listed = ",\n  ".join(outputs)
    return steps_sql(made, f"SELECT\n  {listed}\n{source}\nGROUP BY {groups}\nORDER BY {groups}")


def _shifted(column: str, grain: str, by: int) -> str:
    if grain in ("day", "week"):
        return f"add_days({column}, {by * (7 if grain == 'week' else 1)})"
    return f"add_months({column}, {by * {'month': 1, 'quarter': 3, 'year': 12}[grain]})"


def _table(
    lifecycle: Lifecycle,
    by: tuple[str, ...],
    segments: list[str],
    found: list[dict[str, Any]],
    asked: tuple[date | None, date | None],
    through: date | None,
    week_start: str,
) -> pa.Table:
    """Every period from the first to the last that has anybody, of every segment."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in (*by, "period", *COUNTS, "complete")}
    groups: dict[tuple[Any, ...], dict[date, dict[str, Any]]] = {}
    for row in found:
        groups.setdefault(tuple(row[name] for name in segments), {})[row["period"]] = row
    whole = [row["period"] for row in found]
    last = max(
        [*whole, *([period_start(through, lifecycle.period, week_start)] if through and whole else [])], default=None
    )
    since = period_start(asked[0], lifecycle.period, week_start) if asked[0] else None
    for segment, rows in groups.items():
        active, ever, leaving = 0, 0, 0
        assert last is not None  # noqa: S101 - there is a row
        for period in periods(min(whole), last, lifecycle.period, week_start):
            row = rows.get(period, {})
            lost, active = leaving, int(row.get("active") or 0)
            ever, leaving = ever + int(row.get("started") or 0), int(row.get("leaving") or 0)
            if (since and period < since) or (asked[1] and period > asked[1]):
                continue
            end = next_period(period, lifecycle.period) - timedelta(days=1)
            values = (
                *segment,
                period,
                active,
                *(int(row.get(name) or 0) for name in ("started", "retained", "resurrected")),
            )
            values = (*values, lost, ever - active, through is not None and end <= through)
            for name, value in zip(columns, values, strict=True):
                columns[name].append(value)
    types = {"period": pa.date32(), "complete": pa.bool_(), **dict.fromkeys(COUNTS, pa.int64())}
    return pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})


def _rules(lifecycle: Lifecycle) -> Iterator[str]:
    yield f"an entity is active in a {lifecycle.period} in which it has a row, by the local day"
    yield "new: never active before; retained: active in the period before; resurrected: active before, not in that one"
    yield "lost: active in the period before, and not in this one; dormant: ever active before, and not in this one"
    yield "all of the table's history is read, whatever the dates are; an entity is in the segment of its first row"


def _notes(lifecycle: Lifecycle, table: pa.Table, found: list[dict[str, Any]], through: date | None) -> Iterator[str]:
    if not found:
        yield "No entity is active."
        return
    shown = table.column("period").to_pylist()
    first = min(row["period"] for row in found)
    if first in shown:
        yield f"Everybody is new in the {lifecycle.period} of {first}, for nothing is known before it."
    whole = table.column("complete").to_pylist()
    unfinished = sorted(row_day for row_day, over in zip(shown, whole, strict=True) if row_day and not over)
    for day in unfinished[:1]:
        yield (
            f"The {lifecycle.period} of {day} is not whole: the data counts as complete through {through}. "
            "Some who count as lost there may still come."
        )
