"""What it costs a variance that coefficients were fitted to the same few clusters."""

from __future__ import annotations

import math

__all__ = ["fitting_cost"]


def fitting_cost(df: float, coefficients: int) -> float:
    """By how much to multiply the least variance that coefficients leave.

    With d degrees of freedom, the least variance that k coefficients leave is (d - k) / d of the true one on average,
    and the noise of the coefficients adds k / (d - k - 1) of it to the contrast's variance.

    Args:
        df: Degrees of freedom of the variance before coefficients were fitted.
        coefficients: How many were fitted.

    Returns:
        The factor; infinity where no more than one degree of freedom is left.

    Assumes: Errors are as if `df` replicates of a normal contrast told them.

    Source: Cochran (1957), Analysis of covariance, Biometrics 13; simulated in `tests/coverage/test_clusters.py`.

    >>> fitting_cost(20.0, 0), round(fitting_cost(20.0, 1), 4), fitting_cost(2.0, 1)
    (1.0, 1.1111, inf)
    """
    free = df - coefficients
    if coefficients and free <= 1:
        return math.inf
    return df / free * (1 + coefficients / (free - 1)) if coefficients else 1.0
