"""How old a table's newest row is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from steelyard.errors import unknown_name
from steelyard.metrics.calendar import Clock, day_bounds
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.names import sql_name
from steelyard.metrics.watching.alert import Alert
from steelyard.metrics.watching.judge import Judged
from steelyard.warehouse import Query, Warehouse

__all__ = ["judge_freshness", "watched_tables"]


def watched_tables(catalog: MetricCatalog, alert: Alert) -> tuple[str, ...]:
    """The tables of a freshness alert: the one that it names, or those that its metric aggregates.

    Raises:
        UnknownNameError: It names neither a table nor a metric.
    """
    if alert.fresh in catalog.tables:
        return (alert.fresh,)
    if alert.fresh in catalog.metrics:
        return tuple(table for table, names in catalog.names_by_table().items() if alert.fresh in names)
    if alert.fresh in catalog.broken:
        raise catalog.broken[alert.fresh]
    raise unknown_name("table or metric", alert.fresh, [*catalog.tables, *catalog.metrics], where=alert.defined_at)


def judge_freshness(catalog: MetricCatalog, warehouse: Warehouse, alert: Alert, *, now: datetime) -> Judged:
    """Judges the age of the newest row, in hours; of several tables, of the stalest.

    A row's day counts to its end where its time is a date. Rows dated after today say nothing of freshness and are left
    out. A table without a time is as old as its last publishing.
    """
    ages: list[tuple[float | None, str]] = []
    for table in watched_tables(catalog, alert):
        if catalog.tables[table].time:
            newest, what = _newest_row(catalog, warehouse, table, now), f"the newest row of {table}"
            if newest is None:
                ages.append((float("inf"), f"{table} has no rows"))
                continue
        else:
            newest, what = _published(warehouse, table), f"the last publishing of {table}"
            if newest is None:
                ages.append((None, f"{table} has no time, and nothing says when it was published"))
                continue
        hours = max((now - newest) / timedelta(hours=1), 0.0)
        ages.append((hours, f"{what} is of {newest.astimezone(ZoneInfo(catalog.zone)):%Y-%m-%d %H:%M}"))
    age, says = max(ages, key=lambda item: -1.0 if item[0] is None else item[0])
    today = now.astimezone(ZoneInfo(catalog.zone)).date()
    if age is None:
        return Judged(alert=alert, segment={}, first=today, last=today, not_judged=says)
    late = age > alert.age() / timedelta(hours=1)
    value = None if age == float("inf") else age
    return Judged(
        alert=alert, segment={}, first=today, last=today, value=value, direction="up", rules=(says,) if late else ()
    )


def _newest_row(catalog: MetricCatalog, warehouse: Warehouse, table: str, now: datetime) -> datetime | None:
    declared = catalog.tables[table]
    columns = warehouse.columns(table)
    if declared.time not in columns:
        raise unknown_name("column", declared.time, columns, where=declared.where)
    column = sql_name(declared.time)
    clock = Clock(
        column=column, kind=columns[declared.time], zone=catalog.zone, column_zone=declared.zone, where=declared.where
    )
    condition, values = clock.within(None, now.astimezone(ZoneInfo(catalog.zone)).date())
    sql = f"SELECT max({column}) AS newest\nFROM {sql_name(table)}\nWHERE {condition}"
    found = warehouse.fetch(Query(sql=sql, parameters=values)).to_pylist()[0]["newest"]
    if found is None:
        return None
    if not isinstance(found, datetime):
        assert isinstance(found, date)  # noqa: S101 - the maximum of a DATE
        return day_bounds(found, catalog.zone)[1]
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(declared.zone or catalog.zone))


def _published(warehouse: Warehouse, table: str) -> datetime | None:
    text = warehouse.version(table).published_at
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
