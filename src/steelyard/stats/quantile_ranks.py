"""Which order statistics bound a quantile, so that only they have to be fetched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError
from steelyard.stats.linearise import linear_ratio
from steelyard.stats.moments import Moments

__all__ = ["QuantileRanks", "design_effect", "design_effect_of", "quantile_ranks"]


@dataclass(frozen=True, kw_only=True)
class QuantileRanks:
    """The order statistics whose values bound a quantile.

    Args:
        n: Values.
        quantile: Which quantile, above 0 and below 1.
        low: Rank of the lower bound, counted from 1; 0 where the values are too few to bound it from below.
        high: Rank of the upper bound; n + 1 where they are too few to bound it from above.
        coverage: The chance that the two hold the quantile, at least, whatever the law of the values.
        effect: The design effect that they allow for.
        clusters: Clusters of which the design effect was found; 0 where values are independent.
    """

    n: int
    quantile: float
    low: int
    high: int
    coverage: float
    effect: float = 1.0
    clusters: int = 0

    @property
    def bounds_below(self) -> bool:
        """Whether the values are enough to bound the quantile from below."""
        return self.low >= 1

    @property
    def bounds_above(self) -> bool:
        """Whether the values are enough to bound the quantile from above."""
        return self.high <= self.n

    @property
    def df(self) -> float:
        """Degrees of freedom of an error made of the bounds' distance.

        Of m ranks the distance is known to 1 / root of m (its law is a Beta), as a standard deviation is with m / 2
        degrees of freedom; of k clusters the design effect is known with k - 1.
        """
        return 1 / (2 / (self.high - self.low) + (1 / (self.clusters - 1) if self.clusters > 1 else 0.0))

    @property
    def levels(self) -> tuple[float, float, float]:
        """What to ask of a continuous quantile function: lower bound, the quantile, upper bound.

        The level (rank - 1) / (n - 1) gives exactly the value of that rank. A bound that there is none for is asked
        for at the end of the values, and is to be taken as unbounded: see `low` and `high`.
        """
        if self.n < 2:
            return 0.0, self.quantile, 1.0
        low, high = ((min(max(rank, 1), self.n) - 1) / (self.n - 1) for rank in (self.low, self.high))
        return low, self.quantile, high


def quantile_ranks(
    n: int, quantile: float, level: float = 0.95, *, effect: float = 1.0, clusters: int = 0
) -> QuantileRanks:
    """The ranks whose values hold the quantile with at least the level, equal chances left out at either end.

    Args:
        n: Values, one or more.
        quantile: Which quantile, above 0 and below 1.
        level: Confidence level.
        effect: Design effect: how many times more the count below the quantile varies than with independent values
            (`design_effect`). 1 is exact, from the binomial law; other values go through the normal law.
        clusters: Of how many clusters the design effect was found; 0 where values are independent.

    Raises:
        DefinitionError: No values, a quantile outside 0 to 1, or a design effect that is not above 0.

    Assumes: Values are independent, or dependent within clusters as the design effect says.

    Source: David and Nagaraja (2003), Order Statistics, section 7.1; Woodruff (1952) for the design effect.

    >>> found = quantile_ranks(1_000, 0.5)
    >>> found.low, found.high, round(found.coverage, 4)
    (469, 532, 0.9537)
    """
    from scipy.special import bdtr, ndtr, ndtri

    if n < 1 or not 0 < quantile < 1 or not effect > 0 or not 0 < level < 1:
        raise DefinitionError(
            f"quantile {quantile!r} of {n!r} values at level {level!r} with design effect {effect!r}",
            hint="one value or more, a quantile and a level between 0 and 1, an effect above 0",
        )
    tail = (1 - level) / 2
    if effect == 1:
        low, high = _binomial_point(tail, n, quantile), _binomial_point(1 - tail, n, quantile) + 1
        coverage = float(bdtr(high - 1, n, quantile)) - (float(bdtr(low - 1, n, quantile)) if low > 0 else 0.0)
        return QuantileRanks(n=n, quantile=quantile, low=low, high=high, coverage=coverage)
    spread = math.sqrt(effect * n * quantile * (1 - quantile))
    reach = -float(ndtri(tail)) * spread
    low, high = max(math.floor(n * quantile - reach), 0), min(math.ceil(n * quantile + reach) + 1, n + 1)
    below, above = (float(ndtr((rank - 0.5 - n * quantile) / spread)) for rank in (low, high))
    coverage = (1.0 if high == n + 1 else above) - (0.0 if low == 0 else below)
    return QuantileRanks(
        n=n, quantile=quantile, low=low, high=high, coverage=coverage, effect=effect, clusters=clusters
    )


def _binomial_point(chance: float, n: int, share: float) -> int:
    """The least k with P(count <= k) at or above the chance."""
    from scipy.special import bdtr, ndtri

    k = min(max(round(n * share + float(ndtri(chance)) * math.sqrt(n * share * (1 - share))), 0), n)
    while k > 0 and float(bdtr(k - 1, n, share)) >= chance:
        k -= 1
    while k < n and float(bdtr(k, n, share)) < chance:
        k += 1
    return k


def design_effect(below: Sequence[float], sizes: Sequence[float]) -> float:
    """How many times more the count below a quantile varies because values come in clusters.

    Args:
        below: For each cluster, its values at or below the quantile that was found.
        sizes: For each cluster, its values.

    Returns:
        The ratio of the clustered to the independent variance; NaN with fewer than two clusters, 1 where all or no
        values are below.

    Assumes: Clusters are independent: they are the units that were randomised.

    Source: Deng, Knoblich and Lu (2018), The delta method in metric analytics, KDD, section 4; Woodruff (1952).

    >>> design_effect([2, 0, 2, 0], [2, 2, 2, 2])
    2.6666666666666665
    """
    return design_effect_of(Moments.of_rows({"below": below, "size": sizes}), "below", "size")


def design_effect_of(clusters: Moments, below: str, size: str) -> float:
    """As `design_effect`, of moments over clusters, which merge.

    Args:
        clusters: Moments, with the product of the two columns.
        below: Column of each cluster's values at or below the quantile.
        size: Column of each cluster's values.

    >>> design_effect_of(Moments.of_rows({"b": [2, 0, 2, 0], "n": [2, 2, 2, 2]}), "b", "n")
    2.6666666666666665
    """
    if clusters.rows < 2 or not clusters.mean(size) > 0:
        return math.nan
    form = linear_ratio(clusters, below, size)
    if form.mean in {0.0, 1.0}:
        return 1.0
    values = clusters.mean(size) * clusters.rows
    return form.sample().squared_error * values / (form.mean * (1 - form.mean))
