"""Whether several groups have one and the same rate."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.errors import DefinitionError

__all__ = ["equal_rates"]


def equal_rates(counts: Sequence[int], totals: Sequence[int]) -> float:
    """The p-value of Pearson's chi-square test that all groups have the same rate, without continuity correction.

    Args:
        counts: Units of each group that have it.
        totals: All units of each group, one or more.

    Returns:
        The upper tail; 1 where all or none have it in every group.

    Raises:
        DefinitionError: There are fewer than two groups, or a count is not between 0 and its total.

    Assumes: Units are independent; five or more are expected of either kind in each group.

    Source: Pearson (1900); R 4.2.2 `prop.test(correct = FALSE)`: its documentation's smokers.

    >>> round(equal_rates([83, 90, 129, 70], [86, 93, 136, 82]), 6)
    0.005585
    """
    from scipy.special import chdtrc

    fits = all(0 <= count <= total and total > 0 for count, total in zip(counts, totals, strict=True))
    if len(totals) < 2 or not fits:
        raise DefinitionError(f"{list(counts)!r} of {list(totals)!r} are no rates", hint="give two groups or more")
    rate = sum(counts) / sum(totals)
    if rate in (0.0, 1.0):
        return 1.0
    statistic = sum((x - n * rate) ** 2 / (n * rate * (1 - rate)) for x, n in zip(counts, totals, strict=True))
    return float(chdtrc(len(totals) - 1, statistic))
