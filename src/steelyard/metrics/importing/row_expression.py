"""A row expression or condition of another semantic layer, over one table's columns, as a definition writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlglot
from sqlglot import exp

from steelyard.errors import DefinitionError
from steelyard.metrics.expression import parse_expression
from steelyard.metrics.importing.condition import row_value
from steelyard.metrics.names import sql_name

__all__ = ["all_of", "checked", "column_node", "divides", "parsed", "plain_column", "qualified"]

MAKE_A_COLUMN = "make it a column of a SQL table of the project, and use that column"


def parsed(text: str) -> exp.Expr:
    """The text as a tree, whatever is in it.

    Raises:
        DefinitionError: It does not parse.
    """
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect="duckdb") if tree is not None]
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise DefinitionError(f"{text!r} does not parse as SQL", hint=MAKE_A_COLUMN) from error
    if len(trees) != 1:
        raise DefinitionError(f"{text!r} is not one expression", hint=MAKE_A_COLUMN)
    return trees[0]


def plain_column(text: str) -> str:
    """The column that the text is; empty where it is anything else.

    >>> plain_column("customer_id"), plain_column("amount * 2")
    ('customer_id', '')
    """
    try:
        tree = parsed(text)
    except DefinitionError:
        return ""
    return tree.name if isinstance(tree, exp.Column) and not tree.table and tree.name else ""


def column_node(name: str, table: str = "") -> exp.Column:
    """A column, quoted where it must be."""

    def identifier(text: str) -> exp.Identifier:
        return exp.to_identifier(text, quoted=sql_name(text) != text)

    return exp.Column(this=identifier(name), table=identifier(table) if table else None)


def qualified(tree: exp.Expr, replace: Callable[[exp.Column], exp.Expr]) -> exp.Expr:
    """The tree's value with every column replaced, and the conditions in it as they are in SQL."""
    return row_value(tree.transform(lambda node: replace(node) if isinstance(node, exp.Column) else node))


def checked(tree: exp.Expr) -> str:
    """The tree's text.

    Raises:
        DefinitionError: A definition may not write it.
    """
    text = tree.sql(dialect="duckdb")
    try:
        parse_expression(text)
    except DefinitionError as error:
        raise DefinitionError(error.problem, hint=MAKE_A_COLUMN) from error
    return text


def all_of(conditions: Iterable[exp.Expr]) -> str:
    """The conditions as one; empty where there are none."""
    trees = [tree.copy() for tree in conditions]
    return checked(exp.and_(*trees)) if trees else ""


def divides(tree: exp.Expr) -> bool:
    """Whether it divides by something that could be 0."""
    return any(not isinstance(node.expression.unnest(), exp.Literal | exp.Nullif) for node in tree.find_all(exp.Div))
