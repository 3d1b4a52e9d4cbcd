"""One share, with evidence and an interval that hold exactly at every moment, whatever the counts."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from steelyard.errors import DefinitionError
from steelyard.stats.normal_mixture import best_ratio

__all__ = ["concentration_for", "share_evidence", "share_sequence", "share_slope"]

LEAST_CONCENTRATION = 1e-3
CLOSEST = 1e-150


def concentration_for(units: float, alpha: float = 0.05) -> float:
    """How closely the mixture lies about the share that is tested, so that bounds are narrowest at `units`.

    Args:
        units: Units of the group at which the decision is expected, settled before the first look.
        alpha: The error for which it is best; with another error the bounds hold as well.

    Source: Howard, Ramdas, McAuliffe and Sekhon (2021), section 3.6, as confseq 0.0.11 has it, with its floor.

    >>> round(concentration_for(1_000), 3)
    125.006
    """
    if not units > 0:
        raise DefinitionError(f"bounds that are narrowest at {units!r} units", hint="give a number above 0")
    return max(units / best_ratio(alpha) - 1, LEAST_CONCENTRATION)


def share_evidence(count: float, n: float, share: float, concentration: float) -> float:
    """The logarithm of the likelihood of the units, averaged over a beta law about `share`, against that of `share`.

    While `share` is true its exponential is a martingale: however often one looks, the chance that the evidence ever
    passes `-log(alpha)` is at most alpha, with no approximation. The evidence is convex in `share`, so that what it
    does not speak against is an interval.

    Args:
        count: Units that have it, from 0 to n.
        n: Units.
        share: The share that it speaks against, from 0 to 1.
        concentration: Sum of the beta law's two shapes, above 0; see `concentration_for`.

    Assumes: Units are independent and have the same chance; what a unit has does not change once it is counted.

    Source: Howard, Ramdas, McAuliffe and Sekhon (2021), Annals of Statistics 49, proposition 7 with g and h the share
        and its complement; compared with confseq 0.0.11.

    >>> round(share_evidence(15, 50, 0.5, 5.3), 4), share_evidence(0, 50, 0.0, 5.3)
    (2.556, 0.0)
    """
    from scipy.special import gammaln, xlog1py, xlogy

    if share <= 0 or share >= 1:
        certain = count == 0 if share <= 0 else count == n
        return 0.0 if certain else float("inf")
    a, b = concentration * share, concentration * (1 - share)
    null = xlogy(count, share) + xlog1py(n - count, -share)
    # Logarithms of gammas, for those of betas lose digits where a shape is next to nothing (SciPy 1.18).
    have, rest, whole = (
        gammaln(shape + more) - gammaln(shape) for shape, more in ((a, count), (b, n - count), (concentration, n))
    )
    return float(have + rest - whole - null)


def share_slope(count: float, n: float, share: float, concentration: float) -> float:
    """The derivative of `share_evidence` in the share, between 0 and 1: it rises.

    >>> round(share_slope(15, 50, 0.3, 5.3), 2), round(share_slope(15, 50, 0.5, 5.3), 2)
    (1.0, 35.9)
    """
    have = _gain(count, concentration * share, concentration)
    return have - _gain(n - count, concentration * (1 - share), concentration)


def _gain(count: float, shape: float, concentration: float) -> float:
    """How the evidence rises with a shape's share through the units counted; the first of them has no part in it."""
    from scipy.special import digamma

    if count == 0:
        return 0.0
    return concentration * float(digamma(shape + count) - digamma(shape + 1) - (count - 1) / shape)


def share_sequence(count: int, n: int, tuned_for: float, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of one share that holds at all looks together, exactly.

    Args:
        count: Units that have it, from 0 to n.
        n: Units, one or more.
        tuned_for: Units at which it is to be narrowest, settled before the first look.
        level: The chance that the intervals of all looks hold the share; at least this.

    Raises:
        DefinitionError: Counts that cannot be, or a level outside 0 to 1.

    Assumes: As `share_evidence`.

    Source: As `share_evidence`; compared with confseq 0.0.11 and expectation 0.6.1.

    >>> tuple(round(bound, 6) for bound in share_sequence(15, 50, 50))
    (0.129557, 0.511896)
    """
    if not 0 <= count <= n or n < 1 or not 0 < level < 1:
        raise DefinitionError(
            f"{count!r} of {n!r} units at level {level!r}", hint="counts from 0 to the units, a level between 0 and 1"
        )
    concentration, limit = concentration_for(tuned_for), -math.log(1 - level)

    def excess(share: float) -> float:
        return share_evidence(count, n, share, concentration) - limit

    return _end(excess, 0.0, count / n), _end(excess, 1.0, count / n)


def _end(excess: Callable[[float], float], edge: float, inside: float) -> float:
    """Where the evidence reaches the limit on the way to an edge; the edge where it never does."""
    from scipy.optimize import brentq

    beside = CLOSEST if edge == 0 else 1 - sys.float_info.epsilon
    if inside == edge or excess(beside) <= 0:
        return edge
    return float(brentq(excess, min(beside, inside), max(beside, inside), xtol=1e-16, rtol=1e-13))
