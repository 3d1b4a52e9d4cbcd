"""SQL's conditions of three values (true, false, unknown) in the language of definitions, which has two.

In SQL a row for which a condition is unknown is dropped: `status <> 'x'` and `NOT status = 'x'` drop the rows without a
status. In a definition they keep them. So what is imported says for which values it is *true* in SQL, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from steelyard.errors import DefinitionError
from steelyard.metrics.expression import UNKNOWN

__all__ = ["row_value", "when_false", "when_true"]

_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {exp.LT: exp.GTE, exp.LTE: exp.GT, exp.GT: exp.LTE, exp.GTE: exp.LT}
_CONDITIONS = (exp.And, exp.Or, exp.Not, exp.NEQ, exp.In, exp.Between, exp.Like)
_AS_THEY_ARE = (exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.In, exp.Between, exp.Like)


def when_true(node: exp.Expr) -> exp.Expr:
    """The condition that holds exactly where SQL finds `node` true.

    >>> from sqlglot import parse_one
    >>> when_true(parse_one("status <> 'x' AND NOT a > 1")).sql()
    "status <> 'x' AND NOT status IS NULL AND a <= 1"
    """
    node, negated = _bare(node)
    if negated:
        return when_false(node)
    if isinstance(node, exp.And | exp.Or):
        return _joined(type(node), when_true(node.this), when_true(node.expression))
    if isinstance(node, exp.Not):
        return when_false(node.this)
    if isinstance(node, exp.NEQ):
        return _unequal(node)
    if isinstance(node, exp.NullSafeNEQ | exp.NullSafeEQ):
        return _null_safe(node)
    if isinstance(node, exp.In):
        _check_list(node)
    return _leaf(node)


def when_false(node: exp.Expr) -> exp.Expr:
    """The condition that holds exactly where SQL finds `node` false.

    >>> from sqlglot import parse_one
    >>> when_false(parse_one("status IN ('x', 'y') OR paid")).sql()
    "NOT status IN ('x', 'y') AND NOT status IS NULL AND NOT paid AND NOT paid IS NULL"
    """
    node, negated = _bare(node)
    if negated:
        return when_true(node)
    if isinstance(node, exp.And | exp.Or):
        turned = exp.Or if isinstance(node, exp.And) else exp.And
        return _joined(turned, when_false(node.this), when_false(node.expression))
    if isinstance(node, exp.Not):
        return when_true(node.this)
    if isinstance(node, exp.EQ):
        return _unequal(node)
    return _opposite(node)


def _opposite(node: exp.Expr) -> exp.Expr:
    """Where a condition that is no AND, OR, NOT or `=` is false."""
    if isinstance(node, exp.NEQ):
        return _leaf(exp.EQ(this=node.this, expression=node.expression))
    if type(node) in _TURNED:
        return _leaf(_TURNED[type(node)](this=node.this, expression=node.expression))
    if isinstance(node, exp.Between):
        ends = ((exp.LT, node.args["low"]), (exp.GT, node.args["high"]))
        return _joined(exp.Or, *(_leaf(kind(this=node.this, expression=end)) for kind, end in ends))
    if isinstance(node, exp.Is):
        return exp.Not(this=_leaf(node))
    if isinstance(node, exp.NullSafeNEQ | exp.NullSafeEQ):
        kind = exp.NullSafeEQ if isinstance(node, exp.NullSafeNEQ) else exp.NullSafeNEQ
        return _null_safe(kind(this=node.this, expression=node.expression))
    if isinstance(node, exp.In):
        _check_list(node)
    return _known(exp.Not(this=_leaf(node)), *_subjects(node))


def row_value(node: exp.Expr) -> exp.Expr:
    """The value of a row expression, with the conditions inside it as they are in SQL.

    >>> from sqlglot import parse_one
    >>> row_value(parse_one("CASE WHEN status <> 'x' THEN amount END")).sql()
    "CASE WHEN status <> 'x' AND NOT status IS NULL THEN amount END"
    """
    if isinstance(node, exp.If):
        parts = {name: row_value(value) for name, value in node.args.items() if isinstance(value, exp.Expr)}
        return exp.If(**{**parts, "this": when_true(node.this)})
    if isinstance(node, exp.Case) and node.this is not None:
        raise DefinitionError(
            f"{node.sql()!r} is a CASE of one value", hint="write CASE WHEN with a condition, in a SQL table"
        )
    if isinstance(node, _CONDITIONS):
        found = (exp.If(this=when_true(node), true=exp.true()), exp.If(this=when_false(node), true=exp.false()))
        return exp.Case(ifs=list(found))
    _check_text(node)
    return _mapped(node, row_value)


def _leaf(node: exp.Expr) -> exp.Expr:
    """A condition that SQL and a definition read alike where it is true."""
    if isinstance(node, _AS_THEY_ARE):
        return _mapped(node, row_value)
    if isinstance(node, exp.Column | exp.Boolean | exp.Case | exp.Coalesce):
        return row_value(node)
    raise DefinitionError(f"{node.sql()!r} is no condition that can be carried over")


def _unequal(node: exp.Binary) -> exp.Expr:
    sides = (row_value(node.this), row_value(node.expression))
    return _known(exp.NEQ(this=sides[0], expression=sides[1]), *sides)


def _null_safe(node: exp.Binary) -> exp.Expr:
    """`IS [NOT] DISTINCT FROM` a value: a definition's `<>` and `=` are exactly that."""
    if not any(isinstance(side.unnest(), exp.Literal) for side in (node.this, node.expression)):
        raise DefinitionError(f"{node.sql()!r} compares two columns, of which NULL equals NULL")
    kind = exp.NEQ if isinstance(node, exp.NullSafeNEQ) else exp.EQ
    return kind(this=row_value(node.this), expression=row_value(node.expression))


def _subjects(node: exp.Expr) -> tuple[exp.Expr, ...]:
    if isinstance(node, exp.Like):
        return row_value(node.this), row_value(node.expression)
    return (row_value(node.this if isinstance(node, exp.In) else node),)


def _known(condition: exp.Expr, *values: exp.Expr) -> exp.Expr:
    """The condition, and that none of the values is NULL."""
    for value in values:
        inner = value.unnest()
        if not isinstance(inner, exp.Literal | exp.Boolean) and not _is_negative_number(inner):
            subject = value if isinstance(inner, exp.Column) or isinstance(value, exp.Paren) else exp.Paren(this=value)
            condition = _joined(exp.And, condition, exp.Not(this=exp.Is(this=subject.copy(), expression=exp.null())))
    return condition


def _is_negative_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal)


def _joined(kind: type[exp.Expr], *conditions: exp.Expr) -> exp.Expr:
    """The conditions as one; those that are joined in the same way already stay without brackets."""
    parts = [part for item in conditions for part in (item.flatten() if isinstance(item, kind) else [item])]
    return (exp.and_ if kind is exp.And else exp.or_)(*parts)


def _bare(node: exp.Expr) -> tuple[exp.Expr, bool]:
    """The condition without brackets and without the NOT of `NOT IN` and `NOT LIKE`, and whether it had that."""
    node = node.unnest()
    if not node.args.get("negate"):
        return node, False
    positive = node.copy()
    positive.set("negate", None)
    return positive, True


def _check_list(node: exp.In) -> None:
    if not node.expressions or any(isinstance(item, exp.Null) for item in node.expressions):
        raise DefinitionError(f"{node.sql()!r} is not a list of values", hint="write IN with values, none of them NULL")


def _check_text(node: exp.Expr) -> None:
    if isinstance(node, exp.Literal) and node.is_string and node.this == UNKNOWN:
        raise DefinitionError(f"the text {UNKNOWN!r} stands for what is not known here, and cannot be compared with")


def _mapped(node: exp.Expr, write: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """The node with every part written anew."""

    def each(value: object) -> object:
        if isinstance(value, list):
            return [each(item) for item in value]
        return write(value) if isinstance(value, exp.Expr) else value

    if not any(isinstance(value, exp.Expr | list) for value in node.args.values()) or isinstance(node, exp.Column):
        return node.copy()
    return type(node)(**{name: each(value) for name, value in node.args.items()})
