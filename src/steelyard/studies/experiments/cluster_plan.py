"""What a plan says of clusters: how many, how large, how alike, and whether they are enough for its laws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from steelyard.stats.intraclass import planned_design_effect
from steelyard.studies.experiments.metric_use import Baseline

if TYPE_CHECKING:
    from steelyard.studies.experiments.design import Design

__all__ = ["clusters_needed", "clusters_planned", "few_clusters"]

FEW = 30
"""Clusters in an arm below which an analysis doubts its intervals, and the t law makes them wider than planned."""


def clusters_planned(known: Baseline) -> dict[str, float]:
    """How large and how alike clusters are taken to be; nothing where units are randomised one by one.

    >>> clusters_planned(Baseline(level=1.0, cluster_size=20.0, icc=0.05))["design effect"]
    1.95
    """
    if known.cluster_size == 1:
        return {}
    effect = planned_design_effect(known.cluster_size, known.icc, size_variation=known.cluster_variation)
    return {
        "units of a cluster": float(f"{known.cluster_size:.6g}"),
        "variation of their number": float(f"{known.cluster_variation:.6g}"),
        "correlation within clusters": float(f"{known.icc:.6g}"),
        "design effect": float(f"{effect:.6g}"),
    }


def clusters_needed(known: Baseline, units: Mapping[str, int]) -> dict[str, int]:
    """Clusters of each arm that have so many units.

    >>> clusters_needed(Baseline(level=1.0, cluster_size=20.0, icc=0.05), {"control": 1_001})
    {'clusters needed in control': 51}
    """
    if known.cluster_size == 1:
        return {}
    return {f"clusters needed in {arm}": math.ceil(n / known.cluster_size) for arm, n in units.items()}


def few_clusters(design: Design) -> list[str]:
    """A doubt where the plan takes so few clusters that its laws, which are those of many, are too hopeful."""
    point, study = design.primary, design.study
    said = []
    if study.cluster and point.use.baseline is not None and point.baseline.cluster_size == 1:
        said.append(
            f"{study.cluster!r} is randomised, and the baseline says nothing of it: give `cluster_size:` and `icc:`, "
            "or the units planned are those of independent units."
        )
    if point.baseline.cluster_size == 1 or point.use.expected_effect is None:
        return said
    units = design.by_arm(design.control_units(point.use.expected_effect))
    fewest = min(clusters_needed(point.baseline, units).values())
    if fewest < FEW:
        said.append(
            f"{fewest} clusters in an arm are few: their intervals are wider than planned for, by the t law of so few. "
            f"Plan for {FEW} or more."
        )
    return said
