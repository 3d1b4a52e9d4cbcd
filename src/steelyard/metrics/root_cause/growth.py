"""Whether a metric grows with the days that it is asked for: what does is compared per day in unequal ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from steelyard.metrics.formula import Formula, Leaf, Quotient

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["growth"]

GROW = ("rows", "sum", "distinct")


def growth(formula: Formula) -> int | None:
    """The power of days that a metric grows by: 1 for a sum, 0 for a ratio; None where it adds up different powers.

    Args:
        formula: The metric's.

    Balances and windows are as of the last day of a range, whatever its length.
    """
    if isinstance(formula, Leaf):
        as_of_a_day = formula.window is not None or formula.balance is not None
        return 0 if as_of_a_day or formula.aggregate.function not in (*GROW, "values") else 1
    if isinstance(formula, Quotient):
        up, down = growth(formula.numerator), growth(formula.denominator)
        return None if up is None or down is None else up - down
    return _of_tree(formula.tree, {name: growth(part) for name, part in formula.parts})


def _of_tree(tree: exp.Expr, parts: Mapping[str, int | None]) -> int | None:
    """By the arithmetic: powers add up in a product, and must be the same in a sum."""
    from sqlglot import exp

    if isinstance(tree, exp.Column):
        return parts[tree.name]
    if isinstance(tree, exp.Literal):
        return 0
    if isinstance(tree, exp.Paren | exp.Neg):
        return _of_tree(tree.this, parts)
    if isinstance(tree, exp.Mul | exp.Div):
        one, other = _of_tree(tree.left, parts), _of_tree(tree.right, parts)
        if one is None or other is None:
            return None
        return one + other if isinstance(tree, exp.Mul) else one - other
    nothing = (exp.Null, exp.DataType)
    inner = [item for item in tree.iter_expressions() if not isinstance(item, nothing) and not _is_zero(item)]
    powers = {_of_tree(item, parts) for item in inner}
    return powers.pop() if len(powers) == 1 else None


def _is_zero(tree: exp.Expr) -> bool:
    from sqlglot import exp

    return isinstance(tree, exp.Literal) and tree.is_number and float(tree.this) == 0
