"""What must hold before an effect is believed; each check is one function of what came back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from steelyard.result import Check
from steelyard.stats.sample_ratio import sample_ratio
from steelyard.stats.welch import welch
from steelyard.studies.experiments.columns import above, before_above, below, columns_in
from steelyard.studies.experiments.comparison import arm_sample, covariate_of, is_binary
from steelyard.studies.experiments.estimation import contrast
from steelyard.studies.experiments.evidence import Evidence

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["CHECKS", "IMBALANCE_DOUBTS", "RATIO_DOUBTS", "RATIO_STOPS"]

RATIO_STOPS = 0.001
"""A sample ratio with a p-value below it makes the answer invalid: one sound experiment in a thousand."""
RATIO_DOUBTS = 0.01
"""Below it the answer is at most unclear: one sound experiment in a hundred."""
IMBALANCE_DOUBTS = 0.001
FEWEST_UNITS = 30
FEWEST_OF_A_KIND = 5
LARGEST_DENOMINATOR_ERROR = 0.1

Checks = Iterator[Check]


def _sample_ratio(study: Experiment, evidence: Evidence) -> Checks:
    arms = (study.control, *study.treated)
    counts = [evidence.units(arm) for arm in arms]
    if not sum(counts):
        yield Check(name="sample_ratio", status="not_run", says="No unit was counted, so the split cannot be tested.")
        return
    found = sample_ratio(counts, [study.arms[arm] for arm in arms])
    shown = ", ".join(
        f"{arm} {n:,} (expected {e:,.1f})" for arm, n, e in zip(arms, counts, found.expected, strict=True)
    )
    failed = found.p_value < RATIO_DOUBTS
    words = f"Units did not fall as the split says: {shown}; such a gap has a chance of {found.p_value:.2g}. "
    words += "Something loses or adds units in one arm, and may change who is compared: find it first."
    yield Check(
        name="sample_ratio",
        status="failed" if failed else "passed",
        severity="doubt" if RATIO_STOPS <= found.p_value < RATIO_DOUBTS else "blocking",
        value=found.p_value,
        limit=RATIO_DOUBTS if RATIO_STOPS <= found.p_value < RATIO_DOUBTS else RATIO_STOPS,
        says=words if failed else f"Units fell as the split says: {shown}; p = {found.p_value:.2g}.",
    )


def _known_arms(study: Experiment, evidence: Evidence) -> Checks:
    strange = {arm: _rows_of(evidence, arm) for arm in evidence.labels() if arm not in study.arms}
    shown = ", ".join(f"{arm!r} {n:,}" for arm, n in strange.items())
    yield Check(
        name="known_arms",
        status="failed" if strange else "passed",
        value=float(sum(strange.values())),
        limit=0.0,
        says=f"Units are in arms that the study does not name, and in no estimate: {shown} (`missing` is none)."
        if strange
        else "Every unit is in an arm that the study names.",
    )


def _rows_of(evidence: Evidence, arm: str) -> int:
    counted = [row["n"] for row in evidence.counts if row["arm"] == arm]
    return sum(counted) if counted else evidence.arms[arm].rows


def _filled_arms(study: Experiment, evidence: Evidence) -> Checks:
    sizes = {arm: evidence.arms[arm].rows if arm in evidence.arms else 0 for arm in (study.control, *study.treated)}
    small = {arm: n for arm, n in sizes.items() if n < 2}
    yield Check(
        name="filled_arms",
        status="failed" if small else "passed",
        value=float(min(sizes.values())),
        limit=2.0,
        says=f"{_listed(small)}: with fewer than two units there is nothing to compare. "
        f"The data has these arms: {', '.join(map(repr, evidence.labels())) or 'none'}."
        if small
        else f"Every arm has units: {_listed(sizes)}.",
    )


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name!r} {n:,}" for name, n in numbers.items())


def _one_arm_each(study: Experiment, evidence: Evidence) -> Checks:
    seen = evidence.ids
    several = int(evidence.repeated.get("in_two_arms") or 0) + (evidence.total("in_two_arms") or 0)
    if seen is None:
        yield Check(
            name="one_arm_each",
            status="not_run",
            severity="note",
            says="That each unit stands in one row and one arm is taken on trust: no `unit` column was named.",
        )
        return
    yield Check(
        name="one_arm_each",
        status="failed" if several else "passed",
        value=float(several),
        limit=0.0,
        says=f"{several:,} units are in two arms or more: which one they saw is unknown."
        if several
        else "Every unit is in one arm.",
    )
    repeated, without = int(evidence.repeated.get("repeated") or 0), int(seen["n"]) - int(seen["with_id"])
    yield Check(
        name="one_row_each",
        status="failed" if repeated or without else "passed",
        value=float(repeated + without),
        limit=0.0,
        says=f"{repeated:,} ids stand in several rows and {without:,} rows have none: rows are not units, "
        "and errors taken over rows would be too small."
        if repeated or without
        else f"Each of {int(seen['ids']):,} units stands in one row.",
    )


def _values_present(study: Experiment, evidence: Evidence) -> Checks:
    bad = _missing(study, evidence)
    yield Check(
        name="values_present",
        status="failed" if bad else "passed",
        value=float(len(bad)),
        limit=0.0,
        says=f"Values cannot be used: {'; '.join(bad)}. Nothing is estimated from a column with gaps, since who has a "
        "value may depend on the arm: fill them where the meaning is known (0 for no purchase), or take another."
        if bad
        else "Every unit has a finite value of every metric and covariate.",
    )


def _missing(study: Experiment, evidence: Evidence) -> list[str]:
    found: list[str] = []
    for row in evidence.unusable:
        places = [key.removeprefix("value_") for key in row if key.startswith("value_")]
        for place in places:
            nulls, strange = int(row[f"null_{place}"] or 0), int(row[f"not_finite_{place}"] or 0)
            if nulls or strange:
                parts = [f"{nulls:,} NULL" if nulls else "", f"{strange:,} NaN or infinite" if strange else ""]
                words = " and ".join(part for part in parts if part)
                found.append(f"{row[f'value_{place}']!r} in {row['arm']!r}: {words} of {row['n']:,}")
    if found:
        return sorted(found)
    return [
        f"{name!r} in {arm!r}: sums are not finite (values too large to be squared)"
        for arm, moments in evidence.arms.items()
        for use in study.uses
        for name in columns_in(use.metric, moments.names)
        if moments.rows and not math.isfinite(float(moments.cross[moments.place(name), moments.place(name)]))
    ]


def _shares_are_binary(study: Experiment, evidence: Evidence) -> Checks:
    for use in map(evidence.resolved, study.uses):
        if use.kind != "share":
            continue
        column = above(use.metric)
        usable = {arm: group for arm, group in evidence.arms.items() if math.isfinite(group.offset_of(column))}
        other = sorted(arm for arm, group in usable.items() if not is_binary(group, column))
        if other:
            yield Check(
                name="share_is_binary",
                status="failed",
                says=f"{use.metric!r} is used as a share and has values other than 0 and 1 in "
                f"{', '.join(map(repr, other))}: use `kind: mean`, or a column of 0 and 1.",
            )


def _denominators(study: Experiment, evidence: Evidence) -> Checks:
    for use in map(evidence.resolved, study.uses):
        if use.kind != "ratio":
            continue
        for arm in (study.control, *study.treated):
            moments = evidence.arms.get(arm)
            if moments is None or moments.rows < 2 or not math.isfinite(moments.mean(below(use.metric))):
                continue
            mean = moments.mean(below(use.metric))
            error = math.sqrt(moments.variance(below(use.metric)) / moments.rows)
            if mean <= 0:
                yield Check(
                    name="denominator_positive",
                    status="failed",
                    value=mean,
                    limit=0.0,
                    says=f"The denominator of {use.metric!r} has a mean of {mean:.4g} in {arm!r}: "
                    "a ratio over nothing, or over a negative, is no number.",
                )
            elif error > LARGEST_DENOMINATOR_ERROR * mean:
                yield Check(
                    name="denominator_known",
                    status="failed",
                    severity="doubt",
                    value=error / mean,
                    limit=LARGEST_DENOMINATOR_ERROR,
                    says=f"The denominator of {use.metric!r} is known only to {error / mean:.0%} in {arm!r}: "
                    "the delta method leans on more units than there are.",
                )


def _enough_units(study: Experiment, evidence: Evidence) -> Checks:
    few: list[str] = []
    for arm in (study.control, *study.treated):
        moments = evidence.arms.get(arm)
        if moments is None:
            continue
        if moments.rows < FEWEST_UNITS:
            few.append(f"{arm!r} has {moments.rows:,} units")
        for use in map(evidence.resolved, study.uses):
            if use.kind == "share" and math.isfinite(moments.offset_of(above(use.metric))):
                ones = round(moments.mean(above(use.metric)) * moments.rows)
                least = min(ones, moments.rows - ones)
                if least < FEWEST_OF_A_KIND:
                    few.append(f"{use.metric!r} is rare in {arm!r}: {least} of {moments.rows:,} differ from the rest")
    yield Check(
        name="enough_units",
        status="failed" if few else "passed",
        severity="doubt",
        value=None,
        limit=float(FEWEST_UNITS),
        says=f"Too few for the methods used: {'; '.join(few)}." if few else "There are units enough for these methods.",
    )


def _values_vary(study: Experiment, evidence: Evidence) -> Checks:
    still: list[str] = []
    for use in map(evidence.resolved, study.uses):
        if use.kind == "share":
            continue
        samples = [arm_sample(use, evidence.arms[arm]) for arm in study.arms if arm in evidence.arms]
        known = [sample for sample in samples if sample is not None]
        if len(known) > 1 and all(sample.variance == 0 for sample in known):
            still.append(repr(use.metric))
    if still:
        yield Check(
            name="values_vary",
            status="failed",
            severity="doubt",
            says=f"{', '.join(still)} has one and the same value in every unit: nothing here tells its error.",
        )


def _relative_scale(study: Experiment, evidence: Evidence) -> Checks:
    for use in map(evidence.resolved, study.uses):
        wanted = [effect for effect in (use.min_effect, use.margin) if effect and effect.scale == "relative"]
        for arm in (study.control, *study.treated):
            sample = arm_sample(use, evidence.arms[arm]) if arm in evidence.arms else None
            if sample is not None and sample.level <= 0:
                yield Check(
                    name="relative_scale",
                    status="failed",
                    severity="doubt" if wanted else "note",
                    value=sample.level,
                    limit=0.0,
                    says=f"{use.metric!r} is {sample.level:.4g} in {arm!r}: no relative effect of it is given"
                    f"{', and its relative threshold decides nothing: state it as absolute' if wanted else ''}.",
                )


def _exposed_after_assignment(study: Experiment, evidence: Evidence) -> Checks:
    early = evidence.total("exposed_early")
    if early is None:
        return
    yield Check(
        name="exposed_after_assignment",
        status="failed" if early else "passed",
        severity="doubt",
        value=float(early),
        limit=0.0,
        says=f"{early:,} units were exposed before they were assigned: clocks or logs are wrong."
        if early
        else "No unit was exposed before it was assigned.",
    )


def _start_known(study: Experiment, evidence: Evidence) -> Checks:
    without = evidence.total("without_start")
    if without is None:
        return
    yield Check(
        name="start_known",
        status="failed" if without else "passed",
        severity="doubt",
        value=float(without),
        limit=0.0,
        says=f"{without:,} units do not say when they were assigned, and are in no estimate: why that is unknown may "
        "depend on the arm."
        if without
        else "Every unit says when it was assigned.",
    )


def _windows_closed(study: Experiment, evidence: Evidence) -> Checks:
    still_open = evidence.total("window_open")
    if still_open is None:
        return
    yield Check(
        name="windows_closed",
        status="failed" if still_open else "passed",
        severity="note",
        value=float(still_open),
        limit=0.0,
        says=f"{still_open:,} units entered too lately for their window to have closed, and are left out until it has: "
        "what they have done so far is not what they will have done."
        if still_open
        else "Every unit's window has closed.",
    )


def _balance_before(study: Experiment, evidence: Evidence) -> Checks:
    control = evidence.arms.get(study.control)
    for use in map(evidence.resolved, study.uses):
        for arm in study.treated:
            treated = evidence.arms.get(arm)
            if control is None or treated is None or before_above(use.metric) not in control.names:
                continue
            pair = covariate_of(use, treated), covariate_of(use, control)
            if pair[0] is None or pair[1] is None or min(treated.rows, control.rows) < 2:
                continue
            samples = pair[0].sample(), pair[1].sample()
            if not (samples[0].usable and samples[1].usable):
                continue
            found = welch(*samples)
            failed = found.p_value < IMBALANCE_DOUBTS
            yield Check(
                name="balance_before",
                status="failed" if failed else "passed",
                severity="doubt",
                value=found.p_value,
                limit=IMBALANCE_DOUBTS,
                says=f"Before the experiment {use.metric!r} {'differed' if failed else 'was alike'} between "
                f"{contrast(arm, study.control).replace(' - ', ' and ')}: {found.value:+.4g} "
                f"(standard error {found.std_error:.4g}, p = {found.p_value:.2g})"
                f"{': the arms were not drawn alike, or the covariate is not from before' if failed else ''}.",
            )


CHECKS: tuple[Callable[[Experiment, Evidence], Checks], ...] = (
    _sample_ratio,
    _known_arms,
    _filled_arms,
    _one_arm_each,
    _values_present,
    _shares_are_binary,
    _denominators,
    _enough_units,
    _values_vary,
    _relative_scale,
    _exposed_after_assignment,
    _start_known,
    _windows_closed,
    _balance_before,
)
