"""Two shares compared, with the interval and the test that suit how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from steelyard.stats.exact_tests import boschloo, fisher
from steelyard.stats.proportions import newcombe, pooled_z
from steelyard.stats.score_interval import score_difference

__all__ = ["ENOUGH", "EXACT_UNITS", "ShareComparison", "share_comparison"]

ENOUGH = 5.0
EXACT_UNITS = 10_000  # n1 * n2: an exact test takes up to about a tenth of a second


@dataclass(frozen=True, kw_only=True)
class ShareComparison:
    """The difference of two shares.

    Args:
        value: Share of group 1 minus share of group 2.
        low: Lower bound.
        high: Upper bound.
        level: Confidence level.
        p_value: Two-sided, of equal shares.
        interval: How the bounds were made.
        test: How the p-value was made.
        least_expected: The smallest of the four expected counts if the shares are equal: what the choice went by.
    """

    value: float
    low: float
    high: float
    level: float
    p_value: float
    interval: Literal["newcombe", "miettinen_nurminen"]
    test: Literal["pooled_z", "boschloo", "fisher_mid_p"]
    least_expected: float


def share_comparison(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> ShareComparison:
    """The difference of two shares, by a rule that looks at the margins alone and never at the difference.

    - All four expected counts are 5 or more: Newcombe's interval and the pooled z test.
    - Some are not, and n1 * n2 is at most 10,000: Miettinen and Nurminen's interval and Boschloo's exact test.
    - Some are not, and it is more: Miettinen and Nurminen's interval and Fisher's mid-p.

    Args:
        x1: Units of group 1 that have it.
        n1: Units of group 1, one or more.
        x2: Units of group 2 that have it.
        n2: Units of group 2, one or more.
        level: Confidence level.

    Assumes: Units are independent.

    Source: Cochran (1954), Biometrics 10, for the 5; Newcombe (1998) and Fagerland, Lydersen and Laake (2015),
        Statistical Methods in Medical Research 24, for what to use below it.

    >>> share_comparison(3, 4, 1, 4).test, share_comparison(300, 400, 280, 400).test
    ('boschloo', 'pooled_z')
    """
    have, units = x1 + x2, n1 + n2
    least = min(have, units - have) * min(n1, n2) / units
    enough = least >= ENOUGH
    few = n1 * n2 <= EXACT_UNITS
    low, high = newcombe(x1, n1, x2, n2, level) if enough else score_difference(x1, n1, x2, n2, level)
    if enough:
        p_value = pooled_z(x1, n1, x2, n2)[1]
    else:
        p_value = boschloo(x1, n1, x2, n2) if few else fisher(x1, n1, x2, n2, mid_p=True)
    return ShareComparison(
        value=x1 / n1 - x2 / n2,
        low=low,
        high=high,
        level=level,
        p_value=p_value,
        interval="newcombe" if enough else "miettinen_nurminen",
        test="pooled_z" if enough else "boschloo" if few else "fisher_mid_p",
        least_expected=least,
    )
