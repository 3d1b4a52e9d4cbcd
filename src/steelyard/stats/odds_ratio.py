"""The odds ratio of two groups, with Woolf's interval."""

from __future__ import annotations

import math

from steelyard.stats.interval import Interval

__all__ = ["odds_ratio"]


def odds_ratio(x1: float, n1: int, x2: float, n2: int, level: float = 0.95) -> Interval:
    """The odds of group 1 over those of group 2, with the interval of the log scale.

    Where one of the four counts is 0, a half is added to all of them (Haldane and Anscombe), and the value says so by
    being finite; nothing is added otherwise.

    Args:
        x1: Units of group 1 that have it.
        n1: Units of group 1, one or more.
        x2: Units of group 2 that have it.
        n2: Units of group 2, one or more.
        level: Confidence level.

    Source: Woolf (1955); Haldane (1956); compared with statsmodels 0.15 (logit method).

    >>> found = odds_ratio(6, 7, 2, 7)
    >>> round(found.value, 4), round(found.low, 4), round(found.high, 2)
    (15.0, 1.0307, 218.3)
    """
    from scipy.special import ndtr, ndtri

    cells = [x1, n1 - x1, x2, n2 - x2]
    if min(cells) == 0:
        cells = [cell + 0.5 for cell in cells]
    a, b, c, d = cells
    log_odds, error = math.log(a * d / (b * c)), math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    reach = float(ndtri((1 + level) / 2)) * error
    return Interval(
        value=math.exp(log_odds),
        std_error=math.exp(log_odds) * error,
        low=math.exp(log_odds - reach),
        high=math.exp(log_odds + reach),
        level=level,
        p_value=2 * float(ndtr(-abs(log_odds / error))),
        df=math.inf,
    )
