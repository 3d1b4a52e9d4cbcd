"""What a panel's cohort must tell: how many units, their mean path, and how the periods vary together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.errors import DataError

__all__ = ["CohortMoments", "cohort_from_sums"]

Vector = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class CohortMoments:
    """A cohort of units observed in the same T periods.

    Args:
        n: Units.
        mean: Mean of each period, shape (T,).
        covariance: Covariance of the periods over units, n - 1 in the denominator, shape (T, T); NaN when n < 2.
    """

    n: int
    mean: Vector
    covariance: Vector

    def of(self, weights: Vector) -> tuple[float, float]:
        """Mean and variance over units of `weights @ y`, where `weights` has shape (T,).

        A variance that is no more than the rounding of parts that cancel is zero.
        """
        spread = float(weights @ self.covariance @ weights)
        rounding = 1e-12 * float(np.abs(weights) @ np.abs(self.covariance) @ np.abs(weights))
        return float(weights @ self.mean), 0.0 if spread <= rounding else spread


def cohort_from_sums(n: int, sums: Vector, products: Vector, shifts: Vector) -> CohortMoments:
    """Moments of a cohort from sums that were taken about constants.

    Sums about a constant near the mean keep their digits where the mean is large beside the spread.

    Args:
        n: Units.
        sums: Sum over units of y - shift, shape (T,).
        products: Sum over units of the products of y - shift, shape (T, T), symmetric.
        shifts: The constants, shape (T,).

    Raises:
        DataError: The shapes do not agree.

    >>> cohort = cohort_from_sums(2, np.array([3.0]), np.array([[5.0]]), np.array([10.0]))
    >>> cohort.mean.tolist(), cohort.covariance.tolist()
    ([11.5], [[0.5]])
    """
    periods = len(sums)
    if products.shape != (periods, periods) or shifts.shape != (periods,):
        raise DataError(f"moments of {periods} periods with products of shape {products.shape}")
    if n == 0:
        return CohortMoments(n=0, mean=np.full(periods, np.nan), covariance=np.full((periods, periods), np.nan))
    centre = sums / n
    if n < 2:
        return CohortMoments(n=n, mean=centre + shifts, covariance=np.full((periods, periods), np.nan))
    covariance = (products - n * np.outer(centre, centre)) / (n - 1)
    # The spread of a constant is nothing but the rounding of its sums.
    still = np.diag(covariance) * (n - 1) <= EPS * max(n, 64) * np.diag(products)
    covariance[still, :] = 0.0
    covariance[:, still] = 0.0
    return CohortMoments(n=n, mean=centre + shifts, covariance=covariance)
