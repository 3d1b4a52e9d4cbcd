"""Checks of an experiment over stages whose splits differ: nothing is pooled over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from steelyard.result import Check
from steelyard.stats.sample_ratio import sample_ratio
from steelyard.stats.stratified import stratified_difference
from steelyard.studies.experiments.comparison import covariate_of
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.split_checks import IMBALANCE_DOUBTS, RATIO_DOUBTS, RATIO_STOPS
from steelyard.studies.experiments.stage_comparison import by_stage, pairs_of

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["with_stage_checks"]

POOLED = ("trigger_rate", "steady_effect")
"""Checks that compare arms over all stages and are not made within them."""


def with_stage_checks(study: Experiment, evidence: Evidence, found: tuple[Check, ...]) -> tuple[Check, ...]:
    """The checks, with those that would pool over stages made within them.

    Args:
        study: The experiment.
        evidence: What came back.
        found: The checks of one stage.
    """
    if not evidence.splits:
        return found
    kept = tuple(
        _not_pooled(check) if check.name in POOLED else check
        for check in found
        if check.name not in ("sample_ratio", "balance_before")
    )
    within = (*_balance(study, evidence), *_compared(study, evidence), *_quantiles(study, evidence))
    return (_ratio(study, evidence), *kept, *within)


def _quantiles(study: Experiment, evidence: Evidence) -> Iterator[Check]:
    """Quantiles are not compared: pooled they would mislead, and no mean of the stages' quantiles is the arm's."""
    names = [repr(use.metric) for use in map(evidence.resolved, study.uses) if use.kind == "quantile"]
    if names:
        says = f"Stages had splits of their own, over which {', '.join(names)} cannot be compared: a quantile of all "
        says += "units mixes the stages, and quantiles within stages do not add up to it. Keep one split."
        yield Check(name="quantiles_within_stages", status="not_run", severity="doubt", says=says)


def _not_pooled(check: Check) -> Check:
    says = f"Stages had splits of their own, and {check.name!r} is not made within stages: pooled, it would mislead."
    return Check(name=check.name, status="not_run", severity="note", says=says)


def _ratio(study: Experiment, evidence: Evidence) -> Check:
    """Chi-square within each stage, added up; arms without a share in a stage have no place there."""
    from scipy.special import chdtrc

    statistic, df, shown = 0.0, 0, []
    for stage, shares in sorted(evidence.splits.items()):
        arms = [arm for arm in (study.control, *study.treated) if shares.get(arm, 0.0) > 0]
        counts = [evidence.units_by_stage(stage, arm) for arm in arms]
        if len(arms) < 2 or not sum(counts):
            continue
        part = sample_ratio(counts, [shares[arm] for arm in arms])
        statistic, df = statistic + part.statistic, df + part.df
        listed = ", ".join(
            f"{a} {n:,} (expected {e:,.1f})" for a, n, e in zip(arms, counts, part.expected, strict=True)
        )
        shown.append(f"stage {stage}: {listed}")
    if not df:
        return Check(name="sample_ratio", status="not_run", says="No stage has units of two arms to be counted.")
    p_value = float(chdtrc(df, statistic))
    failed, doubts = p_value < RATIO_DOUBTS, RATIO_STOPS <= p_value < RATIO_DOUBTS
    words = f"Units did not fall as the splits of the stages say: {'; '.join(shown)}; such gaps have a chance of "
    words += f"{p_value:.2g}. Something loses or adds units in one arm, and may change who is compared: find it first."
    return Check(
        name="sample_ratio",
        status="failed" if failed else "passed",
        severity="doubt" if doubts else "blocking",
        value=p_value,
        limit=RATIO_DOUBTS if doubts else RATIO_STOPS,
        says=words if failed else f"Units fell as the splits say: {'; '.join(shown)}; p = {p_value:.2g}.",
    )


def _balance(study: Experiment, evidence: Evidence) -> Iterator[Check]:
    for use in map(evidence.resolved, study.uses):
        for arm in study.treated:
            strata = []
            for pair in pairs_of(evidence.strata(), arm, study.control):
                one, other = (covariate_of(use, moments) for moments in pair)
                if one is not None and other is not None and min(moments.rows for moments in pair) > 1:
                    strata.append((one.sample(), other.sample()))
            found = stratified_difference(strata) if strata else None
            if found is None:
                continue
            gap, failed = found.interval, found.interval.p_value < IMBALANCE_DOUBTS
            yield Check(
                name="balance_before",
                status="failed" if failed else "passed",
                severity="doubt",
                value=gap.p_value,
                limit=IMBALANCE_DOUBTS,
                says=f"Before the experiment, within stages, {use.metric!r} {'differed' if failed else 'was alike'} "
                f"between {arm} and {study.control}: {gap.value:+.4g} (standard error {gap.std_error:.4g}, "
                f"p = {gap.p_value:.2g})"
                f"{': the arms were not drawn alike, or the covariate is not from before' if failed else ''}.",
            )


def _compared(study: Experiment, evidence: Evidence) -> Iterator[Check]:
    """How many units the comparison leaves out, and whether the effect is alike in all stages."""
    use = evidence.resolved(study.main)
    if use.kind == "quantile":
        return
    for arm in study.treated:
        pairs = pairs_of(evidence.strata(), arm, study.control)
        found = by_stage(use, pairs, study.level)
        if found is None:
            continue
        units = sum(
            arms[name].rows for arms in evidence.strata().values() for name in (arm, study.control) if name in arms
        )
        left = units - found.treated.n - found.control.n
        unlike = found.heterogeneity_p < 0.05
        yield Check(
            name="stages_compared",
            status="failed" if left or unlike else "passed",
            severity="note",
            value=float(left),
            limit=0.0,
            says=f"{arm!r} is compared with {study.control!r} within {len(found.used)} stages, weighted by their units"
            f"{f'; {left:,} units of stages with fewer than two units in one of them say nothing' if left else ''}; "
            f"the effect on {use.metric!r} {'differs' if unlike else 'is alike'} between stages "
            f"(p = {found.heterogeneity_p:.2g}).",
        )
