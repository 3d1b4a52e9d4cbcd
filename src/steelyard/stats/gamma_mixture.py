"""Evidence and bounds at every moment, without large samples, of sums whose steps are bounded on one side."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.stats.normal_mixture import best_ratio

__all__ = ["Tail", "gamma_bound", "gamma_evidence"]

Tail = Literal["exponential", "poisson"]


def gamma_evidence(
    total: float, variance: float, scale: float, tuned_for: float, *, tail: Tail = "exponential", alpha: float = 0.05
) -> float:
    """The logarithm of evidence that a sum of centred values drifts upwards: it may be looked at whenever one likes.

    While it does not drift, the chance that the evidence ever passes `-log(alpha)` is at most alpha.

    Args:
        total: The sum so far of values less their conditional means.
        variance: The variance of that sum so far as the steps' law has it, 0 or more.
        scale: The constant c of the steps' law, above 0.
        tuned_for: The variance at which the bound is to be narrowest, settled before the first look.
        tail: `exponential` of sub-exponential steps, whose cumulant is at most (-log(1 - c t) - c t) / c^2 of their
            variance, as of empirical Bernstein bounds of values within an interval as wide as c; `poisson` of
            sub-Poisson steps, at most (exp(c t) - c t - 1) / c^2, as of values at most c above their mean (Bennett).
        alpha: The error for which it is narrowest; with another the bounds hold as well.

    Raises:
        DefinitionError: A variance below 0, or a scale or a variance to tune for that is not above 0.

    Assumes: The steps' law given all before them, and nothing of the sum's own.

    Source: Howard, Ramdas, McAuliffe and Sekhon (2021), Annals of Statistics 49, propositions 9 and 10 (gamma mixtures
        of one side); compared with confseq 0.0.11 and with the values that its tests publish.

    >>> round(gamma_evidence(10, 100, 2, 100), 7), round(gamma_evidence(10, 100, 2, 100, tail="poisson"), 7)
    (-0.2490165, -0.0699122)
    """
    from scipy.special import gammainc, gammaincc, gammaln

    if not (variance >= 0 and scale > 0 and tuned_for > 0):
        raise DefinitionError(
            f"a variance of {variance!r} with scale {scale!r}, tuned for {tuned_for!r}",
            hint="a variance of 0 or more; scale and the variance to tune for above 0",
        )
    square = scale * scale
    shape = tuned_for / best_ratio(alpha, "above") / square
    begun, drift = shape * math.log(shape) - float(gammaln(shape)), variance / square
    if tail == "exponential":
        rate, spread = (scale * total + variance) / square + shape, drift + shape
        if rate <= 0:  # so far below that it is no evidence
            return -math.inf
        inside = float(gammainc(spread, rate)) / float(gammainc(shape, shape))
        return begun + float(gammaln(spread)) + _log(inside) - spread * math.log(rate) + rate - shape
    spread = total / scale + drift + shape
    if spread <= 0:
        return -math.inf
    inside = float(gammaincc(spread, drift + shape)) / float(gammaincc(shape, shape))
    return begun + float(gammaln(spread)) + _log(inside) - spread * math.log(drift + shape) + drift


def gamma_bound(
    variance: float, scale: float, tuned_for: float, *, tail: Tail = "exponential", alpha: float = 0.05
) -> float:
    """What the sum stays below at all moments together, with a chance of at least 1 - alpha.

    Args:
        variance: As `gamma_evidence`.
        scale: As `gamma_evidence`.
        tuned_for: As `gamma_evidence`.
        tail: As `gamma_evidence`.
        alpha: The chance of ever passing it; also the error for which it is narrowest.

    Assumes: As `gamma_evidence`.

    Source: As `gamma_evidence`.

    >>> round(gamma_bound(100, 2, 100), 5), round(gamma_bound(100, 2, 100, tail="poisson"), 5)
    (33.02017, 30.1949)
    """
    if not 0 < alpha < 1:
        raise DefinitionError(f"an alpha of {alpha!r}", hint="between 0 and 1")
    return _root(lambda at: gamma_evidence(at, variance, scale, tuned_for, tail=tail, alpha=alpha) + math.log(alpha))


def _root(excess: Callable[[float], float]) -> float:
    """Where evidence that rises from nothing reaches its limit."""
    from scipy.optimize import brentq

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-15, rtol=1e-13))


def _log(share: float) -> float:
    return math.log(share) if share > 0 else -math.inf
