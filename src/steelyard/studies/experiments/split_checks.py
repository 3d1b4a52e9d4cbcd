"""Whether units fell into arms as they should have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.stats.equal_rates import equal_rates
from steelyard.stats.sample_ratio import sample_ratio
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.measured import Found, Measured, counted

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "RATIO_DOUBTS",
    "RATIO_STOPS",
    "filled_arms",
    "known_arms",
    "one_arm_each",
    "one_row_each",
    "split_as_promised",
    "triggered_alike",
]

RATIO_STOPS = 0.001
"""A sample ratio with a p-value below it makes the answer invalid: one sound experiment in a thousand."""
RATIO_DOUBTS = 0.01
"""Below it the answer is at most unclear: one sound experiment in a hundred."""


def split_as_promised(study: Experiment, evidence: Evidence) -> Found:
    """Units by arm against the split."""
    arms = (study.control, *study.treated)
    counts = [evidence.randomised(arm) for arm in arms]
    if not sum(counts):
        yield Measured(holds=None, severity="blocking", says="No unit was counted, so the split cannot be tested.")
        return
    found = sample_ratio(counts, [study.arms[arm] for arm in arms])
    shown = ", ".join(
        f"{arm} {n:,} (expected {e:,.1f})" for arm, n, e in zip(arms, counts, found.expected, strict=True)
    )
    words = (
        f"{evidence.of_what} did not fall as the split says: {shown}; such a gap has a chance of {found.p_value:.2g}. "
    )
    words += "Something loses or adds units in one arm, and may change who is compared: find it first."
    yield _by_chance(
        found.p_value, words, f"{evidence.of_what} fell as the split says: {shown}; p = {found.p_value:.2g}."
    )


def _by_chance(p_value: float, bad: str, good: str) -> Measured:
    """Blocking below one in a thousand, a doubt below one in a hundred."""
    doubtful = RATIO_STOPS <= p_value < RATIO_DOUBTS
    return Measured(
        holds=p_value >= RATIO_DOUBTS,
        severity="doubt" if doubtful else "blocking",
        value=p_value,
        limit=RATIO_DOUBTS if doubtful else RATIO_STOPS,
        says=bad if p_value < RATIO_DOUBTS else good,
    )


def triggered_alike(study: Experiment, evidence: Evidence) -> Found:
    """The share of assigned units that were exposed, by arm: only where it is the same are the exposed alike."""
    assigned = {arm: evidence.assigned.get(arm, 0) for arm in (study.control, *study.treated)}
    if not evidence.assigned or not all(assigned.values()):
        return
    exposed = [min(evidence.randomised(arm), n) for arm, n in assigned.items()]
    found = equal_rates(exposed, list(assigned.values()))
    shown = ", ".join(
        f"{arm} {count / n:.2%} ({count:,} of {n:,})" for (arm, n), count in zip(assigned.items(), exposed, strict=True)
    )
    words = f"{evidence.of_what} were not exposed alike: {shown}; such a gap has a chance of {found:.2g}. "
    words += "The change itself, or the log, decides who counts as exposed: compare all assigned units, or an event "
    words += "that it cannot move."
    yield _by_chance(found, words, f"{evidence.of_what} were exposed alike: {shown}; p = {found:.2g}.")


def known_arms(study: Experiment, evidence: Evidence) -> Found:
    """Units in arms that the study does not name."""
    strange = {arm: _rows_of(evidence, arm) for arm in evidence.labels() if arm not in study.arms}
    shown = ", ".join(f"{arm!r} {n:,}" for arm, n in strange.items())
    yield counted(
        sum(strange.values()),
        f"Units are in arms that the study does not name, and in no estimate: {shown} (`missing` is none).",
        "Every unit is in an arm that the study names.",
    )


def _rows_of(evidence: Evidence, arm: str) -> int:
    found = [row["n"] for row in evidence.counts if row["arm"] == arm]
    return sum(found) if found else evidence.arms[arm].units


def filled_arms(study: Experiment, evidence: Evidence) -> Found:
    """Two units or more in each arm."""
    sizes = {arm: evidence.arms[arm].rows if arm in evidence.arms else 0 for arm in (study.control, *study.treated)}
    small = {arm: n for arm, n in sizes.items() if n < 2}
    bad = (
        f"{_listed(small)}: with fewer than two units there is nothing to compare. "
        f"The data has these arms: {', '.join(map(repr, evidence.labels())) or 'none'}."
    )
    yield Measured(
        holds=not small,
        value=float(min(sizes.values())),
        limit=2.0,
        says=bad if small else f"Every arm has units: {_listed(sizes)}.",
    )


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name!r} {n:,}" for name, n in numbers.items())


def one_arm_each(study: Experiment, evidence: Evidence) -> Found:
    """Units in two arms."""
    if evidence.ids is None:
        if evidence.clusters:
            return
        yield Measured(
            holds=None,
            severity="note",
            says="That each unit stands in one row and one arm is taken on trust: no `unit` column was named.",
        )
        return
    several = int(evidence.repeated.get("in_two_arms") or 0) + (evidence.total("in_two_arms") or 0)
    yield counted(
        several,
        f"{several:,} units are in two arms or more: which one they saw is unknown.",
        "Every unit is in one arm.",
    )


def one_row_each(study: Experiment, evidence: Evidence) -> Found:
    """Units in several rows, and rows of no unit."""
    seen = evidence.ids
    if seen is None:
        return
    repeated, without = int(evidence.repeated.get("repeated") or 0), int(seen["n"]) - int(seen["with_id"])
    yield counted(
        repeated + without,
        f"{repeated:,} ids stand in several rows and {without:,} rows have none: rows are not units, "
        f"and errors taken over rows would be too small{_say_cluster(study, repeated)}.",
        f"Each of {int(seen['ids']):,} units stands in one row.",
    )


def _say_cluster(study: Experiment, repeated: int) -> str:
    if not repeated or study.cluster or not study.unit:
        return ""
    return f" (where {study.unit!r} was randomised and each of its rows is to count, say `cluster: {study.unit}`)"
