"""Refuses to add up money of several currencies as if it were of one."""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.errors import DataError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.exchange import currency_of
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.facts import Fact
from steelyard.metrics.graph import Place
from steelyard.metrics.names import sql_name
from steelyard.metrics.relation import Relation
from steelyard.warehouse import Query, Warehouse

__all__ = ["refuse_mixed_currencies"]

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
            if aggregate.function not in MONEY or aggregate.convert is not None or aggregate.per is not None:
                continue
            column = currency_of(relation.fact, aggregate)
            if column and not _grouped_by(relation.fact, column):
                _look(warehouse, relation.fact, aggregate, column, looked)


def _grouped_by(fact: Fact, column: str) -> bool:
    return any(place.table == fact.table and place.column == column for place in fact.dimensions.values())


def _look(warehouse: Warehouse, fact: Fact, aggregate: Aggregate, column: str, looked: set[str]) -> None:
    own = fact.column(Place(fact.table, column))
    value, conditions = fact.value(aggregate), [*fact.kept, *fact.filters(aggregate)]
    keys = "".join(f", {sql} AS {sql_name(key)}" for key, sql in fact.keys.items())
    lines = "\n".join([*fact.lines(), f"WHERE {' AND '.join([*conditions, f'{value} IS NOT NULL'])}"])
    grouped = f"\nGROUP BY {', '.join(str(n + 2) for n in range(len(fact.keys)))}" if fact.keys else ""
    counted = f"SELECT count(DISTINCT coalesce({own}, '{UNKNOWN}')) AS currencies{keys}\n{lines}{grouped}"
    sql = _with(fact, f"SELECT max(currencies) AS most\nFROM (\n{counted}\n) AS groups")
    if sql in looked:
        return
    looked.add(sql)
    most = warehouse.fetch(Query(sql=sql, parameters=fact.parameters.values)).to_pylist()[0]["most"]
    if most is not None and most > 1:
        listed = _with(fact, f"SELECT DISTINCT coalesce({own}, '{UNKNOWN}') AS currency\n{lines}\nORDER BY 1\nLIMIT 6")
        found = [
            str(row["currency"])
            for row in warehouse.fetch(Query(sql=listed, parameters=fact.parameters.values)).to_pylist()
        ]
        raise DataError(
            f"money of {', '.join(found)} would be added up as if it were of one currency",
            where=aggregate.place or fact.table,
            hint=f"give the metric `convert: {{to: ..., rates: ...}}`, or ask by {column}, or for one of them",
        )


def _with(fact: Fact, select: str) -> str:
    if not fact.steps:
        return select
    return "WITH " + ",\n".join(f"{sql_name(name)} AS (\n{text}\n)" for name, text in fact.steps) + "\n" + select
