"""Intervals of shares that add imagined units: Agresti and Coull for one, Agresti and Caffo for two."""

from __future__ import annotations

import math

__all__ = ["agresti_caffo", "agresti_coull"]


def _critical(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def agresti_coull(count: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Agresti and Coull's interval of one share: Wald's, about Wilson's middle, cut at 0 and 1.

    Source: Agresti and Coull (1998), American Statistician 52; compared with statsmodels 0.15.

    >>> tuple(round(bound, 4) for bound in agresti_coull(5, 50))
    (0.0391, 0.2179)
    """
    z = _critical(level)
    units = n + z * z
    share = (count + z * z / 2) / units
    reach = z * math.sqrt(share * (1 - share) / units)
    return max(share - reach, 0.0), min(share + reach, 1.0)


def agresti_caffo(x1: float, n1: int, x2: float, n2: int, level: float = 0.95) -> tuple[float, float]:
    """Agresti and Caffo's interval of `x1/n1 - x2/n2`: Wald's, with one unit of either kind added in each group.

    Returns:
        The bounds, cut at -1 and 1.

    Source: Agresti and Caffo (2000), American Statistician 54; compared with statsmodels 0.15.

    >>> tuple(round(bound, 4) for bound in agresti_caffo(9, 10, 3, 10))
    (0.16, 0.84)
    """
    p1, p2 = (x1 + 1) / (n1 + 2), (x2 + 1) / (n2 + 2)
    reach = _critical(level) * math.sqrt(p1 * (1 - p1) / (n1 + 2) + p2 * (1 - p2) / (n2 + 2))
    return max(p1 - p2 - reach, -1.0), min(p1 - p2 + reach, 1.0)
