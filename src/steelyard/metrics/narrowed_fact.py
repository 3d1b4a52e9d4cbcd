"""One fact's rows as a question groups and narrows them: columns reached over joins, many rows linked, conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from sqlglot import exp

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.as_of import AsOf
from steelyard.metrics.calendar import Clock
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.claims import Claim, claims_of
from steelyard.metrics.condition import Condition
from steelyard.metrics.deduplicated import AMBIGUOUS, key_columns
from steelyard.metrics.expression import (
    UNKNOWN,
    ColumnName,
    Parameters,
    columns_of,
    lists_of,
    parse_expression,
    to_sql,
)
from steelyard.metrics.graph import Many, Place
from steelyard.metrics.joins import Joins, column_sql
from steelyard.metrics.links import Link
from steelyard.metrics.local_hours import EVERY_DAY
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.sources import Sources
from steelyard.warehouse import Deduplicate

__all__ = ["NarrowedFact", "Types"]

Types = Mapping[str, Mapping[str, str]]
"""Table -> column -> type in DuckDB's words."""
Find = Callable[[ColumnName, str], Place]


class NarrowedFact:
    """One fact's rows as a question groups and narrows them.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        table: The fact.
        time: The column that places its rows in time; None where the question is not about time.
        parameters: Takes the values.
        name: The name of its step in the SQL.
        as_of: The column as of which histories are taken; the time, or the table's own time, where it is not given.
        sources: What stands for a table in FROM; None writes it where it stands.
        own: A metric's rule by which the rows are told apart; None takes the table's.
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
        sources: Sources | None = None,
        own: Deduplicate | None = None,
    ) -> None:
        self.catalog, self.types, self.table, self.time = catalog, types, table, time
        self.parameters, self.name = parameters, name
        self.sources, self.own = sources or Sources(catalog.tables, types), own
        moment = as_of or time or catalog.time_of(table, "")
        self.joins = AsOf(catalog, types, table, moment, self.sources, own).joins()
        self.links: dict[Many, Link] = {}
        self.overlaps: dict[str, str] = {}
        self._inner: list[Joins] = []
        self._listed: dict[str, None] = {}
        self.dimensions: dict[str, Place] = {}
        self.keys: dict[str, str] = {}
        self.conditions: list[str] = []
        self.ranges: list[str] = []
        self.before: list[tuple[str, str]] = []
        self.beside: list[str] = []
        self.week_start = ""
        self.days = EVERY_DAY
        self.grain = ""
        self.timed = time is not None

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
        if place.column == AMBIGUOUS and self.rule_of(place.table) is not None:
            return "BOOLEAN"
        if place.column not in columns:
            where = where or self.catalog.tables[place.table].where
            raise unknown_name(f"column of {place.table!r}", place.column, columns, where=where)
        return columns[place.column]

    def rule_of(self, table: str) -> Deduplicate | None:
        """How the rows of a table are told apart, where they are not one a thing."""
        return self.sources.rule(table, self.own if table == self.table else None)

    def column(self, place: Place, where: str = "") -> str:
        """A column's SQL; what leads to it is joined."""
        self.type_at(place, where)
        if place.many is not None:  # it has no one value; group_by and conditions know what to do
            raise self.catalog.graph.unreachable(self.table, place.table, where, repr(place.column))
        return column_sql(self.joins.follow(place.path), place.column)

    def group_by(self, name: str, output: str) -> None:
        """Groups by a dimension; where there is none, text says `(unknown)` and other types are NULL.

        By a column of which a row has many values, it counts once in each, and `overlaps` says so; a bridge's shares
        share it out.

        Raises:
            DefinitionError: A row has many values, and the project refuses parts that overlap.
        """
        place = self.dimension(name)
        text = self.type_at(place).startswith(("VARCHAR", "ENUM"))
        column = self.column(place) if place.many is None else self._linked(place, place.many, output, text=text)
        self.dimensions[output] = place
        self.keys[output] = f"coalesce({column}, '{UNKNOWN}')" if text else column

    def _linked(self, place: Place, many: Many, output: str, *, text: bool) -> str:
        if self.catalog.fan_out == "refuse":
            raise DefinitionError(
                f"one row of {self.table!r} has many rows of {many.table!r}: by {str(place)!r} it would count in each "
                f"of their groups",
                hint=f"ask for a metric of {many.table!r} by it; or let `fan_out` be flag, and the overlap is said",
            )
        if many not in self.links:
            taken = {table.lower() for table in self.catalog.tables} | {link.name for link in self.links.values()}
            link = Link(many, free_name(f"{many.table}_of_{self.name}", taken), self._as_of(many.table).joins())
            self.links[many] = link
            self.joins.link(link.name, link.keys, many.base, many.columns)
        link = self.links[many]
        self.overlaps[output] = f"a row of {self.table} counts in every {output} that its rows of {many.table} have"
        return column_sql(link.name, link.column(place, text=text))

    def _as_of(self, table: str) -> AsOf:
        return AsOf(self.catalog, self.types, table, self.catalog.time_of(table, ""), self.sources)

    def dimension(self, name: str, where: str = "") -> Place:
        """The dimension that a question means, allowed by policy."""
        return self._allowed(self.catalog.graph.find(name, self.table, where=where), where)

    def _allowed(self, place: Place, where: str) -> Place:
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

    def lines(self, conditions: Sequence[str] | None = None) -> list[str]:
        """Its FROM and JOIN lines.

        Args:
            conditions: All that narrows its rows; None where that is not known.
        """
        whole = conditions is not None and not any(f"{sql_name(self.table)}." in text for text in conditions)
        return [*self.joins.sql(nested=whole), *self.beside]

    def only(self, condition: str, where: str = "") -> None:
        """Keeps the rows that a question's condition, on dimensions, finds.

        Of many rows by which it also groups, only the values that the condition asks for remain as groups.
        """
        made, sql = self._conditioned(condition, where, self._dimension_column)
        self.conditions.append(sql)
        for many, asked in made.positive:
            for part in asked:
                self._narrow(made, many, part)

    def _narrow(self, made: Condition, many: Many, asked: exp.Expr) -> None:
        link = self.links.get(many)
        if link is not None:
            sql = made.write(asked, lambda name: made.at(name, link.joins))
            link.conditions.append(f"({sql})" if isinstance(asked, exp.Or) else sql)
        elif any(step.weight and step.target == many.table for step in self.joins.steps.values()):
            sql = made.write(asked, lambda name: self.column(made.places[name]))
            self.conditions.append(f"({sql})" if isinstance(asked, exp.Or) else sql)

    def _dimension_column(self, name: ColumnName, where: str) -> Place:
        return self.dimension(str(name), where)

    def _own_column(self, name: ColumnName, where: str) -> Place:
        """A definition's column: the fact's own, or a dimension."""
        own = name.table in ("", self.table)
        told = name.name == AMBIGUOUS and self.rule_of(self.table) is not None
        if own and (told or name.name in self.types.get(self.table, {})):
            place = Place(self.table, name.name)
        else:
            place = self.catalog.graph.find(str(name), self.table, where=where)
        return self._allowed(place, where)

    def _condition(self, text: str, where: str, find: Find, *, excluded: bool) -> str:
        sql = self._conditioned(text, where, find)[1]
        return f"NOT ({sql}) IS TRUE" if excluded else sql

    def _conditioned(self, text: str, where: str, find: Find) -> tuple[Condition, str]:
        tree = parse_expression(text, where)
        places = {name: find(name, where) for name in columns_of(tree)}
        if not places:
            raise DefinitionError(f"{text!r} names no column", where=where)
        listed = {name: self._list(name, where) for name in lists_of(tree)}

        def write(node: exp.Expr, column: Callable[[ColumnName], str]) -> str:
            return to_sql(
                node,
                column=column,
                type_of=lambda name: self.type_at(places[name], where),
                parameters=self.parameters,
                where=where,
                list_of=listed.__getitem__,
            )

        for place in places.values():
            self.type_at(place, where)
        made = Condition(where, places, self.joins, self._as_of, write)
        sql = made.sql(tree)
        self._inner += made.inner
        return made, sql

    def _list(self, name: ColumnName, where: str) -> tuple[str, str]:
        """A column that lists values: of any table, its key or a dimension."""
        declared = self.catalog.tables.get(name.table)
        if declared is None:
            raise unknown_name("table", name.table, self.catalog.tables, where=where)
        known = dict.fromkeys((*declared.dimensions, *declared.key))
        if name.name not in known:
            raise unknown_name(f"dimension of {name.table!r}", name.name, known, where=where)
        place = self._allowed(Place(name.table, name.name), where)
        self.type_at(place, where)
        self._listed[name.table] = None
        return name.table, name.name

    def labelled_text(self, output: str) -> str:
        """A dimension it groups by as text, `(unknown)` where there is none."""
        sql = self.keys[output]
        return sql if sql.endswith(f"'{UNKNOWN}')") else f"coalesce(CAST({sql} AS VARCHAR), '{UNKNOWN}')"

    def relabel(self, output: str, change: Callable[[str], str]) -> None:
        """Changes the labels of a dimension it groups by; of many rows, before they are told apart.

        Args:
            output: The dimension.
            change: Gives the SQL of the new label from that of the text of the old one.
        """
        place = self.dimensions[output]
        if place.many is None:
            self.keys[output] = change(self.labelled_text(output))
            return
        link = self.links[place.many]
        column = link.column(place, text=self.keys[output].endswith(f"'{UNKNOWN}')"))
        link.columns[column] = change(f"coalesce(CAST({link.columns[column]} AS VARCHAR), '{UNKNOWN}')")
        self.keys[output] = f"coalesce({column_sql(link.name, column)}, '{UNKNOWN}')"

    def group_by_place(self, place: Place, output: str) -> None:
        """Groups by a column that a definition, and no question, names."""
        self.dimensions[output] = place
        self.keys[output] = self.column(place)

    @property
    def joined(self) -> dict[str, str]:
        """Name in the SELECT -> table, of what is joined and counted."""
        return {name: step.target for name, step in self.joins.steps.items()}

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The steps that come before its own: name and SELECT."""
        return [*((link.name, link.sql()) for link in self.links.values()), *self.before]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What must be true for its rows to count right."""
        shared = [link.many.up[-1] for link in self.links.values()]
        complete = tuple(claim for claim in claims_of(shared) if claim.kind == "reference")
        found = (*claims_of(step for joins in self._read for step in joins.steps.values()), *complete)
        return tuple(claim for claim in dict.fromkeys(found) if not self._is_made(claim))

    def _is_made(self, claim: Claim) -> bool:
        """Whether a key is one because its rows are told apart by it."""
        rule = self.rule_of(claim.table)
        return claim.kind == "key" and rule is not None and key_columns(rule) == set(claim.columns)

    @property
    def own_key(self) -> Claim | None:
        """What its own table says of its key, where rows are not told apart by it."""
        key = self.catalog.tables[self.table].key
        claim = Claim(self.table, key)
        history = self.catalog.tables[self.table].history is not None
        return None if not key or history or self._is_made(claim) else claim

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that it reads beside its own."""
        joined = (name for joins in self._read for name in (joins.fact, *(s.target for s in joins.steps.values())))
        return tuple(name for name in dict.fromkeys((*joined, *self._listed)) if name != self.table)

    @property
    def _read(self) -> list[Joins]:
        return [self.joins, *(link.joins for link in self.links.values()), *self._inner]

    @property
    def share(self) -> str:
        """The SQL of the part of a row that counts in a group of it; empty where all of it does."""
        shares = [
            f"coalesce({column_sql(name, step.weight)}, 1)" for name, step in self.joins.steps.items() if step.weight
        ]
        return " * ".join(shares)
