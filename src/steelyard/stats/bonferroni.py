"""Several tests at once: Bonferroni's rule, whose intervals match."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["bonferroni", "bonferroni_level"]


def bonferroni(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values times their number, at most 1: no false rejection at the level, whatever their dependence.

    Source: Dunn (1961), JASA 56; R 4.2.2 `p.adjust(method = "bonferroni")`.

    >>> bonferroni([0.01, 0.04, 0.5])
    (0.03, 0.12, 1.0)
    """
    return tuple(min(len(p_values) * p_value, 1.0) for p_value in p_values)


def bonferroni_level(level: float, count: int) -> float:
    """The level of each of `count` intervals that together hold with `level`.

    >>> round(bonferroni_level(0.95, 5), 9)
    0.99
    """
    return 1 - (1 - level) / max(count, 1)
