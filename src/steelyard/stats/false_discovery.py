"""Many tests at once: adjusted so that the share of false ones among the rejected stays at the level."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steelyard.errors import DefinitionError

__all__ = ["benjamini_hochberg", "benjamini_yekutieli"]


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted by Benjamini and Hochberg's step-up: those at most `q` are rejected at a rate of `q`.

    Args:
        p_values: None, one or more, in any order.

    Returns:
        Adjusted p-values in the same order, at most 1.

    Raises:
        DefinitionError: One is no probability.

    Assumes: Independent tests, or tests that depend positively (a whole and its parts). Where every hypothesis is true
        the chance of any rejection is then at most `q`.

    Source: Benjamini and Hochberg (1995), JRSS B 57; R 4.2.2 `p.adjust(method = "BH")`, statsmodels `multipletests`.

    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5])
    (0.04, 0.05333333333333334, 0.05333333333333334, 0.5)
    """
    return _stepped_up(p_values, 1.0)


def benjamini_yekutieli(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted by Benjamini and Yekutieli: as `benjamini_hochberg`, whatever the dependence.

    Args:
        p_values: None, one or more, in any order.

    Returns:
        Adjusted p-values in the same order, at most 1: those of Benjamini and Hochberg times 1 + 1/2 + ... + 1/m.

    Raises:
        DefinitionError: One is no probability.

    Source: Benjamini and Yekutieli (2001), Annals of Statistics 29; R 4.2.2 `p.adjust(method = "BY")`.

    >>> [round(p, 6) for p in benjamini_yekutieli([0.01, 0.04, 0.03, 0.5])]
    [0.083333, 0.111111, 0.111111, 1.0]
    """
    return _stepped_up(p_values, math.fsum(1 / rank for rank in range(1, len(p_values) + 1)))


def _stepped_up(p_values: Sequence[float], factor: float) -> tuple[float, ...]:
    for p in p_values:
        if not 0 <= p <= 1:  # also a NaN
            raise DefinitionError(f"{p!r} is no p-value", hint="give numbers from 0 to 1")
    count = len(p_values)
    order = sorted(range(count), key=lambda place: p_values[place])
    adjusted = [1.0] * count
    least = 1.0
    for rank in range(count, 0, -1):
        place = order[rank - 1]
        least = min(least, factor * p_values[place] * count / rank)
        adjusted[place] = least
    return tuple(adjusted)
