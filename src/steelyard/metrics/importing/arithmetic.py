"""Arithmetic over metrics, as a derived metric writes it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.importing.row_expression import divides

__all__ = ["arithmetic", "is_arithmetic", "without_nullif"]

_PARTS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Column, exp.Identifier, exp.Literal)
_HINT = "compute it where the numbers are read"


def arithmetic(tree: exp.Expr, parts: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text of arithmetic over metrics, and what differs in it.

    Args:
        tree: The expression in the source.
        parts: What the source calls each metric -> its name here.

    Raises:
        DefinitionError: It is more than arithmetic, or names something else.

    >>> from sqlglot import parse_one
    >>> arithmetic(parse_one("(a - b) / nullif(b, 0)"), {"a": "revenue", "b": "orders"})
    ('(revenue - orders) / orders', [])
    """

    def write(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Div):
            return exp.Div(this=node.this, expression=without_nullif(node.expression))
        return node

    notes = ["it is NULL where it divides by 0"] if divides(tree) else []
    tree = tree.transform(write)
    for node in tree.walk():
        if not is_arithmetic(node):
            raise DefinitionError(f"{node.sql()!r} stands in it, and `derived` is + - * / and numbers", hint=_HINT)
    for column in tree.find_all(exp.Column):
        if column.name not in parts or column.table:
            raise unknown_name("input metric", column.sql(), parts)
    if next(tree.find_all(exp.Column), None) is None:
        raise DefinitionError(f"its expression {tree.sql()!r} names no metric")
    named = tree.transform(lambda node: exp.column(parts[node.name]) if isinstance(node, exp.Column) else node)
    return named.sql(dialect="duckdb"), notes


def is_arithmetic(node: exp.Expr) -> bool:
    """Whether a node may stand in a derived metric."""
    return isinstance(node, _PARTS) and not (isinstance(node, exp.Literal) and node.is_string)


def without_nullif(node: exp.Expr) -> exp.Expr:
    """`nullif(x, 0)` below a stroke is what division does here by itself."""
    inner = node.unnest()
    if isinstance(inner, exp.Nullif) and isinstance(inner.expression, exp.Literal) and inner.expression.name == "0":
        value: exp.Expr = inner.this
        simple = isinstance(value, exp.Column | exp.Paren | exp.Func)
        return value if simple else exp.Paren(this=value)
    return node
