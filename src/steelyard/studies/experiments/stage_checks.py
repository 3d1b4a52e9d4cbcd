"""Checks of an experiment over stages whose splits differ: nothing is pooled over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from steelyard.result import Check
from steelyard.stats.sample_ratio import sample_ratio
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.split_checks import RATIO_DOUBTS, RATIO_STOPS

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
        _not_pooled(check) if check.name in POOLED else check for check in found if check.name != "sample_ratio"
    )
    return (_ratio(study, evidence), *kept, *_quantiles(study, evidence))


def _quantiles(study: Experiment, evidence: Evidence) -> Iterator[Check]:
    """Quantiles that were not asked for: of units in clusters, or in what an earlier version kept."""
    names = [repr(use.metric) for use in map(evidence.resolved, study.uses) if use.kind == "quantile"]
    if names and not evidence.quantiles:
        says = f"Stages had splits of their own, within which {', '.join(names)} is not compared here, and pooled it "
        says += "would mislead. Keep one split."
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
        counts = [evidence.randomised(arm, stage) for arm in arms]
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
    words = f"{evidence.of_what} did not fall as the splits of the stages say: {'; '.join(shown)}; such gaps have a "
    words += f"chance of {p_value:.2g}. "
    words += "Something loses or adds units in one arm, and may change who is compared: find it first."
    return Check(
        name="sample_ratio",
        status="failed" if failed else "passed",
        severity="doubt" if doubts else "blocking",
        value=p_value,
        limit=RATIO_DOUBTS if doubts else RATIO_STOPS,
        says=words if failed else f"{evidence.of_what} fell as the splits say: {'; '.join(shown)}; p = {p_value:.2g}.",
    )
