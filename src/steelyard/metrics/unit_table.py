"""Metrics at the grain of a unit, each in the unit's own window: what experiments and matches read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.calendar import Clock
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.claims import Claim
from steelyard.metrics.expression import Parameters
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.graph import Place
from steelyard.metrics.names import free_name, sql_name
from steelyard.warehouse import quote_text
from steelyard.warehouse.key_proofs import overlapping_states, unequal_shares

__all__ = ["UnitMetric", "UnitTable", "proved_here", "unit_place", "unit_table", "with_steps"]

DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class UnitMetric:
    """One metric of every unit.

    Args:
        metric: Its name.
        at: The column of `units` with the unit's own moment (a TIMESTAMPTZ, or a TIMESTAMP in UTC); empty counts every
            row.
        after: Count rows from that moment on, for this many days of 24 hours; None sets no end.
        before: Count rows of this many days before that moment instead.
        until: The column of `units` with a moment from which nothing counts.
        part: `numerator` or `denominator` of a mean or ratio; `any` is 1 for a unit with any row that counts, else 0;
            empty is the sum or count itself, and of a mean or ratio both parts.

    Raises:
        DefinitionError: A window without a moment, or in both directions.
    """

    metric: str
    at: str = ""
    after: int | None = None
    before: int | None = None
    until: str = ""
    part: Literal["", "numerator", "denominator", "any"] = ""

    def __post_init__(self) -> None:
        if self.after is not None and self.before is not None:
            raise DefinitionError(f"{self.metric!r} is counted after and before at once", hint="give two of them")
        if not self.at and (self.after is not None or self.before is not None):
            raise DefinitionError(f"the window of {self.metric!r} has no moment to start from", hint="give `at`")
        for days in (self.after, self.before):
            if days is not None and days < 1:
                raise DefinitionError(f"a window of {days} days for {self.metric!r}", hint="give 1 or more")


def unit_table(
    catalog: MetricCatalog, *, entity: str, units: str, values: Mapping[str, UnitMetric], types: Types, unit: str = ""
) -> str:
    """The SELECT of one row a unit: the unit's columns, and each metric over its own rows in its own window.

    Each fact is read once. A unit without rows has 0. A date column has no hours: its rows count from the local day
    of the moment on (`after`), or up to the day before (`before`).

    Args:
        catalog: The definitions.
        entity: What a unit is; the facts must refer to it.
        units: A SELECT of one row a unit.
        values: Output column -> what it is. A mean or ratio without `part` gives `<column>_numerator` and
            `<column>_denominator`.
        types: Columns and types of the tables, such as a study's `context.tables`.
        unit: The column of `units` that holds the entity's id; empty for the entity's name.

    Raises:
        UnknownNameError: A metric, entity or column is not there.
        DefinitionError: A fact does not lead to the entity, or has no time and a window is asked for.

    >>> from steelyard.metrics import Metric
    >>> from steelyard.warehouse import TableDeclaration
    >>> orders = TableDeclaration(name="orders", key=("id",), time="at", entities={"customer": ("customer_id",)})
    >>> catalog = MetricCatalog.of(metrics=[Metric(name="revenue", sum="orders.amount")], tables=[orders])
    >>> types = {"orders": {"id": "BIGINT", "at": "TIMESTAMPTZ", "customer_id": "BIGINT", "amount": "DOUBLE"}}
    >>> week = UnitMetric(metric="revenue", at="exposed_at", after=7)
    >>> sql = unit_table(catalog, entity="customer", units="SELECT * FROM exposed", values={"spend": week}, types=types)
    >>> "JOIN windows ON windows.customer = orders.customer_id" in sql
    True
    """
    return UnitTable(catalog, entity, units, types, unit or entity).sql(values)


@dataclass(frozen=True)
class _Asked:
    """One output column: an aggregate in a window."""

    column: str
    aggregate: Aggregate
    value: UnitMetric
    any_row: bool


class UnitTable:
    """A unit table on its way to SQL; takes what `unit_table` does."""

    def __init__(self, catalog: MetricCatalog, entity: str, units: str, types: Types, unit: str) -> None:
        self.catalog, self.entity, self.units, self.types, self.unit = catalog, entity, units, types, unit
        self.bounds: dict[str, str] = {}
        self.names = {name.lower() for name in types}

    def sql(self, values: Mapping[str, UnitMetric]) -> str:
        """The SELECT of one row a unit."""
        by_fact: dict[tuple[str, str], list[_Asked]] = {}
        for column, value in values.items():
            for asked in self._asked(column, value):
                by_fact.setdefault((asked.aggregate.table, asked.aggregate.time), []).append(asked)
        steps = []
        outputs = ["units.*"]
        joins = []
        for (table, time), items in by_fact.items():
            name = free_name(f"{table}_by_{self.entity}", self.names)
            text = self._fact(name, table, time, items)
            steps.append((name, text))
            outputs += [f"coalesce({sql_name(name)}.{sql_name(i.column)}, 0) AS {sql_name(i.column)}" for i in items]
            joins.append(f"LEFT JOIN {sql_name(name)} ON {sql_name(name)}.unit = units.{sql_name(self.unit)}")
        return with_steps([*self.steps(), *steps], outputs, ["FROM units", *joins])

    def steps(self) -> list[tuple[str, str]]:
        """The units, and their windows' bounds as far as they have been asked for."""
        bounds = ["units.*", *(f"{sql} AS {sql_name(name)}" for name, sql in self.bounds.items())]
        return [("units", self.units.strip().rstrip(";")), ("windows", f"SELECT {', '.join(bounds)}\nFROM units")]

    def _asked(self, column: str, value: UnitMetric) -> list[_Asked]:
        parts = self.catalog.parts(value.metric)
        if value.part == "any":
            if parts.denominator is not None:
                raise DefinitionError(
                    f"{value.metric!r} is a {self.catalog.metric(value.metric).kind}: no share of units"
                )
            return [_Asked(column, parts.numerator, value, any_row=True)]
        if parts.denominator is None:
            if value.part:
                raise DefinitionError(f"{value.metric!r} has no {value.part}", hint="leave `part` out")
            return [_Asked(column, parts.numerator, value, any_row=False)]
        sides = {"numerator": parts.numerator, "denominator": parts.denominator}
        if value.part:
            return [_Asked(column, sides[value.part], value, any_row=False)]
        return [_Asked(f"{column}_{side}", aggregate, value, any_row=False) for side, aggregate in sides.items()]

    def _fact(self, name: str, table: str, time: str, items: list[_Asked]) -> str:
        place = self.catalog.time_of(table, time)
        parameters = Parameters(inline=True)
        fact = Fact(self.catalog, self.types, table=table, time=place, parameters=parameters, name=name)
        unit = fact.column(unit_place(self.catalog, table, self.entity))
        windows = [self.window(fact, item.value) for item in items]
        one = len(set(windows)) == 1
        outputs = [f"{unit} AS unit"]
        for item, window in zip(items, windows, strict=True):
            conditions = [*([] if one or not window else [window]), *fact.filters(item.aggregate)]
            sql = "max(1)" if item.any_row else fact.aggregated(item.aggregate)
            if item.any_row and item.aggregate.expression is not None:
                conditions.append(f"{fact.value(item.aggregate)} IS NOT NULL")
            narrowed = f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""
            outputs.append(f"{sql}{narrowed} AS {sql_name(item.column)}")
        kept = [windows[0]] if one else [" OR ".join(f"({window})" for window in dict.fromkeys(windows))]
        where = [text for text in kept if all(windows)] + proved_here(fact)
        lines = [f"SELECT {', '.join(outputs)}", *fact.joins.sql()]
        lines.append(f"JOIN windows ON windows.{sql_name(self.unit)} = {unit}")
        lines += [f"WHERE {' AND '.join(f'({text})' if ' OR ' in text else text for text in where)}"] if where else []
        return "\n".join([*lines, "GROUP BY 1"])

    def window(self, fact: Fact, value: UnitMetric) -> str:
        """The condition that a row is in its unit's window; the bounds are worked out once a unit."""
        if not value.at and not value.until:
            return ""
        clock = fact.clock()
        column, bound = _comparable(clock)
        ends = []
        at = f"units.{sql_name(value.at)}"
        if value.before is not None:
            ends = [(">=", bound(at, -value.before)), ("<", bound(at, 0))]
        elif value.at:
            ends = [(">=", bound(at, 0))]
            if value.after is not None:
                ends.append(("<", bound(at, value.after)))
        if value.until:
            ends.append(("<", bound(f"units.{sql_name(value.until)}", 0)))
        return " AND ".join(f"{column} {sign} windows.{self._bound(sql)}" for sign, sql in ends)

    def _bound(self, sql: str) -> str:
        for name, known in self.bounds.items():
            if known == sql:
                return sql_name(name)
        name = f"bound_{len(self.bounds) + 1}"
        self.bounds[name] = sql
        return sql_name(name)


def _comparable(clock: Clock):  # type: ignore[no-untyped-def]
    """A fact's time, and how a unit's moment, days away, is written so that the two compare without a cast a row."""
    zone = quote_text(clock.zone)
    if clock.kind == "DATE":
        return clock.column, lambda at, days: f"add_days(local_date({at}, {zone}), {days})"

    def moment(at: str, days: int) -> str:
        return f"add_seconds({at}, {days * DAY})"

    if clock.is_naive and (clock.column_zone or clock.zone) == "UTC":
        return clock.column, lambda at, days: f"local_time({moment(at, days)}, 'UTC')"
    return clock.moment, moment


def unit_place(catalog: MetricCatalog, table: str, entity: str) -> Place:
    """Where a fact's rows say which unit they are of.

    Raises:
        UnknownNameError: Nothing is called that entity.
        DefinitionError: The rows do not say it, or in several ways.
    """
    near = unit_places(catalog, table, entity)
    if not near:
        where = catalog.tables[table].where
        hint = f"declare it under `entities:` of {table!r}, as one column"
        raise DefinitionError(f"the rows of {table!r} do not say of which {entity} they are", where=where, hint=hint)
    if len(near) > 1:
        ways = " and ".join(str(place) for place in near)
        raise DefinitionError(f"the rows of {table!r} say in two ways of which {entity} they are: {ways}")
    return near[0]


def unit_places(catalog: MetricCatalog, table: str, entity: str) -> list[Place]:
    """The nearest places where a fact's rows say which unit they are of; none where they do not.

    Raises:
        UnknownNameError: Nothing is called that entity.
    """
    graph = catalog.graph
    known = {*graph.owners, *(name for item in catalog.tables.values() for name in item.entities)}
    if entity not in known:
        raise unknown_name("entity", entity, known)
    found = []
    for target, paths in graph.paths(table).items():
        declared = catalog.tables[target]
        columns = declared.key if declared.entity == entity else declared.entities.get(entity, ())
        if len(columns) == 1 and len(paths) == 1:
            found.append(Place(target, columns[0], paths[0]))
    nearest = min((len(place.path) for place in found), default=0)
    return [place for place in found if len(place.path) == nearest]


def proved_here(fact: Fact) -> list[str]:
    """Conditions that fail the query, naming a key, where what it leans on is false: SQL proves it itself."""
    conditions = []
    for claim in fact.claims:
        if not claim.required:
            continue
        shown = " || ' ' || ".join(f"coalesce(CAST({sql_name(column)} AS VARCHAR), 'NULL')" for column in claim.columns)
        says = quote_text(_WRONG[claim.kind].format(columns=", ".join(claim.columns), table=claim.table))
        conditions.append(
            f"(SELECT max(CAST({says} || {shown} AS BIGINT)) FROM ({_offending(claim)}) AS offending) IS NULL"
        )
    return conditions


_WRONG = {
    "key": "the key {columns} of {table} is not unique: ",
    "one_to_one": "the reference {columns} of {table} is not one to one: ",
    "history": "two rows of the history {table} hold at one time for {columns}: ",
    "weights": "the shares of {table} do not add up to 1 for {columns}: ",
    "reference": "the reference {columns} of {table} is not complete: ",
}


def _offending(claim: Claim) -> str:
    """The SELECT of what makes a claim false."""
    columns, table = ", ".join(sql_name(column) for column in claim.columns), sql_name(claim.table)
    if claim.history is not None:
        return overlapping_states(claim.table, claim.columns, claim.history)
    if claim.weight:
        return unequal_shares(claim.table, claim.columns, claim.weight)
    if claim.references:
        pairs = zip(claim.key, claim.columns, strict=True)
        same = " AND ".join(f"theirs.{sql_name(key)} = {table}.{sql_name(own)}" for key, own in pairs)
        theirs = f"SELECT 1 FROM {sql_name(claim.references)} AS theirs WHERE {same}"
        return f"SELECT {columns} FROM {table} WHERE NOT EXISTS ({theirs})"
    first = sql_name(claim.columns[0])
    return f"SELECT {columns} FROM {table} WHERE {first} IS NOT NULL GROUP BY {columns} HAVING count(*) > 1"


def with_steps(steps: list[tuple[str, str]], outputs: list[str], source: list[str]) -> str:
    """A SELECT after the steps that it reads."""
    made = ",\n".join(
        f"{sql_name(name)} AS (\n" + "\n".join(f"  {line}" for line in text.split("\n")) + "\n)" for name, text in steps
    )
    return f"WITH\n{made}\nSELECT\n  " + ",\n  ".join(outputs) + "\n" + "\n".join(source)
