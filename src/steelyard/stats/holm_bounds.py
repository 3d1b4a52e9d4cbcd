"""Lower bounds of several effects that agree with Holm's one-sided tests."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steelyard.stats.holm import holm

__all__ = ["holm_bounds"]


def holm_bounds(
    estimates: Sequence[float],
    std_errors: Sequence[float],
    *,
    nulls: Sequence[float] | None = None,
    dfs: Sequence[float] | None = None,
    level: float = 0.95,
) -> tuple[float, ...]:
    """Lower bounds that hold together with the level, above the null exactly where Holm rejects.

    For guardrails: estimates oriented so that more is better, nulls minus the margins. Two-sided intervals that match
    Holm's two-sided test are not known; give Bonferroni's.

    Args:
        estimates: One effect each.
        std_errors: Their standard errors, above 0.
        nulls: What each is tested against; 0 when absent.
        dfs: Degrees of freedom of each; normal when absent.
        level: Chance that all bounds hold; all of the error is on the lower side.

    Returns:
        A lower bound for each. One that is rejected while another is not is bounded by its null: that is the price of
        Holm's gain over Bonferroni.

    Source: Strassburger and Bretz (2008), Statistics in Medicine 27; Guilbaud (2008), Biometrical Journal 50.

    >>> [round(bound, 3) for bound in holm_bounds([3.0, 1.0], [1.0, 1.0])]
    [0.0, -0.645]
    """
    from scipy.special import ndtr, stdtr

    against = [0.0] * len(estimates) if nulls is None else list(nulls)
    free = [math.inf] * len(estimates) if dfs is None else list(dfs)
    z = [(value - null) / error for value, null, error in zip(estimates, against, std_errors, strict=True)]
    p_values = [float(ndtr(-s) if math.isinf(df) else stdtr(df, -s)) for s, df in zip(z, free, strict=True)]
    alpha = 1 - level
    rejected = [p <= alpha for p in holm(p_values)]
    left = len(rejected) - sum(rejected)
    tail = alpha / (left or max(len(rejected), 1))
    bounds = [value - _critical(tail, df) * error for value, error, df in zip(estimates, std_errors, free, strict=True)]
    if left == 0:
        return tuple(max(bound, null) for bound, null in zip(bounds, against, strict=True))
    return tuple(null if gone else bound for bound, null, gone in zip(bounds, against, rejected, strict=True))


def _critical(tail: float, df: float) -> float:
    from scipy.special import ndtri, stdtrit

    return -float(ndtri(tail) if math.isinf(df) else stdtrit(df, tail))
