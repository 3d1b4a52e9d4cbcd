"""The local days in which a fact has rows; remembered for as long as a table version has an id."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from steelyard.metrics.calendar import Clock
from steelyard.metrics.expression import Parameters
from steelyard.metrics.facts import Fact
from steelyard.metrics.row_zones import refuse_false_zones
from steelyard.metrics.spine import Coverage
from steelyard.warehouse import Query, TableVersion, Warehouse
from steelyard.warehouse.wall_clock import clock_changes

__all__ = ["coverage_of"]

_REMEMBERED = 4096
_KNOWN: OrderedDict[tuple[object, ...], Coverage] = OrderedDict()


def coverage_of(
    warehouse: Warehouse, fact: Fact, version_of: Callable[[str], TableVersion], *, hours: bool = False
) -> Coverage:
    """The days of one fact, by the time that the question places it in.

    Args:
        warehouse: Where the fact is.
        fact: With a time column.
        version_of: Gives a table's version.
        hours: Whether hours are asked for, so that it matters which of two readings a wall clock time has.

    Raises:
        DataError: The zone in which some rows' day is counted does not exist.
    """
    probe = Fact(fact.catalog, fact.types, table=fact.table, time=fact.time, parameters=Parameters(), name=fact.name,
                 own=fact.own)  # fmt: skip
    clock = probe.clock()
    tables = (fact.table, *(step.target for step in probe.joins.steps.values()))
    versions = tuple(version_of(table).version_id for table in tables)
    address = (
        versions,
        tables,
        str(fact.time),
        clock.zone,
        clock.column_zone,
        clock.day_zone,
        hours,
        fact.rule_of(fact.table),
    )
    if all(versions) and address in _KNOWN:
        _KNOWN.move_to_end(address)
        return _KNOWN[address]
    if clock.day_zone:
        refuse_false_zones(warehouse, fact, version_of)
    coverage = _counted(warehouse, probe, clock)
    if clock.converts or (hours and clock.is_naive):
        coverage = _doubtful(warehouse, probe, clock, coverage)
    if all(versions):
        _KNOWN[address] = coverage
        while len(_KNOWN) > _REMEMBERED:
            _KNOWN.popitem(last=False)
    return coverage


def _counted(warehouse: Warehouse, probe: Fact, clock: Clock) -> Coverage:
    """One look at the rows: the column's own bounds where days follow its order, else those of every row's day."""
    column = clock.day if clock.day_zone or clock.converts else clock.column
    row = warehouse.fetch(
        f"SELECT min({column}) AS first, max({column}) AS last, count(*) AS counted, count({column}) AS timed,\n"
        f"  count({clock.column}) AS stamped\n" + "\n".join(probe.lines())
    ).to_pylist()[0]
    rows, timed, stamped = (int(row[name]) for name in ("counted", "timed", "stamped"))
    return Coverage(
        first=_day(row["first"], clock),
        last=_day(row["last"], clock),
        rows=rows,
        without_time=rows - timed,
        without_zone=stamped - timed,
    )


def _doubtful(warehouse: Warehouse, probe: Fact, clock: Clock, coverage: Coverage) -> Coverage:
    """Counts the rows whose wall clock time came twice, or never."""
    if coverage.first is None or coverage.last is None:
        return coverage
    parameters = Parameters()
    spans: dict[str, list[str]] = {"ambiguous": [], "nonexistent": []}
    for change in clock_changes(clock.column_zone or clock.zone, coverage.first, coverage.last):
        first, last = (
            parameters.add(value, name).sql(dialect="duckdb")
            for name, value in (("from_time", change.from_time), ("to_time", change.to_time))
        )
        spans[change.kind].append(f"{clock.column} >= {first} AND {clock.column} < {last}")
    if not any(spans.values()):
        return coverage
    counts = ", ".join(
        f"count(*) FILTER (WHERE {' OR '.join(f'({text})' for text in texts) or 'FALSE'}) AS {kind}"
        for kind, texts in spans.items()
    )
    sql = f"SELECT {counts}\n" + "\n".join(probe.lines())
    found: dict[str, Any] = warehouse.fetch(Query(sql=sql, parameters=parameters.values)).to_pylist()[0]
    return replace(coverage, ambiguous=int(found["ambiguous"]), nonexistent=int(found["nonexistent"]))


def _day(value: date | None, clock: Clock) -> date | None:
    """The local day of what the engine gave: a day, a moment, or what the clock of days shows."""
    if not isinstance(value, datetime):
        return value
    if clock.own_days:
        return value.date()
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).astimezone(ZoneInfo(clock.zone)).date()
