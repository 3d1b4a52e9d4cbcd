"""Which levels of a post-stratified distribution bound its quantile, from counts by stratum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError
from steelyard.stats.linearise import without_rounding

__all__ = ["QuantileLevels", "StratumCounts", "quantile_levels"]


@dataclass(frozen=True, kw_only=True)
class StratumCounts:
    """The units of one arm in one stratum, and how their values lie about the arm's quantile.

    Args:
        weight: The stratum's share of the population, in any measure that all strata have in common.
        units: Units, with or without values; two or more.
        sizes: Values: their sum over units. One value a unit where a unit is what has the value.
        sizes_squared: The squares of a unit's values, summed over units.
        below: Values at or below the quantile.
        below_squared: The squares of a unit's values at or below it, summed over units.
        product: The products of both, summed over units.
    """

    weight: float
    units: int
    sizes: int
    sizes_squared: int
    below: int
    below_squared: int
    product: int

    @classmethod
    def of_units(cls, weight: float, units: int, below: int) -> StratumCounts:
        """Counts of units with one value each, of which some lie at or below the quantile."""
        return cls(weight=weight, units=units, sizes=units, sizes_squared=units, below=below, below_squared=below,
                   product=below)  # fmt: skip

    @property
    def is_of_units(self) -> bool:
        """Whether each unit has one value."""
        return self.units == self.sizes == self.sizes_squared


@dataclass(frozen=True, kw_only=True)
class QuantileLevels:
    """The levels at which a weighted distribution has the values that bound its quantile.

    Args:
        n: Values.
        quantile: Which quantile, above 0 and below 1.
        low: Level of the lower bound.
        high: Level of the upper bound.
        coverage: The chance that the two hold the quantile, as the normal law has it.
        effect: How many times more the share below the quantile varies than that of as many independent values without
            weights.
        variance_df: Degrees of freedom with which that variance is known.
        even: How many values of equal weight would tell as much (Kish).
        between: The same, of the values between the two bounds.
    """

    n: int
    quantile: float
    low: float
    high: float
    coverage: float
    effect: float
    variance_df: float
    even: float
    between: float = math.inf

    @property
    def bounds_below(self) -> bool:
        """Whether a value or more lies wholly below the lower level."""
        return self.low * self.even >= 1

    @property
    def bounds_above(self) -> bool:
        """Whether a value or more lies wholly above the upper level."""
        return (1 - self.high) * self.even >= 1

    @property
    def df(self) -> float:
        """Degrees of freedom of an error made of the bounds' distance: as those of `QuantileRanks`."""
        return 1 / (2 / self.between + 1 / self.variance_df)


def quantile_levels(strata: Sequence[StratumCounts], quantile: float, level: float = 0.95) -> QuantileLevels | None:
    """The levels that bound a quantile of F(x) = sum of w_s F_s(x), whose strata have shares that are given.

    Each unit weighs its stratum's share over the stratum's units, and all its values weigh as it does. So where arms
    have other shares of a stratum than the population, as in a ramp whose stages had splits of their own, the quantile
    is that of the arm if it had the population's.

    Args:
        strata: The arm's strata; counts are at the least value at which F reaches the quantile.
        quantile: Which quantile, above 0 and below 1.
        level: Confidence level.

    Returns:
        None where the error is not known: all values of each stratum lie on one side.

    Raises:
        DefinitionError: A quantile or level outside 0 to 1, or a stratum with fewer than two units.

    Assumes: Units are independent, shares of strata are known. The variance of F at the quantile is the sum of w_s^2
        s_s^2 / n_s, where s_s^2 is the variance over the units of stratum s of the values below, less F times all
        values, over the mean of values a unit: p_s (1 - p_s) n_s / (n_s - 1) of units with one value.

    Source: Woodruff (1952), Journal of the American Statistical Association 47; Sarndal, Swensson and Wretman (1992),
        Model Assisted Survey Sampling, section 5.11. Variance and bounds are compared with those of R's
        `survey::svyquantile` in tests/reference. Degrees of freedom are Satterthwaite's: a stratum's p (1 - p) is known
        as the fourth moment of its 0s and 1s says, or, of units with many values, with n - 1.

    >>> half = [StratumCounts.of_units(0.5, 50, 40), StratumCounts.of_units(0.5, 450, 90)]
    >>> found = quantile_levels(half, 0.5)
    >>> round(found.low, 4), round(found.high, 4), round(found.effect, 2)
    (0.441, 0.559, 1.81)
    """
    from scipy.special import ndtri

    if not 0 < quantile < 1 or not 0 < level < 1 or not strata or min(one.units for one in strata) < 2:
        raise DefinitionError(
            f"quantile {quantile!r} at level {level!r} of strata with {[one.units for one in strata]!r} units",
            hint="a quantile and a level between 0 and 1, strata with two units or more",
        )
    n, values = sum(one.sizes for one in strata), sum(one.weight * one.sizes / one.units for one in strata)
    reached = sum(one.weight * one.below / one.units for one in strata) / values if values else 0.0
    parts = [(one.weight / values) ** 2 * _variance(one, reached) / one.units for one in strata] if values else []
    variance = sum(parts)
    if not variance > 0:
        return None
    reach = -float(ndtri((1 - level) / 2)) * math.sqrt(variance)
    doubt = sum((part / variance) ** 2 / _df(one) for part, one in zip(parts, strata, strict=True) if part)
    return QuantileLevels(
        n=n,
        quantile=quantile,
        low=quantile - reach,
        high=quantile + reach,
        coverage=level,
        effect=variance * n / (quantile * (1 - quantile)),
        variance_df=1 / doubt if doubt else math.inf,
        even=values**2 / sum((one.weight / one.units) ** 2 * one.sizes for one in strata),
    )


def _variance(one: StratumCounts, reached: float) -> float:
    """Over units, of the values below less those expected of as many."""
    own = one.below_squared - one.below**2 / one.units
    shared = one.product - one.below * one.sizes / one.units
    sizes = one.sizes_squared - one.sizes**2 / one.units
    return without_rounding([own, -2 * reached * shared, reached**2 * sizes]) / (one.units - 1)


def _df(one: StratumCounts) -> float:
    """Degrees of freedom of a stratum's variance."""
    if not one.is_of_units:
        return one.units - 1
    share = one.below / one.units
    return 2 * one.units * share * (1 - share) / (1 - 2 * share) ** 2 if share != 0.5 else math.inf
