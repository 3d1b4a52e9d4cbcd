"""Several tests at once: Hochberg's step-up."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["hochberg"]


def hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted by Hochberg's step-up: never above Holm's.

    Args:
        p_values: One or more, in any order.

    Returns:
        Adjusted p-values in the same order, at most 1.

    Assumes: Independence or positive dependence (Simes's inequality holds). No simultaneous intervals match; give
        Bonferroni's, and say that they may hold zero where this rejects.

    Source: Hochberg (1988), Biometrika 75; R 4.2.2 `p.adjust(method = "hochberg")`.

    >>> hochberg([0.01, 0.04, 0.03])
    (0.03, 0.04, 0.04)
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda place: p_values[place], reverse=True)
    adjusted, least = [1.0] * count, 1.0
    for rank, place in enumerate(order, 1):
        least = min(least, rank * p_values[place])
        adjusted[place] = least
    return tuple(adjusted)
