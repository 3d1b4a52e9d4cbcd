"""Several tests at once: Sidak's rule, whose intervals match."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["sidak", "sidak_level"]


def sidak(p_values: Sequence[float]) -> tuple[float, ...]:
    """The chance that the least of so many independent p-values is as low: a little below Bonferroni's.

    Assumes: Independent tests; or two-sided ones of estimates that are jointly normal, as those of large samples are,
        however they are correlated (Sidak's inequality). For other dependence give Bonferroni's.

    Source: Sidak (1967), JASA 62, theorem 1; statsmodels 0.15 `multipletests(method="sidak")`.

    >>> [round(p, 6) for p in sidak([0.01, 0.04, 0.5])]
    [0.029701, 0.115264, 0.875]
    """
    count = len(p_values)
    return tuple(-math.expm1(count * math.log1p(-p)) if p < 1 else 1.0 for p in p_values)


def sidak_level(level: float, count: int) -> float:
    """The level of each of `count` intervals that together hold with `level`, under the same assumption.

    >>> round(sidak_level(0.95, 5), 6)
    0.989794
    """
    return float(level ** (1 / max(count, 1)))
