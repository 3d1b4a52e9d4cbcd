"""How alike the rows of a cluster are, and how many more of them an experiment needs for it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from steelyard.errors import DataError, DefinitionError

__all__ = ["intraclass_correlation", "planned_design_effect"]

F64 = npt.NDArray[np.float64]


def intraclass_correlation(sizes: F64, sums: F64, squares: F64) -> float:
    """The share of a metric's variance that lies between clusters, from each cluster's count, sum and sum of squares.

    Args:
        sizes: Rows of each cluster, shape (G,).
        sums: Sums of the metric, shape (G,).
        squares: Sums of its squares, best about a constant near the mean, shape (G,).

    Returns:
        The analysis-of-variance estimate; it may be below 0 where rows of a cluster differ more than by chance. NaN
        where nothing varies.

    Raises:
        DataError: Fewer than two clusters, or one row in each.

    Source: Fisher (1925); Donner and Koval (1980), Biometrics 36 (unequal sizes).

    >>> round(intraclass_correlation(np.array([2.0, 2.0]), np.array([2.0, 6.0]), np.array([2.0, 18.0])), 6)
    1.0
    """
    clusters, rows = len(sizes), float(sizes.sum())
    if clusters < 2 or rows <= clusters:
        raise DataError(
            f"{clusters} clusters of {rows:.0f} rows do not tell how alike rows are",
            hint="two clusters, two rows in some",
        )
    mean = float(sums.sum()) / rows
    between = float((sizes * (sums / sizes - mean) ** 2).sum()) / (clusters - 1)
    within = max(float((squares - sums**2 / sizes).sum()), 0.0) / (rows - clusters)
    typical = (rows - float((sizes**2).sum()) / rows) / (clusters - 1)
    whole = between + (typical - 1) * within
    return (between - within) / whole if whole > 0 else math.nan


def planned_design_effect(mean_size: float, correlation: float, *, size_variation: float = 0.0) -> float:
    """How many times the rows of an experiment without clusters one with clusters needs.

    Args:
        mean_size: Mean rows of a cluster, 1 or more.
        correlation: Intraclass correlation, from 0 to 1.
        size_variation: Standard deviation of the clusters' sizes divided by their mean.

    Raises:
        DefinitionError: A number out of its range.

    Assumes: Rows count alike; with fewer than some 40 clusters, use also the t law with clusters minus 2 degrees of
        freedom.

    Source: Eldridge, Ashby and Kerry (2006), International Journal of Epidemiology 35.

    >>> planned_design_effect(20, 0.05, size_variation=0.5)
    2.2
    """
    if not (mean_size >= 1 and 0 <= correlation <= 1 and size_variation >= 0):
        raise DefinitionError(
            f"clusters of {mean_size!r} rows with correlation {correlation!r} and variation {size_variation!r}",
            hint="one row or more, a correlation from 0 to 1, a variation of 0 or more",
        )
    return 1 + ((1 + size_variation**2) * mean_size - 1) * correlation
