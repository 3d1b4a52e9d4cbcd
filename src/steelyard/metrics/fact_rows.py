"""One side of a metric at the grain of its rows: which rows count, where, and what each of them adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.expression import Parameters, columns_of, parse_expression
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.graph import Place
from steelyard.metrics.metric import PLAIN_KINDS
from steelyard.metrics.question import Question

__all__ = ["FactRows", "Side", "fact_rows", "no_rows", "sides_of"]

Side = Literal["numerator", "denominator"]


@dataclass(frozen=True, kw_only=True)
class FactRows:
    """One side of a metric at the grain of its rows.

    Args:
        fact: The fact's part of the plan: joins, dimensions, the question's conditions.
        aggregate: What is aggregated.
        groups: Output column -> its SQL, as a question groups by it; `period` first where there is a grain.
        conditions: What a row must fulfil to count: the question's conditions and the metric's own.
    """

    fact: Fact
    aggregate: Aggregate
    groups: Mapping[str, str]
    conditions: tuple[str, ...]

    @property
    def value(self) -> str:
        """The SQL of what is aggregated; empty for a count of rows."""
        return self.fact.value(self.aggregate)

    @property
    def amount(self) -> str:
        """The SQL of what a row that counts adds to the aggregate, its share of it where a bridge shares it out.

        Of a distinct count or a quantile, the value that it has.
        """
        forms = {
            "rows": "1",
            "sum": f"coalesce({self.value}, 0)",
            "values": f"CASE WHEN {self.value} IS NULL THEN 0 ELSE 1 END",
        }
        added = forms.get(self.aggregate.function)
        if added is None:
            return self.value
        return f"{added} * {self.fact.share}" if self.fact.share else added

    def places(self) -> tuple[Place, ...]:
        """Every column that the metric's conditions and its measure take: the fact's own, or of a joined table."""
        texts = (*self.aggregate.where, *self.aggregate.exclude)
        trees = [parse_expression(text, self.aggregate.place) for text in texts]
        trees += [self.aggregate.expression] if self.aggregate.expression is not None else []
        return tuple(dict.fromkeys(_place(self.fact, str(name)) for tree in trees for name in columns_of(tree)))


def _place(fact: Fact, name: str) -> Place:
    table, _, column = name.rpartition(".")
    if table in ("", fact.table) and column in fact.types[fact.table]:
        return Place(fact.table, column)
    return fact.catalog.graph.find(name, fact.table)


def sides_of(catalog: MetricCatalog, metric: str) -> dict[str, Aggregate]:
    """`numerator`, and `denominator` of a mean or ratio -> what each aggregates.

    Raises:
        UnknownNameError: There is no such metric.
        DefinitionError: It is no aggregate of rows.
    """
    if catalog.metric(metric).kind not in PLAIN_KINDS:
        raise no_rows(catalog, metric)
    parts = catalog.parts(metric)
    return dict(zip(("numerator", "denominator"), parts.each, strict=False))


def no_rows(catalog: MetricCatalog, metric: str) -> DefinitionError:
    """The refusal of a metric whose number no rows add up to; names those that have rows."""
    said = catalog.metric(metric)
    named = " or ".join(repr(name) for name in said.names())
    plain = f"a metric that is a sum of {said.balance.of}, for one day" if said.balance is not None else ""
    return DefinitionError(
        f"{metric!r} is of the kind {said.kind!r}, whose number is not made of rows alone",
        where=said.defined_at,
        hint=f"ask for {named or plain or 'the metric itself, as of each moment'}",
    )


def fact_rows(
    catalog: MetricCatalog, types: Types, aggregate: Aggregate, question: Question, parameters: Parameters
) -> FactRows:
    """The rows of one aggregate as a question sees them.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        aggregate: What is aggregated.
        question: By what it is grouped, and which rows it keeps.
        parameters: Takes the values.

    Raises:
        UnknownNameError: The question, or the definition, names what is not there.
        DefinitionError: It has no right answer.
        PolicyError: It groups or filters by a sensitive column.
    """
    time = catalog.time_of(aggregate.table, aggregate.time, where=aggregate.place)
    fact = Fact(
        catalog, types, table=aggregate.table, time=time, parameters=parameters, name="rows", own=aggregate.deduplicate
    )
    fact.week_start = aggregate.week_start
    groups = {"period": fact.clock().period(question.grain)} if question.grain else {}
    for name in question.by:
        fact.group_by(name, name)
    groups |= fact.keys
    if question.where is not None:
        fact.only(question.where, "where")
    fact.within(question.since, question.until)
    own = fact.filters(aggregate)
    fact.value(aggregate)
    return FactRows(fact=fact, aggregate=aggregate, groups=groups, conditions=(*fact.kept, *own))
