"""The condition that a row of a history holds at the moment of a fact's row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.calendar import Clock
from steelyard.metrics.joins import Joins, column_sql
from steelyard.metrics.place import Place, Step
from steelyard.metrics.sources import Sources
from steelyard.warehouse import Deduplicate, History, quote_text

if TYPE_CHECKING:
    from steelyard.metrics.catalog import MetricCatalog

__all__ = ["AsOf", "clock_of"]


def clock_of(
    catalog: MetricCatalog, types: Mapping[str, Mapping[str, str]], table: str, column: str, sql: str
) -> Clock:
    """How a time column becomes moments and local days.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        table: The column's table.
        column: The column.
        sql: Its SQL.

    Raises:
        UnknownNameError: The warehouse has no such table or column.
        DefinitionError: The column is no time.
    """
    declared = catalog.tables[table]
    if table not in types:
        raise unknown_name("table in the warehouse", table, types, where=declared.where)
    if column not in types[table]:
        raise unknown_name(f"column of {table!r}", column, types[table], where=declared.where)
    return Clock(
        column=sql,
        kind=types[table][column],
        zone=catalog.zone,
        column_zone=declared.zones.get(column, declared.zone),
        week_start=catalog.week_start,
        where=declared.where,
    )


@dataclass
class AsOf:
    """A fact's moment, and what holds then: `valid_from <= t < valid_to`, without an end where `valid_to` is NULL.

    A fact's date is the start of its local day, except beside validity in dates, which are compared as dates.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        table: The fact.
        time: The column that places its rows in time; None where it has none.
        sources: What stands for a table in FROM; None takes what the declarations say, where it stands.
        own: A metric's rule by which the fact's rows are told apart; None takes the table's.
    """

    catalog: MetricCatalog
    types: Mapping[str, Mapping[str, str]]
    table: str
    time: Place | None
    sources: Sources | None = None
    own: Deduplicate | None = None

    def joins(self, taken: set[str] | None = None) -> Joins:
        """The joins of a SELECT from the fact."""
        sources = self.sources or Sources(self.catalog.tables, self.types)

        def named(table: str, name: str) -> str:
            return sources.named(table, name, self.own if table == self.table else None)

        joins = Joins(self.table, named=named, taken=taken or set())
        joins.state = lambda step, name: self._holds(joins, step, name)
        return joins

    def _holds(self, joins: Joins, step: Step, name: str) -> str:
        assert step.history is not None  # noqa: S101 - joins ask for histories only
        where = self.catalog.tables[self.table].where
        if self.time is None:
            raise DefinitionError(
                f"the rows of {self.table!r} have no time, so nobody can say which row of the history {step.target!r} "
                "held then",
                where=where,
                hint=f"declare `time:` for {self.table!r}, or ask without the columns of {step.target!r}",
            )
        if any(item.history for item in self.time.path):
            raise DefinitionError(
                f"the time {str(self.time)!r} of {self.table!r} is itself taken from a history", where=where
            )
        at = column_sql(joins.follow(self.time.path), self.time.column)
        fact = clock_of(self.catalog, self.types, self.time.table, self.time.column, at)
        zone = self.catalog.zone_of_day(self.time.table)
        if zone is not None and fact.kind != "DATE" and not any(item.history for item in zone.path):
            fact = replace(fact, day_zone=column_sql(joins.follow((*self.time.path, *zone.path)), zone.column))
        start, end = (self._validity(step, name, column) for column in _ends(step.history))
        moment, valid_from, valid_to = _comparable(fact, start, end)
        if moment != at and not self.time.path and not (zone is not None and zone.path):
            moment = column_sql(self.table, self._once(joins, moment))
        return f"{valid_from} <= {moment} AND ({valid_to} IS NULL OR {moment} < {valid_to})"

    def _validity(self, step: Step, name: str, column: str) -> Clock:
        return clock_of(self.catalog, self.types, step.target, column, column_sql(name, column))

    def _once(self, joins: Joins, sql: str) -> str:
        """The name under which the moment is worked out once a row, and not once for each of its states."""
        for name, known in joins.worked_out.items():
            if known == sql:
                return name
        taken = {column.lower() for column in self.types[self.table]} | {name.lower() for name in joins.worked_out}
        name, number = "as_of", 1
        while name in taken:
            number += 1
            name = f"as_of_{number}"
        joins.worked_out[name] = sql
        return name


def _ends(history: History) -> tuple[str, str]:
    return history.valid_from, history.valid_to


def _comparable(fact: Clock, start: Clock, end: Clock) -> tuple[str, str, str]:
    """The three so that they compare: as they are where they mean the same, else days, else moments."""
    kinds = {clock.kind for clock in (fact, start, end)}
    zones = {clock.column_zone or clock.zone for clock in (fact, start, end)}
    if len(kinds) == 1 and (len(zones) == 1 or not fact.is_naive):
        return fact.column, start.column, end.column
    if {start.kind, end.kind} == {"DATE"}:
        return fact.day, start.column, end.column
    return tuple(_moment(clock) for clock in (fact, start, end))  # type: ignore[return-value]


def _moment(clock: Clock) -> str:
    """A moment that says its zone; a naive one in UTC would else be read in the session's."""
    if clock.is_naive:
        return f"local_moment({clock.column}, {quote_text(clock.column_zone or clock.zone)})"
    return clock.moment
