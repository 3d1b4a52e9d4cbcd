"""Which of many e-values speak, with the share of false ones held, whatever their dependence."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["e_benjamini_hochberg"]


def e_benjamini_hochberg(log_evidence: Sequence[float]) -> tuple[float, ...]:
    """For each e-value the least rate of false discoveries at which e-BH would reject.

    Args:
        log_evidence: Logarithms of the e-values, of any dependence.

    Returns:
        Adjusted values in the same order, at most 1; reject those at or below the rate wanted.

    Source: Wang and Ramdas (2022), False discovery rate control with e-values, JRSS B 84.

    >>> from math import log
    >>> [round(value, 9) for value in e_benjamini_hochberg([log(100), log(50), log(2)])]
    [0.03, 0.03, 0.5]
    """
    count = len(log_evidence)
    order = sorted(range(count), key=lambda place: log_evidence[place])
    adjusted = [1.0] * count
    least = 1.0
    for below, place in enumerate(order):
        rank = count - below
        least = min(least, math.exp(min(math.log(count / rank) - log_evidence[place], 0.0)))
        adjusted[place] = least
    return tuple(adjusted)
