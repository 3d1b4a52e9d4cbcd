"""Which annotations concern a metric in a segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlglot import exp

from steelyard.metrics.annotation import Annotation
from steelyard.metrics.expression import UNKNOWN, parse_expression

__all__ = ["UNUSUAL", "concerning"]

UNUSUAL = ("outage", "holiday")
"""The kinds whose days are no example of what is usual; a launch or a policy may be the new usual."""


def concerning(annotations: Iterable[Annotation], metric: str, segment: Mapping[str, Any]) -> tuple[Annotation, ...]:
    """The annotations that may concern the metric there: all but those that speak of others.

    Args:
        annotations: Of the project.
        metric: The metric.
        segment: Dimension -> value; empty is the whole, which every part concerns.

    >>> from datetime import date
    >>> outage = Annotation(at=date(2026, 5, 19), says="Payments failed", where="country IN ('DE', 'AT')")
    >>> [len(concerning([outage], "revenue", {"country": country})) for country in ("DE", "FR")]
    [1, 0]
    """
    return tuple(
        item
        for item in annotations
        if (not item.metrics or metric in item.metrics) and _may_hold(item, segment) is not False
    )


def _may_hold(item: Annotation, segment: Mapping[str, Any]) -> bool | None:
    if not item.where or not segment:
        return None
    return _holds(parse_expression(item.where, item.defined_at), segment)


def _holds(tree: exp.Expr, segment: Mapping[str, Any]) -> bool | None:
    """Whether the condition holds for every row of the segment, for none (False), or may for some (None)."""
    if isinstance(tree, exp.Paren):
        return _holds(tree.this, segment)
    if isinstance(tree, exp.Not):
        found = _holds(tree.this, segment)
        return None if found is None else not found
    if isinstance(tree, exp.And | exp.Or):
        sides = [_holds(side, segment) for side in (tree.left, tree.right)]
        decisive = isinstance(tree, exp.Or)
        if decisive in sides:
            return decisive
        return None if None in sides else not decisive
    if isinstance(tree, exp.EQ | exp.NEQ | exp.In):
        values = tree.expressions if isinstance(tree, exp.In) else (tree.expression,)
        return _compared(tree.this, values, segment, wanted=not isinstance(tree, exp.NEQ))
    return None


def _compared(
    column: exp.Expr, literals: Iterable[exp.Expr], segment: Mapping[str, Any], *, wanted: bool
) -> bool | None:
    names = {name.rpartition(".")[2]: value for name, value in segment.items()}
    values = list(literals)
    if not isinstance(column, exp.Column) or column.name not in names:
        return None
    if not all(isinstance(value, exp.Literal) for value in values):
        return None
    value = names[column.name]
    actual = UNKNOWN if value is None else str(value)
    return (actual in {literal.this for literal in values}) is wanted
