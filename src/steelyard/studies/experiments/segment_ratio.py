"""Whether units fell into the arms as the split promised within each value of the registered segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.stats.e_benjamini_hochberg import e_benjamini_hochberg
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.measured import Found, Measured
from steelyard.studies.experiments.split_checks import RATIO_DOUBTS, RATIO_STOPS

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["split_by_segment"]


def split_by_segment(study: Experiment, evidence: Evidence) -> Found:
    """Analysed units by arm in every segment: e-values, which hold at every look, adjusted over segments by e-BH."""
    arms = (study.control, *study.treated)
    counts = [
        (f"{column} = {value}", found)
        for place, column in enumerate(evidence.segments)
        for value, found in _by_stage(evidence, place, arms).items()
    ]
    shares = [[split.get(arm, 0.0) for arm in arms] for _, split in sorted(evidence.splits.items())]
    shares = shares or [[study.arms[arm] for arm in arms]]
    tested = [(name, found, sequential_ratio(found, shares).log_evidence) for name, found in counts]
    if not tested:
        return
    adjusted = e_benjamini_hochberg([evidence_ for _, _, evidence_ in tested])
    least = min(adjusted)
    shown = "; ".join(
        f"{name}: {', '.join(f'{arm} {sum(stage[i] for stage in found):,}' for i, arm in enumerate(arms))}"
        for (name, found, _), value in zip(tested, adjusted, strict=True)
        if value < RATIO_DOUBTS
    )
    doubtful = RATIO_STOPS <= least < RATIO_DOUBTS
    yield Measured(
        holds=least >= RATIO_DOUBTS,
        severity="doubt" if doubtful else "blocking",
        value=least,
        limit=RATIO_DOUBTS if doubtful else RATIO_STOPS,
        says=f"{evidence.of_what} did not fall as the split says in {shown} (of {len(tested)} segments, adjusted by "
        f"e-BH: {least:.2g}). Something loses or adds units of one arm there: find it first."
        if least < RATIO_DOUBTS
        else f"{evidence.of_what} fell as the split says in each of {len(tested)} segments (by e-BH: {least:.2g}).",
    )


def _by_stage(evidence: Evidence, place: int, arms: tuple[str, ...]) -> dict[str, list[list[int]]]:
    """Value of the segment -> for each stage, units (or clusters) by arm."""
    found = evidence.segment(place)
    values = sorted({value for value, _ in found})
    if not evidence.splits:
        return {value: [[found[value, arm].rows if (value, arm) in found else 0 for arm in arms]] for value in values}
    # A stage that has just begun holds nobody, and is in no moments.
    strata = {value: evidence.strata(place, value) for value in values}
    return {
        value: [
            [own[stage][arm].rows if arm in own.get(stage, {}) else 0 for arm in arms]
            for stage in sorted(evidence.splits)
        ]
        for value, own in strata.items()
    }
