"""Whether units fell into the arms as the split promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import DefinitionError

__all__ = ["SampleRatio", "sample_ratio"]


@dataclass(frozen=True, kw_only=True)
class SampleRatio:
    """The chi-square test of counts against a split.

    Args:
        statistic: Chi-square; 0 where nothing was counted.
        df: Degrees of freedom.
        p_value: Its upper tail.
        expected: Expected counts, in the order given.
    """

    statistic: float
    df: int
    p_value: float
    expected: tuple[float, ...]


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> SampleRatio:
    """Pearson's chi-square of the counts against the split.

    Args:
        counts: Units by arm.
        shares: What each arm was promised; any positive weights. An arm with weight 0 has no place here.

    Raises:
        DefinitionError: A share is not positive, or there are fewer than two.

    Source: Fabijan et al. (2019), Diagnosing sample ratio mismatch, KDD; R 4.2.2 `chisq.test(p = )`.

    >>> round(sample_ratio([821588, 815482], [0.5, 0.5]).p_value, 10)
    1.8218e-06
    """
    from scipy.special import chdtrc

    if len(shares) < 2 or min(shares) <= 0:
        raise DefinitionError(f"shares {list(shares)!r} split nothing", hint="give two or more positive shares")
    total, whole = sum(counts), sum(shares)
    expected = tuple(total * share / whole for share in shares)
    statistic = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True)) if total else 0.0
    df = len(shares) - 1
    return SampleRatio(statistic=statistic, df=df, p_value=float(chdtrc(df, statistic)), expected=expected)
