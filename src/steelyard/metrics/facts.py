"""One fact's part of a plan: which measures it gives, by which columns, over which joins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.as_of import AsOf
from steelyard.metrics.calendar import Clock
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.exchange import Exchange, currency_of, exchange
from steelyard.metrics.expression import UNKNOWN, ColumnName, Parameters, columns_of, parse_expression, to_sql
from steelyard.metrics.graph import Place
from steelyard.metrics.joins import Joins, column_sql
from steelyard.metrics.kinds import Convert
from steelyard.metrics.local_hours import EVERY_DAY
from steelyard.metrics.names import sql_name

__all__ = ["Fact", "Joins", "Types"]

Types = Mapping[str, Mapping[str, str]]
"""Table -> column -> type in DuckDB's words."""


class Fact:
    """The aggregation of one fact at its own grain.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        table: The fact.
        time: The column that places its rows in time; None where the question is not about time.
        parameters: Takes the values.
        name: The name of its step in the SQL.
        as_of: The column as of which histories are taken; the time, or the table's own time, where it is not given.
    """

    def __init__(
        self,
        catalog: MetricCatalog,
        types: Types,
        *,
        table: str,
        time: Place | None,
        parameters: Parameters,
        name: str,
        as_of: Place | None = None,
    ) -> None:
        self.catalog, self.types, self.table, self.time = catalog, types, table, time
        self.parameters, self.name = parameters, name
        self.joins = AsOf(catalog, types, table, as_of or time or catalog.time_of(table, "")).joins()
        self.aggregates: dict[str, Aggregate] = {}
        self.dimensions: dict[str, Place] = {}
        self.keys: dict[str, str] = {}
        self.conditions: list[str] = []
        self.ranges: list[str] = []
        self.before: list[tuple[str, str]] = []
        self.beside: list[str] = []
        self.given: dict[tuple[object, ...], str] = {}
        self.exchanges: dict[tuple[Convert, str], Exchange] = {}
        self.complete: date | None = None
        self.week_start = ""
        self.days = EVERY_DAY
        self.grain = ""
        self.timed = time is not None

    # What it is asked for

    def clock(self) -> Clock:
        """How its time column becomes local days.

        Raises:
            DefinitionError: It has none, or the column is no time.
        """
        declared = self.catalog.tables[self.table]
        if self.time is None:
            raise DefinitionError(
                f"the rows of {self.table!r} have no time, so they cannot be placed in periods or ranges",
                where=declared.where,
                hint=f"declare `time:` for {self.table!r}, or ask without dates",
            )
        timed = self.catalog.tables[self.time.table]
        kind = self.type_at(self.time)
        return Clock(
            column=self.column(self.time),
            kind=kind,
            zone=self.catalog.zone,
            column_zone=timed.zones.get(self.time.column, timed.zone),
            day_zone="" if kind == "DATE" else self._day_zone(self.time),
            week_start=self.week_start or self.catalog.week_start,
            year_start=self.catalog.year_start,
            days=self.days,
            where=declared.where,
        )

    def _day_zone(self, time: Place) -> str:
        """The SQL of the zone in which a row's day is counted, where the table that has the time names a column."""
        place = self.catalog.zone_of_day(time.table)
        if place is None:
            return ""
        where = self.catalog.tables[time.table].where
        place = Place(place.table, place.column, (*time.path, *place.path))
        if not self.type_at(place, where).startswith(("VARCHAR", "ENUM")):
            raise DefinitionError(
                f"the zone of a day, {str(place)!r}, is {self.type_at(place, where)}, and no text",
                where=where,
                hint="name a column that holds IANA names, such as Europe/Berlin",
            )
        return self.column(place, where)

    def type_at(self, place: Place, where: str = "") -> str:
        """The type of a column.

        Raises:
            UnknownNameError: The warehouse has no such table or column.
        """
        if place.table not in self.types:
            raise unknown_name("table in the warehouse", place.table, self.types, where=where)
        columns = self.types[place.table]
        if place.column not in columns:
            where = where or self.catalog.tables[place.table].where
            raise unknown_name(f"column of {place.table!r}", place.column, columns, where=where)
        return columns[place.column]

    def column(self, place: Place, where: str = "") -> str:
        """A column's SQL; what leads to it is joined."""
        self.type_at(place, where)
        if place.many is not None:
            raise self.catalog.graph.unreachable(self.table, place.table, where, repr(place.column))
        return column_sql(self.joins.follow(place.path), place.column)

    def group_by(self, name: str, output: str) -> None:
        """Groups by a dimension; where there is none, text says `(unknown)` and other types are NULL."""
        place = self.dimension(name)
        column = self.column(place)
        text = self.type_at(place).startswith(("VARCHAR", "ENUM"))
        self.dimensions[output] = place
        self.keys[output] = f"coalesce({column}, '{UNKNOWN}')" if text else column

    def dimension(self, name: str, where: str = "") -> Place:
        """The dimension that a question means, allowed by policy."""
        place = self.catalog.graph.find(name, self.table, where=where)
        if self.catalog.is_sensitive(place.table, place.column):
            raise self.catalog.policy_error(place, where)
        return place

    def within(self, since: date | None, until: date | None) -> None:
        """Keeps the rows whose local day is in the range."""
        if since is None and until is None:
            return
        condition, values = self.clock().within(since, until)
        for name, value in values.items():
            placed = str(self.parameters.add(value, name).this) if not self.parameters.inline else name
            condition = condition.replace(f"${name}", f"${placed}")
        self.ranges.append(condition)

    @property
    def kept(self) -> list[str]:
        """The conditions of the question: its range of days first."""
        return [*self.ranges, *self.conditions]

    def lines(self) -> list[str]:
        """Its FROM and JOIN lines."""
        return [*self.joins.sql(), *self.beside]

    def only(self, condition: str, where: str = "") -> None:
        """Keeps the rows that a question's condition, on dimensions, finds."""
        self.conditions.append(self._condition(condition, where, self._dimension_column, excluded=False))

    # Its SQL

    def _dimension_column(self, name: ColumnName, where: str) -> Place:
        return self.dimension(str(name), where)

    def _own_column(self, name: ColumnName, where: str) -> Place:
        """A definition's column: the fact's own, or a dimension."""
        own = name.table in ("", self.table)
        if own and name.name in self.types.get(self.table, {}):
            place = Place(self.table, name.name)
        else:
            place = self.catalog.graph.find(str(name), self.table, where=where)
        if self.catalog.is_sensitive(place.table, place.column):
            raise self.catalog.policy_error(place, where)
        return place

    def _condition(self, text: str, where: str, find, *, excluded: bool) -> str:  # type: ignore[no-untyped-def]
        tree = parse_expression(text, where)
        places = {name: find(name, where) for name in columns_of(tree)}
        if not places:
            raise DefinitionError(f"{text!r} names no column", where=where)
        sql = to_sql(
            tree,
            column=lambda name: self.column(places[name], where),
            type_of=lambda name: self.type_at(places[name], where),
            parameters=self.parameters,
            where=where,
        )
        if excluded:
            return f"NOT ({sql}) IS TRUE"
        return f"({sql})" if " OR " in sql else sql

    def filters(self, aggregate: Aggregate) -> tuple[str, ...]:
        """The aggregate's own conditions as SQL, NULL-safe where they exclude."""
        kept = [self._condition(text, aggregate.place, self._own_column, excluded=False) for text in aggregate.where]
        left = [self._condition(text, aggregate.place, self._own_column, excluded=True) for text in aggregate.exclude]
        mature = [] if aggregate.mature is None else [self.mature(aggregate.mature)]
        followed = [self.given[aggregate.identity]] if aggregate.followed is not None else []
        return tuple(dict.fromkeys(kept + left + mature + followed))

    def mature(self, days: int) -> str:
        """The condition that so many days after a row's own are known completely."""
        assert self.complete is not None  # noqa: S101 - the planner has said to which day
        through = self.parameters.add(self.complete, "complete_through").sql(dialect="duckdb")
        return f"add_days({self.clock().day}, {days}) <= {through}"

    def value(self, aggregate: Aggregate) -> str:
        """What the aggregate aggregates, as SQL; empty for rows."""
        if aggregate.per is not None:
            return self.given[aggregate.identity]
        if aggregate.expression is None:
            return ""
        places = {name: Place(self.table, name.name) for name in columns_of(aggregate.expression)}
        value = to_sql(
            aggregate.expression,
            column=lambda name: self.column(places[name], aggregate.place),
            type_of=lambda name: self.type_at(places[name], aggregate.place),
            parameters=self.parameters,
            where=aggregate.place,
            bind_numbers=False,
        )
        return value if aggregate.convert is None else self.exchange(aggregate).value.format(value)

    def exchange(self, aggregate: Aggregate) -> Exchange:
        """How the aggregate's money is brought to one currency; the rates are joined."""
        convert = aggregate.convert
        assert convert is not None  # noqa: S101 - asked before
        address = (convert, currency_of(self, aggregate))
        if address not in self.exchanges:
            self.exchanges[address] = made = exchange(self, aggregate, convert)
            self.before += made.steps
            self.beside += made.joins
        return self.exchanges[address]

    def value_where(self, aggregate: Aggregate) -> str:
        """What the aggregate aggregates, NULL where its conditions leave a row out."""
        value, filters = self.value(aggregate) or "1", self.filters(aggregate)
        return f"CASE WHEN {' AND '.join(filters)} THEN {value} END" if filters else value

    def labelled_text(self, output: str) -> str:
        """A dimension it groups by as text, `(unknown)` where there is none."""
        sql = self.keys[output]
        return sql if sql.endswith(f"'{UNKNOWN}')") else f"coalesce(CAST({sql} AS VARCHAR), '{UNKNOWN}')"

    def group_by_place(self, place: Place, output: str) -> None:
        """Groups by a column that a definition, and no question, names."""
        self.dimensions[output] = place
        self.keys[output] = self.column(place)

    def aggregated(self, aggregate: Aggregate) -> str:
        """The aggregate as SQL, without its conditions."""
        value = self.value(aggregate)
        forms = {
            "rows": "count(*)",
            "values": f"count({value})",
            "distinct": f"count(DISTINCT {value})",
            "quantile": f"quantile_cont({value}, {aggregate.share})",
        }
        return forms.get(aggregate.function, f"{aggregate.function}({value})")

    def select(self, grain: str | None, *, counts: bool = True) -> str:
        """Its step: one row a group, each aggregate under its name, and how many rows it rests on."""
        period = {"period": self.clock().period(grain)} if grain else {}
        keys = {**period, **self.keys}
        own = {name: self.filters(aggregate) for name, aggregate in self.aggregates.items()}
        shared = [text for text in next(iter(own.values()), ()) if all(text in texts for texts in own.values())]
        outputs = [f"{sql} AS {sql_name(name)}" for name, sql in keys.items()]
        for name, aggregate in self.aggregates.items():
            rest = [text for text in own[name] if text not in shared]
            condition = f" FILTER (WHERE {' AND '.join(rest)})" if rest else ""
            outputs.append(f"{self.aggregated(aggregate)}{condition} AS {sql_name(name)}")
        if counts:
            outputs += [f"{sql} AS {sql_name(name)}" for name, sql in self.counts().items()]
        lines = ["SELECT", *_comma(outputs), *self.lines()]
        if conditions := [*self.kept, *shared]:
            lines += ["WHERE " + "\n  AND ".join(conditions)]
        if keys:
            lines.append(f"GROUP BY {', '.join(str(number + 1) for number in range(len(keys)))}")
        return "\n".join(lines)

    def counts(self) -> dict[str, str]:
        """Name -> SQL of what is counted with every answer: rows read, and rows that found each joined table."""
        found = {f"{self.name}_rows": "count(*)"}
        for number, made in enumerate(self.exchanges.values()):
            found[f"{self.name}_unconverted_{number}"] = f"count(*) FILTER (WHERE {made.missing})"
            found[f"{self.name}_stale_{number}"] = f"count(*) FILTER (WHERE {made.stale})"
        if immature := {item.mature for item in self.aggregates.values() if item.mature is not None}:
            found[f"{self.name}_immature"] = f"count(*) FILTER (WHERE NOT {self.mature(max(immature))})"
        for joined, step in self.joins.steps.items():
            found[f"{self.name}_with_{joined}"] = f"count({column_sql(joined, step.key[0])})"
        return found


def _comma(items: list[str]) -> list[str]:
    return [f"  {item}{',' if number + 1 < len(items) else ''}" for number, item in enumerate(items)]
