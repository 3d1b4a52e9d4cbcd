"""Several tests at once: Holm's step-down."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted so that the chance of any false rejection stays at the level, whatever their dependence.

    Args:
        p_values: One or more, in any order.

    Returns:
        Adjusted p-values in the same order, at most 1.

    Source: Holm (1979), Scandinavian Journal of Statistics 6; R 4.2.2 `p.adjust(method = "holm")`.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min((len(order) - rank) * p_values[place], 1.0))
        adjusted[place] = highest
    return tuple(adjusted)
