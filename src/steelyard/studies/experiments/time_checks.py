"""Whether units came in, were counted and were looked at when they should have been."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from steelyard.document import number_of
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.measured import Found, Measured, counted
from steelyard.studies.experiments.since_exposure import trends

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "exposed_after_assignment",
    "read_at_its_end",
    "start_known",
    "steady_effect",
    "units_apart",
    "weekdays_covered",
    "windows_closed",
]

WEEK = 7
TREND_DOUBTS = 0.01


def exposed_after_assignment(study: Experiment, evidence: Evidence) -> Found:
    """Units that were exposed before they were assigned."""
    early = evidence.total("exposed_early")
    if early is None:
        return
    by_arm = ", ".join(f"{row['arm']!r} {row['exposed_early']:,}" for row in evidence.counts if row["exposed_early"])
    yield counted(
        early,
        f"{early:,} units were exposed before they were assigned: clocks or logs are wrong ({by_arm}).",
        "No unit was exposed before it was assigned.",
    )


def start_known(study: Experiment, evidence: Evidence) -> Found:
    """Units that do not say when they were assigned."""
    without = evidence.total("without_start")
    if without is None:
        return
    yield counted(
        without,
        f"{without:,} units do not say when they were assigned, and are in no estimate: why that is unknown may "
        "depend on the arm.",
        "Every unit says when it was assigned.",
    )


def windows_closed(study: Experiment, evidence: Evidence) -> Found:
    """Units that came in too lately for their window to have closed."""
    still_open = evidence.total("window_open")
    if still_open is None:
        return
    yield counted(
        still_open,
        f"{still_open:,} units entered too lately for their window to have closed, and are left out until it has: "
        "what they have done so far is not what they will have done.",
        "Every unit's window has closed.",
    )


def weekdays_covered(study: Experiment, evidence: Evidence) -> Found:
    """Whether units came in during whole weeks, so that no weekday counts more than another."""
    if not evidence.days:
        return
    first, last = min(evidence.days), max(evidence.days)
    days = (last - first).days + 1
    whole = days % WEEK == 0
    when = f"{number_of(days, 'day')}, from {first:%A} {first} to {last:%A} {last}"
    shown = f"Units came in on {when if days > 1 else f'one day, {first:%A} {first}'}"
    rest = "no weekday counts more than another" if whole else "some weekdays count once more than others"
    few = "not one whole week: who comes on other weekdays is not known" if days < WEEK else rest
    yield Measured(holds=whole, value=float(days), limit=float(WEEK), says=f"{shown}: {few}.")


def read_at_its_end(study: Experiment, evidence: Evidence) -> Found:
    """Whether an experiment that is planned for one look is read when it has ended."""
    end, read = evidence.notes.get("moment of end"), evidence.notes.get("moment of reading")
    if not end or not read or set(study.stopping_rules) != {"fixed"}:
        return
    early = datetime.fromisoformat(read) < datetime.fromisoformat(end)
    bad = (
        f"It is read at {read[:16]}, before its planned end at {end[:16]} UTC: one look was planned, and to look "
        "until something shows finds what is not there. Wait, or state `looks` and a stopping rule beforehand."
    )
    yield Measured(holds=not early, says=bad if early else f"It is read after its planned end at {end[:16]} UTC.")


def steady_effect(study: Experiment, evidence: Evidence) -> Found:
    """Whether the primary's effect fades or grows with the days since a unit came in."""
    for trend in trends(study, evidence):
        told = trend.p_value < TREND_DOUBTS
        fades = told and trend.fades
        words = "fades" if fades else "grows" if told else "does not change for sure"
        advice = ": it may be novelty, and the lasting effect is nearer to that of the last days" if fades else ""
        yield Measured(
            holds=not told,
            severity="doubt" if fades or not told else "note",
            value=trend.p_value,
            limit=TREND_DOUBTS,
            says=f"The effect {trend.contrast} on {study.main.metric!r} {words} with the days since a unit came in: "
            f"{trend.first:+.4g} on the first and {trend.last:+.4g} on the last of {trend.spans} spans "
            f"(p = {trend.p_value:.2g} of none){advice}.",
        )


def units_apart(study: Experiment, evidence: Evidence) -> Found:
    """Whether units are declared to influence each other."""
    if study.interference:
        yield Measured(
            holds=False,
            says=f"Units are declared to influence each other ({study.interference}): the difference between arms is "
            "not what the change does when everybody has it. Randomise groups that do not meet, or times.",
        )
