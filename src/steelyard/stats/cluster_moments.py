"""Moments of units that were randomised in clusters: their means, and errors that allow for any dependence within."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.errors import DataError
from steelyard.stats.moments import EPS, Moments, flatten_rounding, off_zero

__all__ = ["ClusterMoments", "bell_mccaffrey"]

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ClusterMoments(Moments):
    """Means over units, with the covariances that make `covariance / rows` a cluster-robust squared error.

    `rows` are clusters and means are those of all units, so that a linear form of means, such as a ratio or what CUPED
    leaves, has its error as it has with independent units. That error is CR2's of an arm's mean: the residual
    total of a cluster with M of the arm's N units counts 1 / (1 - M / N) times. Since clusters of one size have one
    weight, moments of the totals by size are all that it takes.

    Args:
        by_size: Units of a cluster -> moments of the totals of the clusters that have so many, one row a cluster; the
            totals are of values measured from `origin`.

    Assumes: Clusters are independent, and they are what was randomised.

    Source: Bell and McCaffrey (2002), Survey Methodology 28; with clusters of one unit, `Moments` themselves.

    >>> found = ClusterMoments.of_sizes({2: Moments.of_rows({"x": [2.0, 4.0, 6.0]})}, np.zeros(1))
    >>> found.mean("x"), round((found.variance("x") / found.rows) ** 0.5, 6), found.units
    (2.0, 0.57735, 6)
    """

    by_size: Mapping[int, Moments]

    @classmethod
    def of_sizes(cls, by_size: Mapping[int, Moments], origin: F64) -> ClusterMoments:
        """The moments of the clusters of every size together.

        Args:
            by_size: Units of a cluster -> moments of totals, as above; one size at least.
            origin: What each unit's values were measured from before they were added up, by column.
        """
        sizes = np.array(sorted(by_size), dtype=np.float64)
        groups = [by_size[int(size)] for size in sizes]
        clusters = np.array([group.rows for group in groups], dtype=np.float64)
        totals = np.array([group.origin + group.offset for group in groups])
        units = float(clusters @ sizes)
        offset = off_zero(origin, clusters @ totals / units, int(units))
        return cls(
            names=groups[0].names,
            rows=int(clusters.sum()),
            counts=tuple(int(n) for n in np.sum([group.counts for group in groups], axis=0)),
            origin=np.asarray(origin, dtype=np.float64),
            offset=offset,
            cross=_cross(sizes, clusters, totals, np.array([group.cross for group in groups]), offset),
            by_size={int(size): group for size, group in zip(sizes, groups, strict=True)},
        )

    @property
    def units(self) -> int:
        """Units of all clusters."""
        return sum(size * group.rows for size, group in self.by_size.items())

    @property
    def sizes(self) -> tuple[F64, F64]:
        """Units of a cluster, rising, and how many clusters have so many."""
        counts = [self.by_size[size].rows for size in sorted(self.by_size)]
        return np.array(sorted(self.by_size), dtype=np.float64), np.array(counts, dtype=np.float64)

    @property
    def mean_size(self) -> float:
        """Units of a cluster, on average."""
        return self.units / self.rows

    @property
    def size_variation(self) -> float:
        """Standard deviation of the clusters' sizes divided by their mean."""
        sizes, clusters = self.sizes
        return math.sqrt(float(clusters @ (sizes - self.mean_size) ** 2) / self.rows) / self.mean_size

    def as_units(self) -> Moments | None:
        """The moments of independent units, where every cluster is one unit; else None."""
        if set(self.by_size) != {1}:
            return None
        alone = self.by_size[1]
        return Moments(
            names=self.names, rows=self.rows, counts=self.counts, origin=self.origin,
            offset=alone.origin + alone.offset, cross=alone.cross,
        )  # fmt: skip

    def merge(self, other: Moments) -> ClusterMoments:
        """The moments of the clusters of both groups together; no cluster is in both.

        Raises:
            DataError: They are of other columns, are measured from another origin, or the others are not clusters.
        """
        if not isinstance(other, ClusterMoments) or not np.array_equal(self.origin, other.origin):
            raise DataError("moments of other clusters or another origin cannot be merged", where="moments")
        both = dict(self.by_size)
        for size, group in other.by_size.items():
            both[size] = both[size].merge(group) if size in both else group
        return ClusterMoments.of_sizes(both, self.origin)


def _cross(sizes: F64, clusters: F64, totals: F64, within: F64, offset: F64) -> F64:
    """Rows minus one times the covariances, from each size's clusters, mean totals and their spread."""
    units, rows = float(clusters @ sizes), float(clusters.sum())
    share = sizes / units
    # A cluster that is the whole arm tells nothing of it: it is left out, as peers do.
    weights = np.where(share < 1, 1 / np.where(share < 1, 1 - share, 1.0), 0.0)
    expected = np.outer(sizes, offset)
    residual = totals - expected
    reach = EPS * rows * np.maximum(np.abs(totals), np.abs(expected))
    residual = np.where(np.abs(residual) <= reach, 0.0, residual)
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.einsum("c,cij->ij", weights, within)
        found += np.einsum("c,ci,cj->ij", weights * clusters, residual, residual)
    squares = np.einsum("c,cii->i", weights, within) + (weights * clusters) @ totals**2
    flatten_rounding(found, squares, int(rows))
    return np.asarray(found * (rows - 1) / rows / (units / rows) ** 2, dtype=np.float64)


def bell_mccaffrey(arms: Sequence[tuple[ClusterMoments, float]]) -> float:
    """Degrees of freedom of a weighted sum of arms' means under CR2.

    Args:
        arms: Each arm's clusters and the weight of its mean.

    Assumes: Satterthwaite's approximation with independent, equally variable units as the working model. Where units
        are alike within clusters of unlike sizes, the true ones are fewer: with a correlation of 0.1, 20 clusters
        beside 380 have 12 and not 16, and A/A tests at 5 % reject 5.8 %.

    Source: Bell and McCaffrey (2002); Imbens and Kolesár (2016), Review of Economics and Statistics 98; compared with
        `cluster_robust`, and through it with R's estimatr 1.0.0 and clubSandwich 0.5.8.

    >>> arm = ClusterMoments.of_sizes({3: Moments.of_rows({"x": [2.0, 4.0, 6.0, 5.0]})}, np.zeros(1))
    >>> round(bell_mccaffrey(((arm, 1.0), (arm, -1.0))), 9)
    6.0
    """
    whole = squares = 0.0
    for moments, weight in arms:
        sizes, clusters = moments.sizes
        units = float(clusters @ sizes)
        own = weight**2 * sizes / units**2
        share = sizes / units
        leverage = np.where(share < 1, 1 / np.where(share < 1, 1 - share, 1.0), 0.0)
        shared = leverage * share**2 * weight**2 / units
        whole += float(clusters @ own)
        squares += float(clusters @ own**2) + float(clusters @ shared) ** 2 - float(clusters @ shared**2)
    return whole**2 / squares
