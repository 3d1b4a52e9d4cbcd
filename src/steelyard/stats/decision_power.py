"""The chance that a whole decision rule says ship: every clause at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError

__all__ = ["DecisionPower", "decision_power"]


@dataclass(frozen=True, kw_only=True)
class DecisionPower:
    """The chance that all clauses of a rule hold.

    Args:
        independent: If the clauses' metrics are independent: the product.
        least: Whatever their dependence: it cannot be less.
        most: Whatever their dependence: it cannot be more.
    """

    independent: float
    least: float
    most: float


def decision_power(clauses: Sequence[float]) -> DecisionPower:
    """The chance that a rule ships, from the chance of each of its clauses.

    A primary metric must have its lower bound above `min_effect`: in any sequential design that is the power at a drift
    of (expected effect minus min_effect) over the error at the planned information; with a min_effect of 0 or more it
    implies that the interval excludes zero. A guardrail must be non-inferior: that is the power at a drift of (expected
    effect plus margin) over the error.

    Args:
        clauses: The chance of each clause that does not follow from another, one or more.

    Raises:
        DefinitionError: No clause, or a number that is no chance.

    Source: The product, and the bounds of Fréchet (1935).

    >>> found = decision_power([0.8, 0.95, 0.9])
    >>> round(found.independent, 3), round(found.least, 3), found.most
    (0.684, 0.65, 0.8)
    """
    if not clauses or not all(0 <= chance <= 1 for chance in clauses):
        raise DefinitionError(f"clauses with chances {list(clauses)!r}", hint="one or more, each from 0 to 1")
    return DecisionPower(
        independent=math.prod(clauses),
        least=max(0.0, sum(clauses) - (len(clauses) - 1)),
        most=min(clauses),
    )
