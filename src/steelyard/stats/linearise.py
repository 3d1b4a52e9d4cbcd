"""A mean or a ratio of means as a weighted sum of columns: the delta method, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.stats.moments import Moments
from steelyard.stats.sample import Sample

__all__ = ["Linear", "linear_mean", "linear_ratio", "without_rounding"]

ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A mean, or a function of means, whose error is that of a weighted sum of columns.

    Args:
        moments: The arm's moments.
        mean: The estimate, measured from `origin`.
        origin: What it is measured from.
        weights: Column -> its weight in the sum.
    """

    moments: Moments
    mean: float
    origin: float
    weights: Mapping[str, float]

    def covariance(self, other: Linear) -> float:
        """The sample covariance of the two weighted sums."""
        return sum(
            mine * theirs * self.moments.covariance(one, two)
            for one, mine in self.weights.items()
            for two, theirs in other.weights.items()
        )

    @property
    def variance(self) -> float:
        """The sample variance of the weighted sum; what is only rounding of parts that cancel is zero."""
        parts = [
            mine * theirs * self.moments.covariance(one, two)
            for one, mine in self.weights.items()
            for two, theirs in self.weights.items()
        ]
        return without_rounding(parts)

    def sample(self) -> Sample:
        """What the arm gives to a comparison."""
        return Sample(n=self.moments.rows, mean=self.mean, variance=self.variance, origin=self.origin)


def without_rounding(parts: Sequence[float]) -> float:
    """The sum of parts that cannot be below zero; zero where it is no more than the rounding of what cancels.

    >>> without_rounding([4.0, -8.0, 4.0 + 1e-15]), without_rounding([4.0, -8.0, 5.0])
    (0.0, 1.0)
    """
    found = sum(parts)
    return 0.0 if found <= ROUNDING * sum(abs(part) for part in parts) else found


def linear_mean(moments: Moments, column: str) -> Linear:
    """The mean of a column.

    >>> linear_mean(Moments.of_rows({"x": [1.0, 2.0, 6.0]}), "x").sample().level
    3.0
    """
    return Linear(
        moments=moments, mean=moments.offset_of(column), origin=moments.origin_of(column), weights={column: 1.0}
    )


def linear_ratio(moments: Moments, numerator: str, denominator: str) -> Linear:
    """The ratio of the means of two columns, with the delta method's linear form.

    Args:
        moments: The arm's moments, one row a unit.
        numerator: The column above.
        denominator: The column below; NaN comes out where its mean is not positive.

    Assumes: The mean of the denominator is many standard errors from zero.

    Source: Deng, Knoblich and Lu (2018), Applying the delta method in metric analytics, KDD, section 2.

    >>> m = Moments.of_rows({"orders": [1.0, 0.0, 2.0], "visits": [2.0, 1.0, 3.0]})
    >>> linear_ratio(m, "orders", "visits").mean
    0.5
    """
    below = moments.mean(denominator)
    ratio = moments.mean(numerator) / below if below > 0 else float("nan")
    return Linear(
        moments=moments,
        mean=ratio,
        origin=0.0,
        weights={numerator: 1 / below if below > 0 else float("nan"), denominator: -ratio / below if below else 0.0},
    )
