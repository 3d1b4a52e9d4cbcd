"""Over which columns of an answer a metric's values add up to the whole, and over which they do not."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from steelyard.metrics.formula import Arithmetic, Formula, Leaf, Quotient, leaves
from steelyard.metrics.needs import Needs

__all__ = ["adds_up_over_all_but"]


def adds_up_over_all_but(needs: Needs, metric: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The columns over which the metric's values do not add up to what the same question without that column gives.

    Args:
        needs: What the question needs.
        metric: A metric that is asked for.
        keys: The answer's columns: `period` where there is one, and dimensions.
    """
    found = _Adding(needs, metric, frozenset(keys)).over(needs.formulas[metric])
    return tuple(key for key in keys if key in found)


class _Adding:
    """One metric of one question."""

    def __init__(self, needs: Needs, metric: str, keys: frozenset[str]) -> None:
        self.needs, self.metric, self.keys = needs, metric, keys

    def over(self, formula: Formula) -> frozenset[str]:
        """The columns over which it does not add up."""
        if isinstance(formula, Leaf):
            return self._leaf(formula)
        if isinstance(formula, Quotient):
            return self._quotient(formula)
        parts = [part for _, part in formula.parts]
        if len(parts) > 1 and any(map(self._may_be_missing, parts)):
            return self.keys
        return self._arithmetic(formula.tree, formula)

    def _leaf(self, leaf: Leaf) -> frozenset[str]:
        if not leaf.aggregate.adds_up:
            return self.keys
        fact = self.needs.relation(self.metric, leaf).fact
        found = {"period"} if leaf.window or leaf.balance else set()
        found |= fact.overlaps.keys()
        for name in leaf.aggregate.not_additive_over:
            place = None if name == "time" else str(fact.dimension(name))
            found |= {"period"} if place is None else {key for key, own in fact.dimensions.items() if str(own) == place}
        return frozenset(found) & self.keys

    def _quotient(self, quotient: Quotient) -> frozenset[str]:
        """A share adds up within its total; what else is divided adds up over nothing."""
        part, whole = quotient.numerator, quotient.denominator
        if not isinstance(part, Leaf) or not isinstance(whole, Leaf) or whole.total is None:
            return self.keys
        within = self.needs.relation(self.metric, whole).fact.keys
        return (self._leaf(part) | {"period"} | frozenset(within)) & self.keys

    def _arithmetic(self, node: exp.Expr, formula: Arithmetic) -> frozenset[str]:
        """Sums and differences of what adds up do, and so do multiples of it."""
        if isinstance(node, exp.Column):
            return self.over(dict(formula.parts)[node.name])
        if isinstance(node, exp.Paren | exp.Neg):
            return self._arithmetic(node.this, formula)
        if isinstance(node, exp.Add | exp.Sub):
            return self._arithmetic(node.this, formula) | self._arithmetic(node.expression, formula)
        if isinstance(node, exp.Mul | exp.Div) and node.expression.find(exp.Column) is None:
            return self._arithmetic(node.this, formula)
        if isinstance(node, exp.Mul) and node.this.find(exp.Column) is None:
            return self._arithmetic(node.expression, formula)
        return self.keys

    def _may_be_missing(self, formula: Formula) -> bool:
        """Whether a group can have none of it, so that its arithmetic is NULL where another part is not."""
        return any(self.needs.relation(self.metric, leaf).may_be_missing(leaf) for leaf in leaves(formula))
