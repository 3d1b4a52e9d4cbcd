"""Clusters of the time before a study: how many and how alike, for its plan, and buckets of them for replays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from steelyard.stats.cluster_moments import ClusterMoments
from steelyard.studies.experiments.adjusting import correlation_with, covariates_of, linear_of
from steelyard.studies.experiments.cluster_sums import CLUSTER, SIZE, unit_variance
from steelyard.studies.experiments.cluster_table import correlation_within
from steelyard.studies.experiments.columns import above
from steelyard.studies.experiments.metric_use import Baseline, MetricUse
from steelyard.studies.experiments.replay_buckets import Buckets
from steelyard.warehouse.moments import MOST_GROUPS
from steelyard.warehouse.query import Query, Value

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ClusterBuckets", "cluster_baseline", "places_for", "sizes_query"]

F64 = npt.NDArray[np.float64]


def sizes_query(relation: str, where: str | None, parameters: Mapping[str, Value]) -> Query:
    """How many sizes of clusters there are: with the buckets of a replay they are what comes back."""
    condition = f" WHERE {where}" if where else ""
    inner = f"SELECT {CLUSTER}, count(*) AS size FROM {relation} AS units{condition} GROUP BY {CLUSTER}"
    return Query(
        sql=f"SELECT count(DISTINCT size) AS sizes\nFROM ({inner}) AS by_cluster",
        parameters=parameters,
        limit=1,
        says="how many sizes of clusters there are",
    )


def places_for(table: pa.Table, most: int) -> int:
    """Buckets for a replay of clusters: as many as for units, or as come back with every size of cluster.

    Args:
        table: What `sizes_query` fetched.
        most: Buckets for a replay of units.
    """
    (row,) = table.to_pylist()
    return max(2, min(most, MOST_GROUPS // max(int(row["sizes"]), 1)))


def cluster_baseline(use: MetricUse, found: ClusterMoments) -> Baseline | None:
    """What a plan starts from; None where nothing varies or is known.

    Of a ratio the design effect is in `std_dev` already, and `icc` is 0: it has no variance over units.

    Args:
        use: The metric, with its kind.
        found: Its clusters before the study.
    """
    value = linear_of(use, found)
    if not value.sample().usable or value.variance == 0:
        return None
    alike = math.nan if use.kind == "ratio" else correlation_within(found, above(use.metric))
    deviation = unit_variance(found, above(use.metric)) if math.isfinite(alike) else value.variance * found.mean_size
    return Baseline(
        level=value.sample().level,
        std_dev=math.sqrt(deviation),
        correlation=correlation_with(value, covariates_of(use.metric, found)),
        units=found.units if found.units >= 4 else None,
        cluster_size=found.mean_size,
        icc=min(max(alike, 0.0), 1.0) if math.isfinite(alike) else 0.0,
        cluster_variation=found.size_variation,
    )


@dataclass(frozen=True, kw_only=True)
class ClusterBuckets:
    """Buckets of clusters, by size, out of which any split of the buckets has its moments at once.

    Args:
        places: How many buckets there are.
        by_size: Units of a cluster -> the sums of its buckets, and the place of each.
        origin: What units' values were measured from, by column.
    """

    places: int
    by_size: Mapping[int, tuple[Buckets, npt.NDArray[np.intp]]]
    origin: F64

    @classmethod
    def of(cls, table: pa.Table, place: str, shifts: Mapping[str, float]) -> ClusterBuckets:
        """From what `cluster_moments` fetched, by bucket where the column `place` is there."""
        import pyarrow.compute as pc

        numbers = np.zeros(table.num_rows, dtype=np.int64)
        if place in table.column_names:
            numbers = table.column(place).to_numpy(zero_copy_only=False).astype(np.int64)
        known, at = np.unique(numbers, return_inverse=True)
        sizes = table.column(SIZE).to_numpy(zero_copy_only=False)
        by_size = {
            int(size): (Buckets.of(table.filter(pc.field(SIZE) == int(size))), at[sizes == size])
            for size in np.unique(sizes)
        }
        names = next(iter(by_size.values()))[0].names
        return cls(places=len(known), by_size=by_size, origin=np.array([shifts.get(name, 0.0) for name in names]))

    @property
    def units(self) -> int:
        """All units."""
        return sum(size * buckets.units for size, (buckets, _) in self.by_size.items())

    @property
    def clusters(self) -> int:
        """All clusters."""
        return sum(buckets.units for buckets, _ in self.by_size.values())

    def whole(self) -> ClusterMoments | None:
        """The moments of all clusters."""
        return self.split(np.ones((1, self.places)))[0]

    def split(self, taken: npt.ArrayLike) -> list[ClusterMoments | None]:
        """The moments of several choices of buckets, shape (choices, places): 1 for one that is in; None of nobody."""
        masks = np.asarray(taken, dtype=np.float64)
        by_size = {size: buckets.split(masks[:, at]) for size, (buckets, at) in self.by_size.items()}
        found: list[ClusterMoments | None] = []
        for choice in range(len(masks)):
            there = {size: groups[choice] for size, groups in by_size.items() if groups[choice].rows}
            found.append(ClusterMoments.of_sizes(there, self.origin) if there else None)
        return found
