"""The conditions and row expressions that a definition or a question may write: parsed, held to a stated list.

Comparisons here have two values: what is unknown (NULL) does not match. So `<>` and `NOT` keep the rows in which a
column is NULL, where SQL would lose them without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import sqlglot
from sqlglot import exp

from steelyard.errors import DefinitionError
from steelyard.metrics.names import sql_name
from steelyard.warehouse import Value

__all__ = ["UNKNOWN", "ColumnName", "Parameters", "columns_of", "lists_of", "parse_expression", "to_sql"]

UNKNOWN = "(unknown)"
LONGEST = 5_000
_LOGIC = (exp.And, exp.Or, exp.Not, exp.Paren)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between, exp.Is, exp.Like)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
_FUNCTIONS = (exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Lower, exp.Upper, exp.Trim, exp.Abs)
_LEAVES = (exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null)
_ALLOWED = _LOGIC + _COMPARISONS + _ARITHMETIC + _FUNCTIONS + _LEAVES
_SAYS = (
    "columns, values, AND OR NOT, = <> < <= > >=, IN, BETWEEN, IS NULL, LIKE, + - * /, CASE, coalesce, nullif, lower, "
    "upper, trim, abs"
)


@dataclass(frozen=True)
class ColumnName:
    """A column as an expression names it; `table` is empty where it is bare."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}" if self.table else self.name


@lru_cache(maxsize=4096)
def parse_expression(text: str, where: str = "") -> exp.Expr:
    """The text as a tree of nothing but what is allowed; do not change it, it is shared.

    Raises:
        DefinitionError: It does not parse, is more than one expression, or has something else in it.

    >>> parse_expression("status = 'paid'; drop table orders", "shop.yml:3")
    Traceback (most recent call last):
    steelyard.errors.DefinitionError: problem: "status = 'paid'; drop table orders" is more than one expression
    where:   shop.yml:3
    """
    if not text.strip() or len(text) > LONGEST:
        raise DefinitionError(f"an expression has 1 to {LONGEST:,} characters, not {len(text):,}", where=where)
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect="duckdb") if tree is not None]
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        says = str(error).split("\n")[0].strip() or type(error).__name__
        raise DefinitionError(f"{text!r} does not parse: {says}", where=where, hint=f"use {_SAYS}") from error
    if len(trees) != 1:
        raise DefinitionError(f"{text!r} is more than one expression", where=where)
    for node in trees[0].walk():
        _check_node(node, text, where)
    return trees[0]


def _check_node(node: exp.Expr, text: str, where: str) -> None:
    if _is_dated(node) or (isinstance(node, exp.DataType) and _is_dated(node.parent)):
        return
    if isinstance(node, exp.In) and isinstance(node.args.get("field"), exp.Column):
        _check_list(node, where)
    elif not isinstance(node, _ALLOWED) or (isinstance(node, exp.In) and not node.expressions):
        what = node.sql(dialect="duckdb")
        raise DefinitionError(f"{what!r} may not stand in {text!r}", where=where, hint=f"use {_SAYS}")
    if isinstance(node, exp.Column) and node.args.get("db") is not None:
        raise DefinitionError(f"{node.sql()!r} names more than a table and a column", where=where)
    if isinstance(node, exp.EQ | exp.NEQ) and any(isinstance(side, exp.Null) for side in (node.this, node.expression)):
        hint = "write IS NULL, or IS NOT NULL"
        raise DefinitionError(f"{node.sql()!r} is never true: nothing equals NULL", where=where, hint=hint)


def _check_list(node: exp.In, where: str) -> None:
    """`country IN blocklist.country`: one of the values that a column of a table has."""
    if not node.args["field"].table:
        hint = "write the table too, as in `country IN blocklist.country`, or values in parentheses"
        raise DefinitionError(f"{node.sql()!r} does not say of which table the list is", where=where, hint=hint)


def _is_dated(node: exp.Expr | None) -> bool:
    """Whether the node is `DATE '2026-01-31'`."""
    return isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.to.is_type("date")


def columns_of(tree: exp.Expr) -> tuple[ColumnName, ...]:
    """The columns that the expression names, each once, in order; those that are lists apart."""
    found = (
        ColumnName(column.table, column.name)
        for column in tree.find_all(exp.Column, bfs=False)
        if not (column.arg_key == "field" and isinstance(column.parent, exp.In))
    )
    return tuple(dict.fromkeys(found))


def lists_of(tree: exp.Expr) -> tuple[ColumnName, ...]:
    """The columns that the expression takes as lists: `blocklist.country` in `country IN blocklist.country`."""
    found = (node.args.get("field") for node in tree.find_all(exp.In))
    return tuple(dict.fromkeys(ColumnName(item.table, item.name) for item in found if isinstance(item, exp.Column)))


class Parameters:
    """The values of one query, named after what they are compared with; equal values share a name.

    Args:
        inline: Whether to write values into the text, quoted, instead; for the text of governed definitions only.
    """

    def __init__(self, *, inline: bool = False) -> None:
        self.values: dict[str, Value] = {}
        self.inline = inline

    def add(self, value: Value, wanted: str) -> exp.Expr:
        """The node that stands for the value."""
        if self.inline:
            return exp.convert(value)
        plain = (
            "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in wanted.lower()) or "value"
        )
        plain = plain if plain[0].isalpha() else f"v_{plain}"
        name, number = plain, 1
        while name in self.values and not _same(self.values[name], value):
            number += 1
            name = f"{plain}_{number}"
        self.values[name] = value
        return exp.Placeholder(this=name)


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other


@dataclass(frozen=True)
class _Writing:
    """One expression on its way to SQL."""

    column: Callable[[ColumnName], str]
    type_of: Callable[[ColumnName], str]
    parameters: Parameters
    text: str
    where: str
    bind_numbers: bool
    list_of: Callable[[ColumnName], tuple[str, str]] | None


def to_sql(
    tree: exp.Expr,
    *,
    column: Callable[[ColumnName], str],
    type_of: Callable[[ColumnName], str],
    parameters: Parameters,
    where: str = "",
    bind_numbers: bool = True,
    list_of: Callable[[ColumnName], tuple[str, str]] | None = None,
) -> str:
    """The expression as SQL: columns resolved, values bound, comparisons of two values.

    Args:
        tree: From `parse_expression`.
        column: Gives a column's SQL.
        type_of: Gives a column's type in DuckDB's words; empty where it is not known.
        parameters: Takes the values.
        where: File and line, for errors.
        bind_numbers: Whether numbers are bound too; text and dates always are.
        list_of: Gives the table and column of a list; None where no list may stand.

    Raises:
        DefinitionError: A value is not of the type of the column that it is compared with.
    """
    writing = _Writing(column, type_of, parameters, tree.sql(dialect="duckdb"), where, bind_numbers, list_of)
    return _written(tree, writing).sql(dialect="duckdb", comments=False)


def _written(node: exp.Expr, writing: _Writing) -> exp.Expr:
    if isinstance(node, exp.Column):
        return exp.Var(this=writing.column(ColumnName(node.table, node.name)))
    if isinstance(node, exp.Literal) or _is_dated(node):
        return _value(node, None, writing)
    if isinstance(node, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE | exp.In | exp.Between | exp.Like):
        return _compared(node, writing)
    if isinstance(node, exp.Not):
        return _negated(node, writing)
    parts = _parts(node, lambda part: _written(part, writing))
    if isinstance(node, exp.Div):
        whole = exp.cast(exp.Paren(this=parts["this"]), "double")
        return exp.Div(this=whole, expression=exp.Nullif(this=parts["expression"], expression=exp.Literal.number(0)))
    return type(node)(**parts)


def _parts(node: exp.Expr, write: Callable[[exp.Expr], exp.Expr]) -> dict[str, object]:
    def each(value: object) -> object:
        if isinstance(value, list):
            return [each(item) for item in value]
        return write(value) if isinstance(value, exp.Expr) else value

    return {name: each(value) for name, value in node.args.items()}


def _negated(node: exp.Not, writing: _Writing) -> exp.Expr:
    inner = node.this
    if isinstance(inner, exp.Is):
        return exp.Not(this=_written(inner, writing))
    written = _written(inner, writing)
    inside = written if isinstance(written, exp.Paren) else exp.Paren(this=written)
    return exp.Not(this=exp.Is(this=inside, expression=exp.true()))


def _listed(node: exp.In, writing: _Writing) -> exp.Expr:
    """Membership in a column of a table: its NULLs match nothing, and nothing is lost to them where it is denied."""
    field = node.args["field"]
    if writing.list_of is None:
        raise DefinitionError(
            f"a list may not stand in {writing.text!r}", where=writing.where, hint="use it in `where:`"
        )
    table, column = (sql_name(part) for part in writing.list_of(ColumnName(field.table, field.name)))
    value = _written(node.this, writing).sql(dialect="duckdb", comments=False)
    return exp.Var(this=f"{value} IN (SELECT {column} FROM {table} WHERE {column} IS NOT NULL)")


def _compared(node: exp.Expr, writing: _Writing) -> exp.Expr:
    if isinstance(node, exp.In) and node.args.get("field") is not None:
        return _listed(node, writing)
    named = next((part for part in _operands(node) if isinstance(part, exp.Column)), None)

    def write(part: exp.Expr) -> exp.Expr:
        literal = part.this if isinstance(part, exp.Neg) else part
        if isinstance(literal, exp.Literal) or _is_dated(literal):
            return _value(part, named, writing)
        return _written(part, writing)

    parts = _parts(node, write)
    if parts.pop("negate", None):
        return exp.Not(this=exp.Is(this=exp.Paren(this=type(node)(**parts)), expression=exp.true()))
    kind = exp.NullSafeNEQ if isinstance(node, exp.NEQ) else type(node)
    written = kind(**parts)
    return _with_unknown(node, named, written, parts) if named is not None else written


def _with_unknown(node: exp.Expr, named: exp.Column, written: exp.Expr, parts: Mapping[str, object]) -> exp.Expr:
    """`country = '(unknown)'` also finds the rows without a country: what is shown can be asked for."""
    operands = list(_operands(node))
    if not any(isinstance(part, exp.Literal) and part.is_string and part.this == UNKNOWN for part in operands):
        return written
    if not isinstance(node, exp.EQ | exp.NEQ | exp.In):
        return written
    side = parts["this"] if node.this is named else parts["expression"]
    absent = exp.Is(this=side, expression=exp.null())
    if isinstance(node, exp.NEQ):
        return exp.Paren(this=exp.And(this=written, expression=exp.Not(this=absent)))
    return exp.Paren(this=exp.Or(this=written, expression=absent))


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    for value in node.args.values():
        yield from (value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else [])


def _value(node: exp.Expr, against: exp.Column | None, writing: _Writing) -> exp.Expr:
    negative = isinstance(node, exp.Neg)
    literal = node.this if negative else node
    name = ColumnName(against.table, against.name) if against is not None else None
    kind = writing.type_of(name).upper() if name is not None else ""
    if _is_dated(literal):
        value: Value = _date(literal.this.this, writing)
    elif literal.is_string:
        value = _text(literal.this, kind, name, writing)
    else:
        value = _number(literal.this, kind, name, writing)
        if negative:
            value = -value
        if not writing.bind_numbers:
            return exp.Paren(this=exp.convert(value)) if negative else exp.convert(value)
    return writing.parameters.add(value, name.name if name is not None else "value")


def _text(text: str, kind: str, name: ColumnName | None, writing: _Writing) -> Value:
    if kind.startswith("TIMESTAMP"):
        raise DefinitionError(
            f"{writing.text!r} compares the moment '{name}' with text, which says no time zone",
            where=writing.where,
            hint="ask for dates with since and until, or filter on a date column",
        )
    if kind == "DATE":
        return _date(text, writing)
    if kind and not kind.startswith(("VARCHAR", "ENUM", "TEXT", "CHAR", "UUID")):
        hint = f"'{name}' is {kind}: write the value without quotes, or IS NULL for what is unknown"
        raise DefinitionError(
            f"{writing.text!r} compares '{name}' with the text {text!r}", where=writing.where, hint=hint
        )
    return text


def _number(text: str, kind: str, name: ColumnName | None, writing: _Writing) -> int | Decimal:
    if kind.startswith(("VARCHAR", "TEXT", "CHAR", "DATE", "TIMESTAMP", "BOOL", "UUID")):
        hint = f"write it as '{text}'; '{name}' is {kind}"
        raise DefinitionError(
            f"{writing.text!r} compares '{name}' with the number {text}", where=writing.where, hint=hint
        )
    try:
        return int(text) if text.isdigit() else Decimal(text)
    except InvalidOperation:
        raise DefinitionError(f"{text!r} is no number", where=writing.where) from None


def _date(text: str, writing: _Writing) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        hint = "write it as 2026-01-31"
        raise DefinitionError(f"{text!r} in {writing.text!r} is not a date", where=writing.where, hint=hint) from None
