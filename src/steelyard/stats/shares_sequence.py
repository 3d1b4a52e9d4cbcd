"""Two shares compared at every moment, exactly, whatever the counts: their difference, their ratio, and evidence."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from steelyard.errors import DefinitionError
from steelyard.stats.normal_mixture import best_ratio
from steelyard.stats.share_sequence import concentration_for, share_evidence, share_slope

__all__ = ["SharesSequence", "shares_critical", "shares_evidence", "shares_sequence"]

ALPHA = 0.05
"""The error for which bounds are narrowest where they are tuned; they hold at any."""
TUNED = best_ratio(math.sqrt(ALPHA))
SMALLEST, LARGEST = 1e-150, 1 - sys.float_info.epsilon
FURTHEST = 1e15
STEEP = 1e3


@dataclass(frozen=True, kw_only=True)
class SharesSequence:
    """What one look may say of two shares, however many looks there are.

    Args:
        low: Lower bound of the difference.
        high: Upper bound of the difference.
        ratio_low: Lower bound of the ratio.
        ratio_high: Upper bound of the ratio; infinity where the second share may be 0.
        log_evidence: Logarithm of the evidence against equal shares.
        level: The chance that the bounds of all looks hold; at least this.
    """

    low: float
    high: float
    ratio_low: float
    ratio_high: float
    log_evidence: float
    level: float

    @property
    def p_value(self) -> float:
        """Of equal shares: one over the evidence, at most 1; valid at every look."""
        return min(1.0, math.exp(-self.log_evidence))


@lru_cache(maxsize=512)
def shares_sequence(
    x1: int, n1: int, x2: int, n2: int, tuned_for: tuple[float, float], *, level: float = 0.95
) -> SharesSequence:
    """Bounds of the difference and of the ratio of two shares that hold at all looks together, exactly.

    For every pair of shares the product of the groups' evidence is a martingale while that pair is true. The pairs that
    it does not speak against are a convex region; the bounds are the least and the largest difference and ratio in it.
    Nothing is approximated: they hold for one unit as for a million, and for shares of which none has occurred.

    Args:
        x1: Units of group 1 that have it.
        n1: Units of group 1, one or more.
        x2: Units of group 2 that have it.
        n2: Units of group 2, one or more.
        tuned_for: Units of either group at which the bounds are to be narrowest, settled before the first look.
        level: The chance that the bounds of all looks hold; at least this, for both scales together.

    Raises:
        DefinitionError: Counts that cannot be, or a level outside 0 to 1.

    Assumes: As `share_evidence` in either group, independently, in whatever order units come.

    Source: `share_evidence` (Howard, Ramdas, McAuliffe and Sekhon 2021, proposition 7); a product of martingales of
        independent units is one, and the least over pairs is at most that of the true one (Ramdas, Gruenwald, Vovk and
        Shafer 2023, Statistical Science 38, section 3.3). Compared with a grid of pairs, and with simulated paths.

    >>> found = shares_sequence(9, 60, 1, 55, (500, 500))
    >>> round(found.low, 4), round(found.high, 4), round(found.p_value, 4)
    (-0.1695, 0.4363, 0.5161)
    """
    if not 0 < level < 1:
        raise DefinitionError(f"a level of {level!r}", hint="between 0 and 1")
    one, other = _Group.of(x1, n1, tuned_for[0]), _Group.of(x2, n2, tuned_for[1])
    limit = -math.log(1 - level)
    return SharesSequence(
        low=-_highest_difference(other, one, limit),
        high=_highest_difference(one, other, limit),
        ratio_low=1 / _highest_ratio(other, one, limit) if x1 else 0.0,
        ratio_high=_highest_ratio(one, other, limit) if x2 else math.inf,
        log_evidence=_least(one, other, 1.0, 0.0),
        level=level,
    )


def shares_evidence(
    x1: int, n1: int, x2: int, n2: int, tuned_for: tuple[float, float], difference: float = 0.0
) -> float:
    """The logarithm of the evidence against a difference of two shares: the least against any pair that has it.

    Args:
        x1: Units of group 1 that have it.
        n1: Units of group 1, one or more.
        x2: Units of group 2 that have it.
        n2: Units of group 2, one or more.
        tuned_for: As `shares_sequence`.
        difference: Share 1 minus share 2, between -1 and 1.

    Assumes: As `shares_sequence`.

    Source: As `shares_sequence`, with which it agrees: bounds are where it is `-log(1 - level)`.

    >>> round(shares_evidence(0, 1_000, 12, 1_000, (2_000, 2_000)), 3)
    3.584
    """
    if not -1 < difference < 1:
        raise DefinitionError(f"a difference of shares of {difference!r}", hint="between -1 and 1")
    return _least(_Group.of(x1, n1, tuned_for[0]), _Group.of(x2, n2, tuned_for[1]), 1.0, difference)


def shares_critical(fraction: float, alpha: float) -> float:
    """The z at which the evidence reaches `1 / alpha` in large samples: for planning, and beside 1.96.

    Args:
        fraction: Units so far as a share of those that the bounds are tuned for.
        alpha: The error.

    >>> round(shares_critical(1.0, 0.05), 3), round(shares_critical(1.0, 0.025), 3)
    (3.39, 3.633)
    """
    ratio = fraction * TUNED
    return math.sqrt(2 * (1 + ratio) / ratio * (math.log1p(ratio) - math.log(alpha)))


@dataclass(frozen=True, kw_only=True)
class _Group:
    """One group's counts, and the share against which they speak least."""

    count: int
    n: int
    concentration: float
    least: float

    @classmethod
    def of(cls, count: int, n: int, tuned_for: float) -> _Group:
        if not 0 <= count <= n or n < 1:
            raise DefinitionError(f"{count!r} of {n!r} units have it", hint="counts from 0 to the units, one or more")
        # Two mixtures share the error: each is best at its root.
        concentration = concentration_for(tuned_for, math.sqrt(ALPHA))
        least = _root(lambda share: share_slope(count, n, share, concentration), SMALLEST, LARGEST)
        return cls(count=count, n=n, concentration=concentration, least=least)

    def evidence(self, share: float) -> float:
        """Of the counts against a share."""
        return share_evidence(self.count, self.n, _within(share), self.concentration)

    def slope(self, share: float) -> float:
        """How the evidence rises with the share."""
        return share_slope(self.count, self.n, _within(share), self.concentration)


def _within(share: float) -> float:
    """The share off the edges, where one that has occurred has no evidence that is a number."""
    return min(max(share, SMALLEST), LARGEST)


def _least(one: _Group, other: _Group, ratio: float, difference: float) -> float:
    """The least evidence against pairs on a line: share 1 is `ratio` times share 2 plus `difference`.

    The sum of two convex functions is least between the places where each is.
    """
    lowest, highest = max(0.0, -difference / ratio), min(1.0, (1 - difference) / ratio)
    places = sorted(min(max(at, lowest), highest) for at in (other.least, (one.least - difference) / ratio))
    share = _root(lambda at: ratio * one.slope(ratio * at + difference) + other.slope(at), *places)
    return one.evidence(ratio * share + difference) + other.evidence(share)


def _highest_difference(one: _Group, other: _Group, limit: float) -> float:
    return _crossing(lambda at: _least(one, other, 1.0, at) - limit, one.least - other.least, 1.0, 1.0)


def _highest_ratio(one: _Group, other: _Group, limit: float) -> float:
    def excess(at: float) -> float:
        return _least(one, other, at, 0.0) - limit

    inside = max(one.least, 1 / FURTHEST) / max(other.least, 1 / FURTHEST)
    beyond = inside
    while excess(beyond) <= 0:
        beyond *= 4
        if beyond > FURTHEST:
            return math.inf
    return _crossing(excess, inside, beyond, math.inf)


def _crossing(excess: Callable[[float], float], inside: float, beyond: float, edge: float) -> float:
    """Where the evidence passes the limit; the edge where it never does."""
    from scipy.optimize import brentq

    if not inside < beyond or excess(beyond) <= 0:
        return edge
    return float(brentq(lambda at: min(excess(at), STEEP), inside, beyond, xtol=1e-15, rtol=1e-12))


def _root(slope: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising slope is 0; the end that is nearer to it where it never is."""
    from scipy.optimize import brentq

    low, high = _within(low), _within(high)
    if low >= high or slope(low) >= 0:
        return low
    if slope(high) <= 0:
        return high
    return float(brentq(slope, low, high, xtol=1e-16, rtol=1e-10))
