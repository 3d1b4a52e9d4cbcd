"""Refuses to add up money of several currencies as if it were of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steelyard.errors import DataError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.exchange import currency_of
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.facts import Fact
from steelyard.metrics.graph import Place
from steelyard.metrics.names import sql_name
from steelyard.metrics.relation import Relation, Step
from steelyard.warehouse import Query, Warehouse

__all__ = ["refuse_mixed_currencies", "refuse_mixed_rows"]

MONEY = ("sum", "quantile", "min", "max")


def refuse_mixed_currencies(warehouse: Warehouse, relations: Iterable[Relation]) -> None:
    """Looks whether a group would mix currencies, wherever a measure of money declares one and converts none.

    Args:
        warehouse: Where the facts are.
        relations: Of a plan that is made.

    Raises:
        DataError: A group does; names the currencies.
    """
    looked: set[str] = set()
    for relation in relations:
        for aggregate in (leaf.aggregate for leaf in relation.leaves.values()):
            refuse_mixed_rows(warehouse, relation.fact, aggregate, looked=looked)


def refuse_mixed_rows(
    warehouse: Warehouse,
    fact: Fact,
    aggregate: Aggregate,
    *,
    steps: Sequence[Step] = (),
    looked: set[str] | None = None,
) -> None:
    """Looks whether a group of one aggregate would mix currencies.

    Args:
        warehouse: Where the fact is.
        fact: The fact, grouped and narrowed.
        aggregate: What is aggregated.
        steps: Steps that stand for tables, such as those of an earlier version.
        looked: What was looked at before, and needs no second look.

    Raises:
        DataError: A group does; names the currencies.
    """
    if aggregate.function not in MONEY or aggregate.convert is not None or aggregate.per is not None:
        return
    column = currency_of(fact, aggregate)
    if column and not _grouped_by(fact, column):
        _look(warehouse, fact, aggregate, column, set() if looked is None else looked, (*steps, *fact.steps))


def _grouped_by(fact: Fact, column: str) -> bool:
    return any(place.table == fact.table and place.column == column for place in fact.dimensions.values())


def _look(
    warehouse: Warehouse, fact: Fact, aggregate: Aggregate, column: str, looked: set[str], steps: Sequence[Step]
) -> None:
    own = fact.column(Place(fact.table, column))
    value, conditions = fact.value(aggregate), [*fact.kept, *fact.filters(aggregate)]
    keys = "".join(f", {sql} AS {sql_name(key)}" for key, sql in fact.keys.items())
    lines = "\n".join([*fact.lines(), f"WHERE {' AND '.join([*conditions, f'{value} IS NOT NULL'])}"])
    grouped = f"\nGROUP BY {', '.join(str(n + 2) for n in range(len(fact.keys)))}" if fact.keys else ""
    counted = f"SELECT count(DISTINCT coalesce({own}, '{UNKNOWN}')) AS currencies{keys}\n{lines}{grouped}"
    sql = _with(steps, f"SELECT max(currencies) AS most\nFROM (\n{counted}\n) AS groups")
    if sql in looked:
        return
    looked.add(sql)
    most = warehouse.fetch(Query(sql=sql, parameters=fact.parameters.values)).to_pylist()[0]["most"]
    if most is not None and most > 1:
        listed = _with(steps, f"SELECT DISTINCT coalesce({own}, '{UNKNOWN}') AS currency\n{lines}\nORDER BY 1\nLIMIT 6")
        found = [
            str(row["currency"])
            for row in warehouse.fetch(Query(sql=listed, parameters=fact.parameters.values)).to_pylist()
        ]
        raise DataError(
            f"money of {', '.join(found)} would be added up as if it were of one currency",
            where=aggregate.place or fact.table,
            hint=f"give the metric `convert: {{to: ..., rates: ...}}`, or ask by {column}, or for one of them",
        )


def _with(steps: Sequence[Step], select: str) -> str:
    if not steps:
        return select
    return "WITH " + ",\n".join(f"{sql_name(name)} AS (\n{text}\n)" for name, text in steps) + "\n" + select
