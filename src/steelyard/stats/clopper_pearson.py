"""The exact interval of one share."""

from __future__ import annotations

__all__ = ["clopper_pearson"]


def clopper_pearson(count: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of one share: it covers at least the level, and often much more.

    Args:
        count: Units that have it, from 0 to n.
        n: Units, one or more.
        level: Confidence level.

    Source: Clopper and Pearson (1934), Biometrika 26; R 4.2.2 `binom.test`.

    >>> tuple(round(bound, 4) for bound in clopper_pearson(81, 263))
    (0.2527, 0.3676)
    """
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, tail))
    high = 1.0 if count == n else float(betaincinv(count + 1, n - count, 1 - tail))
    return low, high
