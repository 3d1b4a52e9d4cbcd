"""Whether clusters were randomised whole, are known, and are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.measured import Found, Measured, counted

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "clusters_in_one_arm",
    "clusters_in_one_stratum",
    "clusters_in_strata",
    "clusters_known",
    "enough_clusters",
    "whole_clusters",
]

FEWEST_CLUSTERS = 30
"""Clusters in an arm below which intervals are doubted. With 20 beside 380, of 1 to 30 units, A/A tests at 5 % reject a
mean 5.8 %, a share 5.6 %, a ratio 6.2 %, a mean with a covariate 5.4 %; with 40 beside 760, 5.6, 5.8, 5.7 and 5.2 %;
with 20 beside 20, 5.0, 5.1, 5.2 and 5.6 % (6,000 draws each, 20,000 of the ratio: to within 0.3 %)."""
FEWEST_IN_A_STRATUM, SMALL_STRATA = 5, 0.1
"""Clusters of an arm below which a stratum is small, and the share of units in such strata above which all is doubted.
Of 1 to 30 units with a correlation of 0.1, CR2 has 87 % of the variance with 2 clusters, 93 % with 3, 94 % with 5, 98 %
with 8 (of 0.3: 80, 86, 93, 96 %), as it takes units as unlike. Strata add that up: A/A tests at 5 % in 20 strata of 3
beside 3 reject 7 %."""
STILL_GROW = 0.05


def _counted(evidence: Evidence, name: str) -> int:
    return sum(int(row[name] or 0) for row in evidence.clusters)


def clusters_in_one_arm(study: Experiment, evidence: Evidence) -> Found:
    """Clusters with units in two arms."""
    if not evidence.clusters:
        return
    several = _counted(evidence, "in_two_arms")
    yield counted(
        several,
        f"{several:,} clusters have units in two arms or more, or units in an arm and units in none: they were not "
        "randomised whole.",
        "Every cluster is in one arm.",
    )


def clusters_in_one_stratum(study: Experiment, evidence: Evidence) -> Found:
    """Clusters with units in two strata, which no comparison within strata can take whole."""
    if not evidence.clusters or not study.strata:
        return
    several = max((int(row.get("in_two_strata") or 0) for row in evidence.clusters), default=0)
    by = " and ".join(map(repr, study.strata))
    yield counted(
        several,
        f"{several:,} clusters have units in two strata or more (by {by}), and are not independent between them: give "
        "the cluster's own value (where it is, what most of its units are) as the stratum, or leave `strata:` out.",
        f"Every cluster is in one stratum (by {by}).",
    )


def clusters_known(study: Experiment, evidence: Evidence) -> Found:
    """Units that name no cluster."""
    if not evidence.clusters:
        return
    outside = max((int(row.get("outside") or 0) for row in evidence.clusters), default=0)
    without = _counted(evidence, "without_cluster") + outside
    yield counted(
        without,
        f"{without:,} units name no {study.cluster!r}: which of them were randomised together is unknown.",
        f"Every unit names its {study.cluster!r}.",
    )


def enough_clusters(study: Experiment, evidence: Evidence) -> Found:
    """Clusters by arm."""
    if not evidence.clusters:
        return
    found = {arm: evidence.arms[arm].rows for arm in (study.control, *study.treated) if arm in evidence.arms}
    shown = ", ".join(f"{arm!r} {n:,}" for arm, n in found.items())
    few = min(found.values(), default=0) < FEWEST_CLUSTERS
    yield Measured(
        holds=not few,
        value=float(min(found.values(), default=0)),
        limit=float(FEWEST_CLUSTERS),
        says=f"Clusters by arm: {shown}; "
        + (
            f"below {FEWEST_CLUSTERS} intervals may be a little too narrow: those of 95 % hold the truth in about 94 %."
            if few
            else "enough for intervals by CR2 and its degrees of freedom."
        ),
    )


def clusters_in_strata(study: Experiment, evidence: Evidence) -> Found:
    """The share of units that stand in strata of which an arm has few clusters."""
    within = evidence.within() if evidence.clusters else {}
    units = few = 0
    for arms in within.values():
        own = [arms[arm] for arm in (study.control, *study.treated) if arm in arms]
        members = sum(found.units for found in own)
        units += members
        few += members if min(found.rows for found in own) < FEWEST_IN_A_STRATUM else 0
    if not units:
        return
    failed = few > SMALL_STRATA * units
    yield Measured(
        holds=not failed,
        value=few / units,
        limit=SMALL_STRATA,
        says=f"{few / units:.0%} of units are in strata with fewer than {FEWEST_IN_A_STRATUM} clusters in an arm"
        + (": their errors are too small, and add up. Take fewer, larger strata." if failed else "."),
    )


def whole_clusters(study: Experiment, evidence: Evidence) -> Found:
    """With several looks: clusters whose units came in on several days, so that looks see parts of them."""
    if not evidence.clusters or evidence.looks is None:
        return
    known = [row["on_several_days"] for row in evidence.clusters if row["on_several_days"] is not None]
    clusters = _counted(evidence, "clusters")
    if not known or not clusters:
        yield Measured(
            holds=None,
            severity="doubt",
            says="Nothing says when units came in: bounds of several looks hold if clusters come in whole.",
        )
        return
    share = sum(int(number) for number in known) / clusters
    failed = share > STILL_GROW
    yield Measured(
        holds=not failed,
        value=share,
        limit=STILL_GROW,
        says=f"{share:.1%} of clusters came in over several days"
        + (
            ": what a look adds is then not independent of what was seen, and bounds of several looks are not exact. "
            "Give units a window from their cluster's start, or look once."
            if failed
            else ", so that each look adds whole clusters."
        ),
    )
