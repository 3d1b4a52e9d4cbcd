"""One table's rows on their way into a product question: whom they are of, when they happened, which of them count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from steelyard.errors import DefinitionError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.calendar import Clock
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.condition import as_many
from steelyard.metrics.expression import UNKNOWN, ColumnName, Parameters, columns_of, parse_expression
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.names import sql_name
from steelyard.metrics.place import Place
from steelyard.metrics.product.events import EventRows, check_rows

__all__ = ["Moments", "Source", "moments_of"]


class Source:
    """The rows of one table, seen from one entity.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        parameters: Takes the values.
        rows: Which table and time; its conditions are asked for with `condition`.
        entity: Who is followed.
        where: File and line, for errors.

    Raises:
        UnknownNameError: A table, column or entity is not there.
        DefinitionError: The rows have no time, or do not say whom they are of.
    """

    def __init__(
        self,
        catalog: MetricCatalog,
        types: Types,
        parameters: Parameters,
        rows: EventRows,
        entity: str,
        *,
        where: str = "",
    ) -> None:
        self.catalog, self.where, self.table = catalog, where, rows.table
        place = check_rows(catalog, rows, entity, where=where)
        time = catalog.time_of(rows.table, rows.time, where=where)
        self.fact = Fact(catalog, types, table=rows.table, time=time, parameters=parameters, name=rows.table)
        self.clock: Clock = self.fact.clock()
        self.owner_place = place
        self.owner = self.fact.column(place, where)
        self.owner_type = self.fact.type_at(place, where)
        self.sequence = self._own(rows.sequence) if rows.sequence else ""
        self.attributes: dict[str, str] = {}

    def _own(self, column: str) -> str:
        table, _, name = column.rpartition(".")
        if table not in ("", self.table):
            raise DefinitionError(f"{column!r} is no column of {self.table!r}", where=self.where)
        return self.fact.column(Place(self.table, name), self.where)

    def condition(self, rows: EventRows) -> str:
        """The SQL of a definition's condition, never NULL; `TRUE` where every row counts."""
        aggregate = Aggregate(
            "rows",
            self.table,
            where=(rows.where,) if rows.where else (),
            exclude=(rows.exclude,) if rows.exclude else (),
            place=self.where,
        )
        return " AND ".join(self.fact.filters(aggregate)) or "TRUE"

    def asked(self, condition: str | None) -> str:
        """The SQL of a question's condition on dimensions; `TRUE` where there is none."""
        if not condition:
            return "TRUE"
        self.fact.only(condition)
        return self.fact.conditions.pop()

    def within(self, since: date | None, until: date | None) -> str:
        """The condition that the row's local day is in the range; `TRUE` where there is none."""
        if since is None and until is None:
            return "TRUE"
        self.fact.within(since, until)
        return self.fact.ranges.pop()

    def attribute(self, name: str) -> str:
        """The SQL of a dimension, `(unknown)` where a text is not there."""
        if name not in self.attributes:
            place = self._one_of_a_row(self.fact.dimension(name, self.where))
            column = self.fact.column(place, self.where)
            text = self.fact.type_at(place).startswith(("VARCHAR", "ENUM"))
            self.attributes[name] = f"coalesce({column}, '{UNKNOWN}')" if text else column
        return self.attributes[name]

    def named(self, name: str, *, missing: str = f"'{UNKNOWN}'") -> str:
        """The SQL of the table's own column, or of a dimension: as text, `(unknown)` where it is not there.

        Args:
            name: The column or the dimension.
            missing: The SQL of what stands for what is not there.

        Raises:
            PolicyError: It is sensitive.
        """
        own = name.removeprefix(f"{self.table}.")
        own_column = own in self._types
        place = Place(self.table, own) if own_column else self._one_of_a_row(self.fact.dimension(name, self.where))
        if self.catalog.is_sensitive(place.table, place.column):
            raise self.catalog.policy_error(place, self.where)
        text = f"CAST({self.fact.column(place, self.where)} AS VARCHAR)"
        return text if missing == "NULL" else f"coalesce({text}, {missing})"

    def _one_of_a_row(self, place: Place) -> Place:
        """Refuses a column of which a row has many values: it would count in each, and its value several times."""
        if as_many(place).many is not None:
            raise DefinitionError(
                f"one row of {self.table!r} has many {str(place)!r}, and is in one group here",
                where=self.where,
                hint="ask by what a row has one of; a condition may name it: it keeps the rows that have such a one",
            )
        return place

    def value(self, text: str) -> str:
        """The SQL of a measure over the table's own columns."""
        tree = parse_expression(text, self.where)
        for name in columns_of(tree):
            if name.table not in ("", self.table):
                hint = f"write an expression over the columns of {self.table!r}"
                raise DefinitionError(f"{text!r} is not of {self.table!r}", where=self.where, hint=hint)
            self._refuse_sensitive(name, bare=tree.key == "column")
        return self.fact.value(Aggregate("sum", self.table, tree, place=self.where))

    def _refuse_sensitive(self, name: ColumnName, *, bare: bool) -> None:
        """A sensitive column may be summed as it is, and decide nothing."""
        if not bare and self.catalog.is_sensitive(self.table, name.name):
            raise self.catalog.policy_error(Place(self.table, name.name), self.where)

    @property
    def _types(self) -> Sequence[str]:
        return tuple(self.fact.types[self.table])

    @property
    def known(self) -> str:
        """The condition that a row says whom it is of, and when it happened."""
        return f"{self.owner} IS NOT NULL AND {self.placed_by} IS NOT NULL"

    @property
    def placed_by(self) -> str:
        """The SQL of what places a row in time: NULL where nobody can say its local day."""
        return self.clock.day if self.clock.day_zone else self.clock.column

    def edge_day(self, which: str) -> str:
        """The SQL of the first (`min`) or last (`max`) local day that the table has, as an aggregate."""
        if self.clock.day_zone:  # the last moment need not have the last day: rows count days in zones of their own
            return f"{which}({self.clock.day})"
        return replace(self.clock, column=f"{which}({self.clock.column})").day

    def select(self, outputs: dict[str, str], conditions: Sequence[str], *, distinct: bool = False) -> str:
        """The SELECT of the rows that meet every condition."""
        listed = [f"{sql} AS {sql_name(name)}" for name, sql in outputs.items()]
        kept = [text for text in conditions if text != "TRUE"]
        lines = ["SELECT DISTINCT" if distinct else "SELECT", "  " + ",\n  ".join(listed), *self.fact.lines()]
        if kept:
            lines.append("WHERE " + "\n  AND ".join(f"({text})" if " OR " in text else text for text in kept))
        return "\n".join(lines)


@dataclass(frozen=True)
class Moments:
    """The moments of several sources, all of one type, so that they compare.

    Args:
        each: The SQL of each source's moment.
        kind: Their type.
        dated: Whether each is a day, and stands for its start.
    """

    each: tuple[str, ...]
    kind: str
    dated: bool = False


def moments_of(sources: Sequence[Source], where: str = "") -> Moments:
    """The moments of the sources. A timestamp in UTC is taken as it is; a day has 24 hours where every time is a date.

    Raises:
        DefinitionError: Some are dates and others are not: a date does not say what it came before.
    """
    dated = [source for source in sources if source.clock.kind == "DATE"]
    if len(dated) == len(sources):
        return Moments(
            tuple(f"CAST({source.clock.column} AS TIMESTAMP)" for source in sources), "TIMESTAMP", dated=True
        )
    if dated:
        timed = next(source for source in sources if source.clock.kind != "DATE")
        raise DefinitionError(
            f"the time of {dated[0].table!r} is a date and that of {timed.table!r} a moment: which of two on one day "
            "came first is not known",
            where=where,
            hint=f"give `time:` for {dated[0].table!r}, a timestamp",
        )
    bare = [source.clock.moment == source.clock.column and source.clock.is_naive for source in sources]
    if all(bare):
        return Moments(tuple(source.clock.column for source in sources), "TIMESTAMP")
    moments = tuple(
        f"CAST({source.clock.column} AS TIMESTAMPTZ)" if plain else source.clock.moment
        for source, plain in zip(sources, bare, strict=True)
    )
    return Moments(moments, "TIMESTAMPTZ")
