"""Checks of an experiment that is looked at several times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from steelyard.result import Check
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.look_findings import look_number
from steelyard.studies.experiments.looks import LooksSoFar
from steelyard.studies.experiments.sources import EXACT, SPENDING
from steelyard.studies.experiments.split_checks import RATIO_DOUBTS, RATIO_STOPS
from steelyard.studies.experiments.stage_information import compared_units

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["with_look_checks"]

APART = {"daily": 1, "weekly": 7}


def with_look_checks(study: Experiment, evidence: Evidence, found: tuple[Check, ...]) -> tuple[Check, ...]:
    """The checks, with the sample ratio tested as often as it is looked at, and the looks against the plan.

    Args:
        study: The experiment.
        evidence: What came back.
        found: The checks of one look.
    """
    if evidence.looks is None:
        return found
    kept = tuple(check for check in found if check.name != "sample_ratio")
    return (_ratio(study, evidence), *kept, *_against_the_plan(study, evidence, evidence.looks))


def _ratio(study: Experiment, evidence: Evidence) -> Check:
    arms = (study.control, *study.treated)
    counts = [evidence.randomised(arm) for arm in arms]
    stages = sorted(evidence.splits)
    if not sum(counts):
        return Check(name="sample_ratio", status="not_run", says="No unit was counted, so the split cannot be tested.")
    split = [[evidence.randomised(arm, stage) for arm in arms] for stage in stages] or [counts]
    shares = [[evidence.splits[stage].get(arm, 0.0) for arm in arms] for stage in stages]
    shares = shares or [[study.arms[arm] for arm in arms]]
    found = sequential_ratio(split, shares)
    expected = [
        sum(sum(n) * share[place] for n, share in zip(split, shares, strict=True)) for place in range(len(arms))
    ]
    shown = ", ".join(f"{arm} {n:,} (expected {e:,.1f})" for arm, n, e in zip(arms, counts, expected, strict=True))
    failed = found.p_value < RATIO_DOUBTS
    doubts = RATIO_STOPS <= found.p_value < RATIO_DOUBTS
    numbers = f"p = {found.p_value:.2g} at whatever look (log of the e-value {found.log_evidence:.1f})"
    words = f"{evidence.of_what} did not fall as the split says: {shown}; {numbers}. "
    words += "Something loses or adds units in one arm, and may change who is compared: find it first."
    return Check(
        name="sample_ratio",
        status="failed" if failed else "passed",
        severity="doubt" if doubts else "blocking",
        value=found.p_value,
        limit=RATIO_DOUBTS if doubts else RATIO_STOPS,
        says=words if failed else f"{evidence.of_what} fell as the split says: {shown}; {numbers}.",
    )


def _against_the_plan(study: Experiment, evidence: Evidence, looks: LooksSoFar) -> Iterator[Check]:
    number, planned = look_number(study, evidence), _planned_number(study)
    problems = list(_unplanned(study, looks, number, planned))
    of = f" of {planned}" if planned is not None else ""
    yield Check(
        name="looks_as_planned",
        status="failed" if problems else "passed",
        severity="note",
        value=float(number),
        limit=None if planned is None else float(planned),
        says=f"Look {number}{of} is not in the plan: {'; '.join(problems)}. The bounds hold all the same, as long as "
        "nothing that was seen led to this look."
        if problems
        else f"Look {number}{of}, as planned.",
    )
    if not looks.kept and set(study.stopping_rules) & set(SPENDING):
        says = "No ledger keeps the looks: this one is judged as the first, and is not if it was read before."
        yield Check(name="looks_known", status="failed", severity="doubt", says=says)
    approximate = [repr(use.metric) for use in map(evidence.resolved, study.primaries) if use.kind != "share"]
    if EXACT in study.stopping_rules and approximate:
        says = f"{approximate[0]} is no share: its bounds are those of always_valid, which hold in large samples."
        yield Check(name="exact_bounds", status="failed", severity="doubt", says=says)
    late = [f"{arm!r}" for arm in study.treated if looks.after(arm, compared_units(study, evidence, arm))]
    past = [f"{arm!r}" for arm in study.treated if looks.is_past_the_end(arm, compared_units(study, evidence, arm))]
    if late:
        says = f"An earlier look saw more units of {', '.join(late)} than this one: looks out of order spend twice."
        yield Check(name="looks_in_order", status="failed", severity="doubt", says=says)
    if past:
        says = (
            f"The planned end of {', '.join(past)} was an earlier look, where all the error was spent: rules other "
            "than always_valid and exact say nothing of what came in since."
        )
        yield Check(name="looks_before_the_end", status="failed", severity="doubt", says=says)


def _planned_number(study: Experiment) -> int | None:
    schedule = study.schedule
    if schedule is None or schedule.planned is not None:
        return schedule.planned if schedule else None
    last = schedule.until or (study.between[1] if study.between else None)
    if not schedule.every or last is None or study.between is None:
        return None
    # Windows may close after the last day; the look at the end comes then.
    return -(-((last - study.between[0]).days + 1) // APART[schedule.every]) + 1


def _unplanned(study: Experiment, looks: LooksSoFar, number: int, planned: int | None) -> Iterator[str]:
    if planned is not None and number > planned:
        yield f"{planned} were planned"
    every = study.schedule.every if study.schedule else ""
    days = [_day(row["at"], looks.zone) for row in looks.earlier if row["look"] < number]
    if every and days:
        apart = (_day(looks.at, looks.zone) - max(days)).days
        if 0 <= apart < APART[every]:
            yield f"it comes {apart} days after the one before, and {every} looks were planned"


def _day(moment: str, zone: str) -> date:
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).date()
