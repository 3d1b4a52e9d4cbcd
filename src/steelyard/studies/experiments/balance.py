"""Whether covariates were alike before the experiment, when nothing can have differed but by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.stats.interval import Interval
from steelyard.stats.moments import Moments
from steelyard.stats.two_levels import TwoLevels, weighted_levels
from steelyard.studies.experiments.adjusting import covariates_of
from steelyard.studies.experiments.columns import covariates_in
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.freedom import strata_of_units_or_clusters
from steelyard.studies.experiments.measured import Found, Measured
from steelyard.studies.experiments.stage_comparison import pairs_of

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.experiments.metric_use import MetricUse

__all__ = ["IMBALANCE_DOUBTS", "balance_before"]

IMBALANCE_DOUBTS = 0.001


def balance_before(study: Experiment, evidence: Evidence) -> Found:
    """Every covariate in every arm against control; within the stages of a ramp where their splits differ."""
    strata: Mapping[Any, Mapping[str, Moments]] = evidence.strata() or {"all": evidence.arms}
    within = ", within stages," if evidence.splits else ""
    for use in map(evidence.resolved, study.uses):
        places = len(covariates_in(use.metric, next(iter(evidence.arms.values())).names)) if evidence.arms else 0
        for arm in study.treated:
            for place in range(places):
                found = _gap(use.metric, strata, arm, study.control, place)
                if found is None:
                    continue
                failed = found.p_value < IMBALANCE_DOUBTS
                which = f" (covariate {place + 1} of {places}, {_called(use, place)!r})" if places > 1 else ""
                yield Measured(
                    holds=not failed,
                    value=found.p_value,
                    limit=IMBALANCE_DOUBTS,
                    says=f"Before the experiment{within} {use.metric!r}{which} {'differed' if failed else 'was alike'} "
                    f"between {arm} and {study.control}: {found.value:+.4g} (standard error {found.std_error:.4g}, "
                    f"p = {found.p_value:.2g})"
                    f"{': the arms were not drawn alike, or the covariate is not from before' if failed else ''}.",
                )


def _called(use: MetricUse, place: int) -> str:
    covariate = use.covariates[place]
    if covariate.numerator:
        return f"{covariate.numerator} / {covariate.denominator}"
    return covariate.metric or use.metric


def _gap(
    metric: str, strata: Mapping[Any, Mapping[str, Moments]], arm: str, control: str, place: int
) -> Interval | None:
    """The difference of a covariate, weighted by units over strata; None where no stratum has it."""
    levels, units = [], []
    for pair in strata_of_units_or_clusters(pairs_of(strata, arm, control)):
        forms = [covariates_of(metric, moments)[place] for moments in pair]
        known = all(math.isfinite(form.mean) and math.isfinite(form.variance) for form in forms)
        if known and min(moments.rows for moments in pair) > 1:
            levels.append(TwoLevels.of(*forms))
            units.append(sum(moments.units for moments in pair))
    return weighted_levels(levels, [n / sum(units) for n in units]).difference() if levels else None
