"""One share and the difference of two, exact enough where counts are small."""

from __future__ import annotations

import math

from steelyard.stats.interval import Interval

__all__ = ["newcombe", "pooled_z", "share_ratio", "wilson"]


def _critical(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def wilson(count: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of one share, without continuity correction.

    Args:
        count: Units that have it, from 0 to n.
        n: Units, one or more.
        level: Confidence level.

    Source: Wilson (1927), JASA 22; Newcombe (1998), Statistics in Medicine 17:857, method 3; R 4.2.2 `prop.test`.

    >>> tuple(round(bound, 4) for bound in wilson(81, 263))
    (0.2553, 0.3662)
    """
    z = _critical(level)
    centre = count + z * z / 2
    reach = z * math.sqrt(max(count * (n - count) / n, 0.0) + z * z / 4)
    low = 0.0 if count == 0 else (centre - reach) / (n + z * z)
    high = 1.0 if count == n else (centre + reach) / (n + z * z)
    return low, high


def newcombe(x1: float, n1: int, x2: float, n2: int, level: float = 0.95) -> tuple[float, float]:
    """Newcombe's hybrid score interval of `x1/n1 - x2/n2`: the squares of Wilson's distances added.

    Source: Newcombe (1998), Statistics in Medicine 17:873, method 10; compared with statsmodels 0.15 and the table.

    >>> tuple(round(bound, 4) for bound in newcombe(9, 10, 3, 10))
    (0.1705, 0.809)
    """
    p1, p2 = x1 / n1, x2 / n2
    low1, high1 = wilson(x1, n1, level)
    low2, high2 = wilson(x2, n2, level)
    low = p1 - p2 - math.hypot(p1 - low1, high2 - p2)
    high = p1 - p2 + math.hypot(high1 - p1, p2 - low2)
    return max(low, -1.0), min(high, 1.0)


def pooled_z(x1: float, n1: int, x2: float, n2: int) -> tuple[float, float]:
    """The z statistic of two equal shares with the pooled error, and its two-sided p-value.

    Returns:
        z and p; (0, 1) where all or none have it in both groups, so that nothing speaks against equal shares.

    Source: R 4.2.2 `prop.test(correct = FALSE)`, whose statistic is z squared.

    >>> z, p = pooled_z(15, 50, 25, 50)
    >>> round(z, 4), round(p, 4)
    (-2.0412, 0.0412)
    """
    from scipy.special import ndtr

    pooled = (x1 + x2) / (n1 + n2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2)) if 0 < pooled < 1 else 0.0
    z = (x1 / n1 - x2 / n2) / error if error else 0.0
    return z, 2 * float(ndtr(-abs(z)))


def share_ratio(x1: float, n1: int, x2: float, n2: int, level: float = 0.95) -> Interval | None:
    """The relative difference `p1 / p2 - 1` with the log interval (Katz), and the pooled z's p-value.

    Returns:
        None where a count is 0: the log scale has no place for it.

    Source: Katz, Baptista, Azen and Pike (1978), Biometrics 34; compared with statsmodels 0.15 (log method).

    >>> lift = share_ratio(6, 7, 2, 7)
    >>> round(lift.value, 4), round(lift.low, 4), round(lift.high, 4)
    (2.0, -0.1052, 9.0576)
    """
    if x1 <= 0 or x2 <= 0:
        return None
    ratio = (x1 / n1) / (x2 / n2)
    log_error = math.sqrt(max(1 / x1 - 1 / n1, 0.0) + max(1 / x2 - 1 / n2, 0.0))
    reach = math.exp(_critical(level) * log_error)
    return Interval(
        value=ratio - 1,
        std_error=ratio * log_error,
        low=ratio / reach - 1,
        high=ratio * reach - 1,
        level=level,
        p_value=pooled_z(x1, n1, x2, n2)[1],
        df=math.inf,
    )
