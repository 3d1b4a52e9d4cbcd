"""A change by the factors or terms of the metric's tree."""

from __future__ import annotations

import math
from typing import Literal

from steelyard.metrics.attribution import MOST_FACTORS, product_parts, settled
from steelyard.metrics.explanation import Factor, TreeChange
from steelyard.metrics.root_cause.compared import Compared
from steelyard.metrics.tree import Tree

__all__ = ["tree_change"]

Pairs = list[tuple[float | None, float | None]]


def tree_change(compared: Compared, first: float, last: float) -> TreeChange | None:
    """The change by the metric's tree; None where it has none, or it cannot be taken apart.

    Args:
        compared: The two ranges; what is to be known of the tree is noted there.
        first: The metric at first, as it is compared.
        last: The metric then.
    """
    tree = compared.catalog.trees.get(compared.name)
    return None if tree is None else _Branches(compared, tree).change(first, last)


class _Branches:
    """The branches of one tree in the two ranges."""

    def __init__(self, compared: Compared, tree: Tree) -> None:
        self.compared, self.tree, self.days, self.notes = compared, tree, compared.days, compared.notes
        self.values = self._values()

    def change(self, first: float, last: float) -> TreeChange | None:
        return self._sum(last - first) if self.tree.kind == "sum" else self._product(first, last)

    def _values(self) -> Pairs:
        """Every branch before and after; what grows with time is per day where the metric is."""
        values = []
        for branch in self.tree.branches:
            scaled = self._scaled and not self.compared.divides(branch.metric)
            sides = []
            for side in (0, 1):
                value = self.compared.value(side, branch.metric)
                sides.append(value / self.days[side] if value is not None and scaled else value)
            values.append((sides[0], sides[1]))
        return values

    @property
    def _scaled(self) -> bool:
        """Whether counts in the tree are per day: one of them in a product carries the days, and all in a sum."""
        if self.compared.basis != "per day":
            return False
        grows = [branch for branch in self.tree.branches if not self.compared.divides(branch.metric)]
        return self.tree.kind == "sum" or (len(grows) == 1 and not grows[0].inverse)

    def _sum(self, change: float) -> TreeChange | None:
        if any(value is None for pair in self.values for value in pair):
            self.notes.append("The tree has a term that is undefined in one of the ranges.")
            return None
        signs = [-1.0 if branch.inverse else 1.0 for branch in self.tree.branches]
        pairs = zip(signs, self.values, strict=True)
        parts = [sign * ((new or 0.0) - (old or 0.0)) for sign, (old, new) in pairs]
        return self._grown("sum", parts, change)

    def _product(self, first: float, last: float) -> TreeChange | None:
        factors = self._factors()
        if factors is None:
            return None
        old_side, new_side = zip(*factors, strict=True)
        method, parts = product_parts(old_side, new_side)
        if method == "Shapley":
            self.notes.append("A factor changes its sign, where LMDI is undefined: the factors are weighed by Shapley.")
        elif math.prod(old_side) == 0 or math.prod(new_side) == 0:
            self.notes.append("The product comes from or goes to zero: what did so shares the change equally.")
        return self._grown(method, list(parts), last - first)

    def _factors(self) -> list[tuple[float, float]] | None:
        """The two values of each factor as multiplied; the days among them where nothing else carries them."""
        factors = []
        for branch, (old, new) in zip(self.tree.branches, self.values, strict=True):
            sides = self._defined(branch.metric, old, new, branch.inverse)
            if sides is None:
                return None
            factors.append(sides)
        if self.compared.basis == "per day" and not self._scaled:
            factors.append((1 / self.days[0], 1 / self.days[1]))
        if len(factors) > MOST_FACTORS:
            self.notes.append(f"The tree has {len(factors)} factors; at most {MOST_FACTORS} can be weighed.")
            return None
        return factors

    def _defined(self, name: str, old: float | None, new: float | None, inverse: bool) -> tuple[float, float] | None:
        """The factor's two values as multiplied; an undefined one is taken as unchanged."""
        sides = [
            None if value is None or (inverse and value == 0) else (1 / value if inverse else value)
            for value in (old, new)
        ]
        if sides[0] is None and sides[1] is None:
            self.notes.append(f"{name} is undefined in both ranges, so the tree cannot be taken apart.")
            return None
        if sides[0] is None or sides[1] is None:
            self.notes.append(f"{name} is undefined in one of the ranges; it is taken as unchanged.")
        known = next(value for value in sides if value is not None)
        return (known if sides[0] is None else sides[0], known if sides[1] is None else sides[1])

    def _grown(self, method: Literal["LMDI", "Shapley", "sum"], parts: list[float], change: float) -> TreeChange:
        """The tree's factors, with what it leaves over as one of them, so that all add up to the change."""
        tree = self.tree
        factors = [
            Factor(name=branch.metric, before=old, after=new, contribution=part, inverse=branch.inverse)
            for branch, (old, new), part in zip(tree.branches, self.values, parts, strict=False)
        ]
        if len(parts) > len(factors):
            old_days, new_days = (float(days) for days in self.days)
            days = Factor(name="days", before=old_days, after=new_days, contribution=parts[-1], inverse=True)
            factors.append(days)
        left = change - math.fsum(parts)
        # Terms that are large and cancel are known to their own last digits, not to those of the small change.
        terms = [abs(value) for pair in self.values for value in pair if value is not None] if method == "sum" else []
        scale = max(abs(change), *(abs(part) for part in parts), 1e-6 * max(terms, default=0.0), 1e-300)
        if abs(left) > 1e-9 * scale:
            factors.append(Factor(name="not in the tree", before=None, after=None, contribution=left))
            self.notes.append(
                f"The tree {tree.text!r} does not make up {self.compared.name} exactly; what it leaves over stands "
                f"apart."
            )
        settled_parts = settled([factor.contribution for factor in factors], change, scale=max(terms, default=0.0))
        exact = [
            Factor(name=f.name, before=f.before, after=f.after, contribution=part, inverse=f.inverse)
            for f, part in zip(factors, settled_parts, strict=True)
        ]
        ranked = sorted(exact, key=lambda factor: (-abs(factor.contribution), factor.name))
        return TreeChange(text=tree.text, method=method, factors=tuple(ranked))
