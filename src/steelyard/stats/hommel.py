"""Several tests at once: Hommel's procedure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["hommel"]


def hommel(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted by Hommel's procedure, the closure of Simes's test: never above Hochberg's.

    Args:
        p_values: One or more, in any order.

    Returns:
        Adjusted p-values in the same order, at most 1.

    Assumes: Independence or positive dependence (Simes's inequality holds). No simultaneous intervals match; give
        Bonferroni's, and say that they may hold zero where this rejects.

    Source: Hommel (1988), Biometrika 75; Wright (1992), Biometrics 48, for the algorithm; R 4.2.2
        `p.adjust(method = "hommel")`.

    >>> [round(p, 9) for p in hommel([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    count = len(p_values)
    if count == 0:
        return ()
    order = np.argsort(p_values, kind="stable")
    p = np.asarray(p_values, dtype=np.float64)[order]
    adjusted = np.full(count, (count * p / np.arange(1, count + 1)).min())
    for size in range(count - 1, 1, -1):
        few, rest = slice(0, count - size + 1), slice(count - size + 1, count)
        simes = (size * p[rest] / np.arange(2, size + 1)).min()
        now = np.empty(count)
        now[few] = np.minimum(size * p[few], simes)
        now[rest] = now[count - size]
        adjusted = np.maximum(adjusted, now)
    found = np.empty(count)
    found[order] = np.minimum(np.maximum(adjusted, p), 1.0)
    return tuple(float(value) for value in found)
