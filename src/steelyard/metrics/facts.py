"""One fact's part of a plan: which measures it gives, by which columns, over which joins."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlglot import exp

from steelyard.metrics.aggregate import Aggregate, Mature
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.deduplicated import AMBIGUOUS
from steelyard.metrics.exchange import Exchange, currency_of, exchange
from steelyard.metrics.expression import Parameters, columns_of, to_sql
from steelyard.metrics.graph import Place
from steelyard.metrics.joins import column_sql
from steelyard.metrics.kinds import Convert
from steelyard.metrics.marks import row_marks
from steelyard.metrics.names import sql_name
from steelyard.metrics.narrowed_fact import NarrowedFact, Types
from steelyard.metrics.shares import shared_out
from steelyard.metrics.sources import Sources
from steelyard.warehouse import Deduplicate
from steelyard.warehouse.as_number import as_number

__all__ = ["Fact", "Types"]

SUMMED = ("sum", "quantile")
"""Functions that are of numbers only."""


class Fact(NarrowedFact):
    """The aggregation of one fact at its own grain; takes what `NarrowedFact` does."""

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
        super().__init__(
            catalog,
            types,
            table=table,
            time=time,
            parameters=parameters,
            name=name,
            as_of=as_of,
            sources=sources,
            own=own,
        )
        self.aggregates: dict[str, Aggregate] = {}
        self.given: dict[tuple[object, ...], str] = {}
        self.exchanges: dict[tuple[Convert, str], Exchange] = {}
        self.complete: dict[Mature, date] = {}
        self.last_days: dict[Mature, str] = {}
        self.units: dict[tuple[object, ...], str] = {}
        self.size = ""

    def filters(self, aggregate: Aggregate) -> tuple[str, ...]:
        """Which rows the aggregate is of, as SQL."""
        mature = [] if aggregate.mature is None else [self.mature(aggregate.mature)]
        followed = [self.given[aggregate.identity]] if aggregate.followed is not None else []
        return (*self.row_conditions(aggregate), *mature, *followed)

    def row_conditions(self, aggregate: Aggregate) -> tuple[str, ...]:
        """The aggregate's own conditions as SQL, NULL-safe where they exclude."""
        kept = [self._condition(text, aggregate.place, self._own_column, excluded=False) for text in aggregate.where]
        left = [self._condition(text, aggregate.place, self._own_column, excluded=True) for text in aggregate.exclude]
        return tuple(dict.fromkeys(kept + left))

    def mature(self, mature: Mature) -> str:
        """The condition that the days after a row's own are over, and known completely."""
        through = self.parameters.add(self.complete[mature], "complete_through").sql(dialect="duckdb")
        return f"{self.last_days[mature]} <= {through}"

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
        if aggregate.function in SUMMED and isinstance(aggregate.expression, exp.Column):
            (place,) = places.values()
            kind, used = self.type_at(place, aggregate.place), f"a {aggregate.function}"
            value = as_number(value, kind, column=str(place), used=used, where=aggregate.place)
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

    def aggregated(self, aggregate: Aggregate) -> str:
        """The aggregate as SQL, without its conditions."""
        value = self.value(aggregate)
        if self.share:
            return shared_out(aggregate.function, value, self.share)
        forms = {
            "rows": "count(*)",
            "values": f"count({value})",
            "distinct": f"count(DISTINCT {value})",
            "quantile": f"quantile_cont({value}, {aggregate.share})",
        }
        return forms.get(aggregate.function, f"{aggregate.function}({value})")

    def select(self, grain: str | None, *, counts: bool = True, nothing: bool = False) -> str:
        """Its step: one row a group, each aggregate under its name, and how many rows it rests on.

        Args:
            grain: The periods; None for the whole range.
            counts: Whether to count beside the aggregates.
            nothing: Whether to leave every row out.
        """
        period = {"period": self.clock().period(grain)} if grain else {}
        keys = {**period, **self.keys}
        own = {name: self.filters(aggregate) for name, aggregate in self.aggregates.items()}
        shared = self._shared()
        outputs = [f"{sql} AS {sql_name(name)}" for name, sql in keys.items()]
        for name, aggregate in self.aggregates.items():
            rest = [text for text in own[name] if text not in shared]
            condition = f" FILTER (WHERE {' AND '.join(rest)})" if rest else ""
            outputs.append(f"{self.aggregated(aggregate)}{condition} AS {sql_name(name)}")
            if self.size:
                outputs.append(f"{self.size}{condition} AS {sql_name(self.size_of(name))}")
        if counts:
            outputs += [f"{sql} AS {sql_name(name)}" for name, sql in self.counts(shared).items()]
        conditions = [*self.kept, *shared, *(["FALSE"] if nothing else [])]
        lines = ["SELECT", *_comma(outputs), *self.lines(conditions)]
        if conditions:
            lines += ["WHERE " + "\n  AND ".join(conditions)]
        if keys:
            lines.append(f"GROUP BY {', '.join(str(number + 1) for number in range(len(keys)))}")
        return "\n".join(lines)

    def size_of(self, aggregate: str) -> str:
        """The name of the count of units that an aggregate is of."""
        return f"{self.name}_{aggregate}_size"

    def _shared(self) -> list[str]:
        """The conditions of all its measures: their rows alone are read. What is too recent is read, and counted."""
        own = [self.row_conditions(aggregate) for aggregate in self.aggregates.values()]
        return [text for text in own[0] if all(text in texts for texts in own)] if own else []

    def counts(self, known: Collection[str] = ()) -> dict[str, str]:
        """Name -> SQL of what is counted with every answer: rows read, and rows that found each joined table.

        Args:
            known: Conditions that hold for every row already.
        """
        found = {f"{self.name}_rows": "count(*)"}
        if self.rule_of(self.table) is not None:
            found[f"{self.name}_ambiguous"] = f"count(*) FILTER (WHERE {column_sql(self.table, AMBIGUOUS)})"
        marks = row_marks(self, known)
        found |= {name: f"count(*) FILTER (WHERE {condition})" for name, condition in marks.items()}
        for joined, step in self.joins.steps.items():
            found[f"{self.name}_with_{joined}"] = f"count({column_sql(joined, step.key[0])})"
        return found

    def found(self) -> dict[str, str]:
        """Name -> the condition that a row finds a row of a joined table."""
        steps = self.joins.steps.items()
        return {f"{self.name}_with_{name}": f"{column_sql(name, step.key[0])} IS NOT NULL" for name, step in steps}

    def left_out(self) -> dict[str, str]:
        """Name -> SQL of how many rows count for nothing: older ones of a key, and those without what is grouped by."""
        found = {}
        if self.rule_of(self.table) is not None:
            whole, own = sql_name(self.table), self.own
            once = self.sources.named(self.table, "once", own)
            found[f"{self.name}_superseded"] = f"(SELECT count(*) FROM {whole}) - (SELECT count(*) FROM {once})"
        for link in self.links.values():
            where = " AND ".join([*self.kept, f"{column_sql(link.name, link.keys[0])} IS NULL"])
            lines = " ".join(self.joins.sql(without=link.name))
            found[f"{self.name}_without_{link.many.table}"] = f"(SELECT count(*) {lines} WHERE {where})"
        return found


def _comma(items: list[str]) -> list[str]:
    return [f"  {item}{',' if number + 1 < len(items) else ''}" for number, item in enumerate(items)]
