"""The columns of its own table that a condition names."""

from __future__ import annotations

from sqlglot import exp

from steelyard.warehouse.dialect import parse_select

__all__ = ["condition_columns"]


def condition_columns(condition: str) -> frozenset[str]:
    """The names that stand alone, outside of subqueries: `a.b` may be a field, and a subquery has tables of its own.

    >>> sorted(condition_columns("kind = 'user' AND id IN (SELECT member FROM staff) AND device.os = 'ios'"))
    ['id', 'kind']
    """
    tree = parse_select(f"SELECT 1 FROM rows_of_it WHERE {condition}")
    own = (column for column in tree.find_all(exp.Column) if column.find_ancestor(exp.Select) is tree)
    return frozenset(column.name for column in own if not column.table)
