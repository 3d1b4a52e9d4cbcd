"""Degrees of freedom of a difference of means, of units or of clusters of units."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.stats.cluster_moments import ClusterMoments, bell_mccaffrey
from steelyard.stats.moments import Moments

__all__ = ["freedom", "strata_of_units_or_clusters", "units_or_clusters"]


def units_or_clusters(treated: Moments, control: Moments) -> tuple[Moments, Moments]:
    """Both arms' moments; where each cluster is one unit they are units, and taken as such."""
    if isinstance(treated, ClusterMoments) and isinstance(control, ClusterMoments):
        alone = treated.as_units(), control.as_units()
        if alone[0] is not None and alone[1] is not None:
            return alone[0], alone[1]
    return treated, control


def strata_of_units_or_clusters(strata: Sequence[tuple[Moments, Moments]]) -> Sequence[tuple[Moments, Moments]]:
    """Both arms of each stratum; as units where each cluster of every stratum is one unit, so that none are mixed."""
    alone = [units_or_clusters(*pair) for pair in strata]
    return strata if any(isinstance(arm, ClusterMoments) for pair in alone for arm in pair) else alone


def freedom(treated: Moments, control: Moments) -> float | None:
    """Degrees of freedom of a difference of means; None where units are independent, and Welch's are taken."""
    one, other = units_or_clusters(treated, control)
    if not (isinstance(one, ClusterMoments) and isinstance(other, ClusterMoments)):
        return None
    return bell_mccaffrey([(one, 1.0), (other, 1.0)])
