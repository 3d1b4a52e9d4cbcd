"""Every column that a SELECT names, wherever it names it."""

from __future__ import annotations

from sqlglot import exp

from steelyard.warehouse.dialect import parse_select

__all__ = ["columns_named"]


def columns_named(sql: str) -> frozenset[str]:
    """Every column name that the SELECT mentions, also inside subqueries; policies look at these.

    >>> sorted(columns_named("SELECT sum(o.amount) AS total FROM orders AS o WHERE o.country = $country"))
    ['amount', 'country']
    """
    return frozenset(column.name for column in parse_select(sql).find_all(exp.Column))
