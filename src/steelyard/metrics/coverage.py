"""The local days in which a fact has rows; remembered for as long as a table version has an id."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from steelyard.metrics.calendar import Clock
from steelyard.metrics.facts import Fact
from steelyard.metrics.joins import Joins, column_sql
from steelyard.metrics.spine import Coverage
from steelyard.warehouse import TableVersion, Warehouse

__all__ = ["coverage_of"]

_REMEMBERED = 4096
_KNOWN: OrderedDict[tuple[object, ...], Coverage] = OrderedDict()


def coverage_of(warehouse: Warehouse, fact: Fact, version_of: Callable[[str], TableVersion]) -> Coverage:
    """The days of one fact, by the time that the question places it in.

    Args:
        warehouse: Where the fact is.
        fact: With a time column.
        version_of: Gives a table's version.
    """
    clock = fact.clock()
    assert fact.time is not None  # noqa: S101 - clock() has refused it
    tables = (fact.table, *(step.target for step in fact.time.path))
    versions = tuple(version_of(table).version_id for table in tables)
    address = (versions, tables, str(fact.time), clock.zone, clock.column_zone)
    if all(versions) and address in _KNOWN:
        _KNOWN.move_to_end(address)
        return _KNOWN[address]
    joins = Joins(fact.table)
    column = column_sql(joins.follow(fact.time.path), fact.time.column)
    lines = "\n".join(joins.sql())
    sql = (
        f"SELECT min({column}) AS first, max({column}) AS last, count(*) AS counted,\n"
        f"  count({column}) AS timed\n{lines}"
    )
    row = warehouse.fetch(sql).to_pylist()[0]
    coverage = Coverage(
        first=_day(row["first"], clock),
        last=_day(row["last"], clock),
        rows=int(row["counted"]),
        without_time=int(row["counted"]) - int(row["timed"]),
    )
    if all(versions):
        _KNOWN[address] = coverage
        while len(_KNOWN) > _REMEMBERED:
            _KNOWN.popitem(last=False)
    return coverage


def _day(value: date | None, clock: Clock) -> date | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        assert isinstance(value, date)  # noqa: S101 - the minimum of a DATE
        return value
    if value.tzinfo is None:
        own = clock.column_zone or clock.zone
        value = value.replace(tzinfo=ZoneInfo(own))
    return value.astimezone(UTC).astimezone(ZoneInfo(clock.zone)).date()
