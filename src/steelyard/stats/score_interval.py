"""Score tests and intervals of two shares: the error is that of the shares which the tested value allows."""

from __future__ import annotations

import math
from collections.abc import Callable

from steelyard.errors import DefinitionError

__all__ = ["restricted_shares", "score_difference", "score_ratio", "score_test"]

EDGE = 1e-12


def restricted_shares(x1: float, n1: float, x2: float, n2: float, difference: float) -> tuple[float, float]:
    """The most likely shares of two groups among those that differ by `difference`.

    Source: Farrington and Manning (1990), Statistics in Medicine 9, closed form of the cubic; rpact 3.3.4.

    >>> tuple(round(share, 6) for share in restricted_shares(15, 50, 18, 50, -0.1))
    (0.281538, 0.381538)
    """
    theta, p1, p2, d = n2 / n1, x1 / n1, x2 / n2, difference
    lead = 1 + theta
    b = -(1 + theta + p1 + theta * p2 + d * (theta + 2))
    c = d * d + d * (2 * p1 + theta + 1) + p1 + theta * p2
    free = -p1 * d * (1 + d)
    third = b / (3 * lead)
    v = third**3 - b * c / (6 * lead * lead) + free / (2 * lead)
    u = math.copysign(math.sqrt(max(third**2 - c / (3 * lead), 0.0)), v)
    cosine = v / u**3 if u else 0.0
    angle = (math.pi + math.acos(min(1.0, max(-1.0, cosine)))) / 3
    share = 2 * u * math.cos(angle) - third
    share = min(max(share, d, 0.0), 1.0, 1.0 + d)
    return share, share - d


def score_test(
    x1: float, n1: int, x2: float, n2: int, difference: float = 0.0, *, corrected: bool = False
) -> tuple[float, float]:
    """The score statistic of `x1/n1 - x2/n2` against a difference, and its one-sided p-value.

    With minus a margin as the difference it is the test of non-inferiority of group 1.

    Args:
        x1: Units of group 1 that have it.
        n1: Units of group 1.
        x2: Units of group 2 that have it.
        n2: Units of group 2.
        difference: What is tested, above -1 and below 1.
        corrected: Whether the variance is multiplied by N / (N - 1), as Miettinen and Nurminen do and Mee, Farrington
            and Manning do not.

    Returns:
        z, and the chance of one at least as large if the difference is true.

    Raises:
        DefinitionError: A difference that no two shares have.

    Source: Farrington and Manning (1990); Miettinen and Nurminen (1985), Statistics in Medicine 4. statsmodels 0.15 has
        another value for a difference other than 0, which is a defect.

    >>> z, p = score_test(45, 50, 46, 50, -0.1)
    >>> round(z, 4), round(p, 4)
    (1.3118, 0.0948)
    """
    from scipy.special import ndtr

    if not -1 < difference < 1:
        raise DefinitionError(f"a difference of shares of {difference!r} cannot be tested", hint="between -1 and 1")
    z = _statistic(x1, n1, x2, n2, difference, corrected=corrected)
    return z, float(ndtr(-z))


def _statistic(x1: float, n1: int, x2: float, n2: int, difference: float, *, corrected: bool) -> float:
    p1, p2 = restricted_shares(x1, n1, x2, n2, difference)
    variance = p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2
    if corrected:
        variance *= (n1 + n2) / (n1 + n2 - 1)
    gap = x1 / n1 - x2 / n2 - difference
    if variance <= 0:
        return 0.0 if gap == 0 else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def score_difference(
    x1: float,
    n1: int,
    x2: float,
    n2: int,
    level: float = 0.95,
    *,
    corrected: bool = True,
    critical: float | None = None,
) -> tuple[float, float]:
    """The score interval of `x1/n1 - x2/n2`.

    Args:
        x1: Units of group 1 that have it.
        n1: Units of group 1.
        x2: Units of group 2 that have it.
        n2: Units of group 2.
        level: Confidence level.
        corrected: Miettinen and Nurminen's, with the factor N / (N - 1); without it Mee's.
        critical: z to use in place of the level's, for instance of a group-sequential look.

    Source: Miettinen and Nurminen (1985); Mee (1984); Newcombe (1998), Statistics in Medicine 17:873, methods 5 and 6.

    >>> tuple(round(bound, 4) for bound in score_difference(6, 7, 2, 7))
    (0.0342, 0.8534)
    """
    z = _critical(level) if critical is None else critical
    seen = x1 / n1 - x2 / n2

    def excess(difference: float) -> float:
        return _statistic(x1, n1, x2, n2, difference, corrected=corrected)

    low = _cross(lambda d: excess(d) - z, -1 + EDGE, seen)
    high = _cross(lambda d: excess(d) + z, seen, 1 - EDGE)
    return (-1.0 if low is None else low), (1.0 if high is None else high)


def _critical(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def _cross(falls: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a falling function is zero; None where it is not between the two."""
    from scipy.optimize import brentq

    if low >= high or falls(low) <= 0 or falls(high) >= 0:
        return None
    return float(brentq(lambda d: max(min(falls(d), 1e6), -1e6), low, high, xtol=1e-14, rtol=1e-13))


def score_ratio(
    x1: float, n1: int, x2: float, n2: int, level: float = 0.95, *, corrected: bool = True
) -> tuple[float, float]:
    """The score interval of the ratio of shares `(x1/n1) / (x2/n2)`, also where a count is 0.

    Args:
        x1: Units of group 1 that have it.
        n1: Units of group 1.
        x2: Units of group 2 that have it.
        n2: Units of group 2.
        level: Confidence level.
        corrected: With the factor N / (N - 1) (Miettinen and Nurminen), or without (Koopman).

    Returns:
        The bounds; from 0 where group 1 has none, to infinity where group 2 has none.

    Source: Koopman (1984), Biometrics 40; Miettinen and Nurminen (1985); compared with statsmodels 0.15.

    >>> tuple(round(bound, 3) for bound in score_ratio(6, 7, 2, 7))
    (1.064, 11.148)
    """
    z = _critical(level)

    def excess(log_ratio: float) -> float:
        return _ratio_statistic(x1, n1, x2, n2, math.exp(log_ratio), corrected=corrected)

    seen = math.log(x1 / n1) - math.log(x2 / n2) if x1 > 0 and x2 > 0 else None
    low = None if x1 == 0 else _cross(lambda r: excess(r) - z, -60.0, 60.0 if seen is None else seen)
    high = None if x2 == 0 else _cross(lambda r: excess(r) + z, -60.0 if seen is None else seen, 60.0)
    return (0.0 if low is None else math.exp(low)), (math.inf if high is None else math.exp(high))


def _ratio_statistic(x1: float, n1: int, x2: float, n2: int, ratio: float, *, corrected: bool) -> float:
    a = (n1 + n2) * ratio
    b = -(n1 * ratio + x1 + n2 + x2 * ratio)
    # The smaller root, in the form that does not cancel where the ratio is tiny.
    p2 = 2 * (x1 + x2) / (-b + math.sqrt(max(b * b - 4 * a * (x1 + x2), 0.0)))
    p1 = min(p2 * ratio, 1.0)
    variance = p1 * (1 - p1) / n1 + ratio * ratio * p2 * (1 - p2) / n2
    if corrected:
        variance *= (n1 + n2) / (n1 + n2 - 1)
    gap = x1 / n1 - ratio * x2 / n2
    if variance <= 0:
        return 0.0 if gap == 0 else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)
