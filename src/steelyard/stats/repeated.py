"""Intervals and p-values that hold at every look of a group-sequential test, stopped or not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from steelyard.stats.boundaries import Boundaries, boundaries
from steelyard.stats.spending import Spending

__all__ = ["Repeated", "repeated"]

LEAST_P = 1e-12


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """What a look of a group-sequential test may say, whether it stops there or not.

    Args:
        low: Lower bound.
        high: Upper bound.
        level: Chance, two-sided, that the intervals of all looks hold the effect.
        p_value: The least error (of all sides) with which this look's bound would have been crossed.
        width_ratio: Width as a multiple of the interval of a test with one look.
    """

    low: float
    high: float
    level: float
    p_value: float
    width_ratio: float


def repeated(
    bounds: Boundaries, spending: Spending, estimate: float, std_error: float, *, last: bool = False
) -> Repeated:
    """The repeated confidence interval and p-value at the last of the looks that the bounds were made for.

    Args:
        bounds: Bounds of the looks so far.
        spending: The function they were made with.
        estimate: The plain estimate at the look.
        std_error: Its standard error, above 0.
        last: Whether the bounds were made with `last`.

    Returns:
        An unbounded interval where this look could spend nothing.

    Assumes: As `boundaries`. It holds also if the test went on past a bound.

    Source: Jennison and Turnbull (1989), JRSS B 51; compared with rpact 3.3.4 `getRepeatedConfidenceIntervals` and
        `getRepeatedPValues`.

    >>> from steelyard.stats.spending import Spending
    >>> plan = Spending(kind="pocock")
    >>> found = repeated(boundaries([0.5], plan), plan, 2.0, 1.0)
    >>> round(found.low, 4), round(found.high, 4), round(found.p_value, 4)
    (-0.157, 4.157, 0.0734)
    """
    from scipy.special import ndtri

    critical = bounds.upper[-1]
    alpha = bounds.alpha * (2 / bounds.sides)
    z = estimate / std_error
    return Repeated(
        low=estimate - critical * std_error,
        high=estimate + critical * std_error,
        level=1 - alpha,
        p_value=_p_value(bounds, spending, abs(z) if bounds.sides == 2 else z, last=last),
        width_ratio=critical / -float(ndtri(alpha / 2)),
    )


def _p_value(bounds: Boundaries, spending: Spending, z: float, *, last: bool) -> float:
    from scipy.optimize import brentq

    def excess(log_alpha: float) -> float:
        alpha, clock = math.exp(log_alpha), bounds.clock or None
        made = boundaries(bounds.fractions, spending, alpha=alpha, sides=bounds.sides, last=last, clock=clock)
        return min(made.upper[-1], 1e6) - z

    least, most = math.log(LEAST_P), math.log1p(-1e-9)
    if excess(most) > 0:
        return 1.0
    if excess(least) < 0:
        return LEAST_P
    return math.exp(float(brentq(excess, least, most, xtol=1e-10, rtol=1e-12)))
