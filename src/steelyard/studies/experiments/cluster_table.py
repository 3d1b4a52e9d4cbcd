"""How many clusters there are by arm, how large and how alike within: what the next plan needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from steelyard.stats.cluster_moments import ClusterMoments
from steelyard.stats.intraclass import planned_design_effect
from steelyard.studies.experiments.cluster_sums import unit_variance
from steelyard.studies.experiments.columns import above
from steelyard.studies.experiments.evidence import Evidence

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["clusters_table", "correlation_within"]


def correlation_within(found: ClusterMoments, column: str) -> float:
    """The intraclass correlation of a column, by analysis of variance; NaN where nothing tells it.

    Source: As `intraclass_correlation`, to which this is equal: it needs totals by size and the sum of squares.
    """
    sizes, clusters = found.sizes
    units, rows = float(clusters @ sizes), float(clusters.sum())
    spread = unit_variance(found, column) * (units - 1)
    if rows < 2 or units <= rows or not math.isfinite(spread):
        return math.nan
    at, mean = found.place(column), found.offset_of(column)
    between = 0.0
    for size, group in found.by_size.items():
        total = float(group.origin[at] + group.offset[at])
        between += (float(group.cross[at, at]) + group.rows * (total - size * mean) ** 2) / size
    within = max(spread - between, 0.0) / (units - rows)
    between /= rows - 1
    typical = (units - float(clusters @ sizes**2) / units) / (rows - 1)
    whole = between + (typical - 1) * within
    return (between - within) / whole if whole > 0 else math.nan


def clusters_table(study: Experiment, evidence: Evidence) -> dict[str, pa.Table]:
    """Clusters, their size and how alike their units are, by arm and metric; nothing where there are none.

    `design_effect` is how many times the variance of independent units clusters of such sizes and likeness have; of a
    ratio it is not stated.
    """
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for arm in (study.control, *study.treated):
        found = evidence.arms.get(arm)
        if not isinstance(found, ClusterMoments):
            continue
        for use in map(evidence.resolved, study.uses):
            alike = math.nan if use.kind == "ratio" else correlation_within(found, above(use.metric))
            effect = planned_design_effect(
                max(found.mean_size, 1.0), min(max(alike, 0.0), 1.0), size_variation=found.size_variation
            ) if math.isfinite(alike) else None  # fmt: skip
            rows.append(
                {
                    "arm": arm, "clusters": found.rows, "units": found.units, "mean_size": found.mean_size,
                    "size_variation": found.size_variation, "metric": use.metric,
                    "icc": alike if math.isfinite(alike) else None, "design_effect": effect,
                }
            )  # fmt: skip
    if not rows:
        return {}
    kinds: dict[str, pa.DataType] = {"arm": pa.string(), "clusters": pa.int64(), "units": pa.int64()}
    kinds |= {"mean_size": pa.float64(), "size_variation": pa.float64(), "metric": pa.string()}
    kinds |= {"icc": pa.float64(), "design_effect": pa.float64()}
    return {"clusters": pa.Table.from_pylist(rows, schema=pa.schema(kinds))}
