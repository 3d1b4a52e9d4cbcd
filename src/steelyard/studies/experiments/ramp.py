"""Where an experiment's ramp stands, and what its next stage needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from steelyard.document import number_of
from steelyard.studies.experiments.estimation import contrast
from steelyard.studies.experiments.guardrail_bounds import GUARDRAILS
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.rule import zero_clause
from steelyard.studies.experiments.sources import Stage
from steelyard.studies.experiments.stage_ledger import ENDED

if TYPE_CHECKING:
    from steelyard.result import Result
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["LatestRun", "Need", "RampStanding", "needs_of", "ramp_standing", "units_seen"]

State = Literal["not begun", "running", "rolled back", "launched"]
_STATES: Mapping[str, State] = {"advance": "running", "rollback": "rolled back", "launch": "launched"}


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that must hold before the next stage.

    Args:
        name: What it is.
        holds: Whether it does; None where that is not known, which does not do.
        says: The same in words, with its numbers.
    """

    name: str
    holds: bool | None
    says: str


@dataclass(frozen=True, kw_only=True)
class LatestRun:
    """The latest result of the experiment.

    Args:
        entry: Its entry in the ledger.
        at: When it was kept.
        result: The result.
        units_before: Units that the last run before the latest act saw; 0 where there was none.
    """

    entry: str
    at: datetime
    result: Result
    units_before: int = 0

    @property
    def as_of(self) -> datetime:
        """The clock that it was run by."""
        return datetime.fromisoformat(str(self.result.provenance.context["as_of"]))

    @property
    def units(self) -> int:
        """Units of all arms that it saw."""
        return units_seen(self.result)


def units_seen(result: Result) -> int:
    """Units of all arms that a result saw, whether their windows have closed or not."""
    table = result.tables.get("arms")
    return sum({row["arm"]: row["units"] for row in table.to_pylist()}.values()) if table is not None else 0


@dataclass(frozen=True, kw_only=True)
class RampStanding:
    """Where a ramp stands.

    Args:
        study: The experiment.
        state: Whether it has begun, runs, or has ended, and how.
        planned: Every stage of the ramp, with its split.
        acts: What was done, oldest first.
        void: How many recorded acts do not count, because another came first.
        next_stage: Number of the next stage; None where there is none.
        needs: What it needs; all must hold.
    """

    study: str
    state: State
    planned: tuple[Stage, ...]
    acts: tuple[Mapping[str, Any], ...]
    void: int
    next_stage: int | None
    needs: tuple[Need, ...]

    @property
    def ready(self) -> bool:
        """Whether the next stage may begin."""
        return self.next_stage is not None and all(need.holds for need in self.needs)


def ramp_standing(
    study: Experiment,
    acts: Sequence[Mapping[str, Any]],
    *,
    registered: bool,
    latest: LatestRun | None,
    void: int = 0,
) -> RampStanding:
    """Where the ramp stands; pure.

    Args:
        study: The experiment, as its file says now.
        acts: Its rows of the stage ledger, oldest first.
        registered: Whether this very definition is registered.
        latest: Its latest run.
        void: How many of its recorded acts do not count.
    """
    begun = sum(row["act"] == "advance" for row in acts)
    state = _STATES[acts[-1]["act"]] if acts else "not begun"
    ended = bool(acts) and acts[-1]["act"] in ENDED
    more = not ended and begun < len(study.stages)
    return RampStanding(
        study=study.name,
        state=state,
        planned=study.stages,
        acts=tuple(acts),
        void=void,
        next_stage=begun + 1 if more else None,
        needs=() if ended else needs_of(study, acts, registered=registered, latest=latest),
    )


def needs_of(
    study: Experiment,
    acts: Sequence[Mapping[str, Any]],
    *,
    registered: bool,
    latest: LatestRun | None,
) -> tuple[Need, ...]:
    """What the next stage, or a launch, needs; arguments as `ramp_standing`."""
    if not acts:
        words = "This definition is registered." if registered else _UNREGISTERED.format(study.name)
        return (Need(name="registered", holds=registered, says=words),)
    needs = [_unedited(study, acts)]
    ran = _run_since(study, acts, latest)
    needs.append(ran)
    if not ran.holds or latest is None:
        return tuple(needs)
    needs += [_new_units(latest), _sample_ratio(latest.result), _sound(latest.result), _not_worse(study, latest.result)]
    needs += [_guardrail(study, use, latest.result) for use in study.guardrail_uses]
    return tuple(needs)


_UNREGISTERED = (
    "This definition is not registered, so that nothing was fixed before the first exposure: "
    "run `steelyard plan {} --register`."
)


def _unedited(study: Experiment, acts: Sequence[Mapping[str, Any]]) -> Need:
    same = acts[0]["digest"] == study.digest()
    says = "The definition is the one that the first stage began with."
    if not same:
        says = (
            f"The file was edited after the first stage began: its digest was {acts[0]['digest'][:12]} and is "
            f"{study.digest()[:12]}. Restore it, or give the new version a name of its own."
        )
    return Need(name="unedited", holds=same, says=says)


def _run_since(study: Experiment, acts: Sequence[Mapping[str, Any]], latest: LatestRun | None) -> Need:
    begun = datetime.fromisoformat(acts[-1]["since"])
    if latest is None:
        says = f"It has not been run: `steelyard run {study.name}` reads this stage."
    elif latest.at <= begun:
        says = f"Its latest run, of {_day(latest.at)}, is from before this stage began: run it again."
    elif latest.as_of <= begun:
        says = f"Its latest run looked at {_day(latest.as_of)}, which is before this stage began: run it as of now."
    elif latest.result.provenance.digest != study.digest():
        says = f"Its latest run, of {_day(latest.at)}, was of another version of the definition: run it again."
    else:
        return Need(name="run_since", holds=True, says=f"It was run at {_day(latest.at)}, in this stage.")
    return Need(name="run_since", holds=False, says=says)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _sample_ratio(result: Result) -> Need:
    """Every check of the sample ratio, by whatever method: each must have been run and have passed."""
    found = [check for check in result.checks if check.name.startswith("sample_ratio")]
    clean = bool(found) and all(check.status == "passed" for check in found)
    says = " ".join(check.says for check in found if check.status != "passed" or clean)
    return Need(name="sample_ratio", holds=clean, says=says or "The run has no check of the sample ratio.")


def _new_units(latest: LatestRun) -> Need:
    """A stage that nobody has come in with yet has shown nothing."""
    new = latest.units - latest.units_before
    says = f"{number_of(new, 'unit')} came in since the last run before this stage."
    if new <= 0:
        says = (
            f"The latest run saw {number_of(latest.units, 'unit')}, no more than the last one before this stage: wait "
            "until units come in, refresh, and run it again."
        )
    return Need(name="new_units", holds=new > 0, says=says)


EARLY = "filled_arms"
"""The blocking check that fails until windows have closed: a stage need not wait for it."""


def _sound(result: Result) -> Need:
    """Whether no other blocking check failed: units in two arms, or values that are missing, hide harm."""
    failed = [check for check in result.checks if check.stops and check.status == "failed" and check.name != EARLY]
    others = [check for check in failed if not check.name.startswith("sample_ratio")]
    says = " ".join(check.says for check in others) or "No other check makes the run's answer invalid."
    return Need(name="sound", holds=not others, says=says)


def _not_worse(study: Experiment, result: Result) -> Need:
    """Whether no arm is worse for sure on a primary, nor all on what the rule looks at."""
    worse = [f"{arm!r} on {metric!r}" for arm in study.treated for metric in _worse_on(study, result, arm)]
    says = f"Worse for sure: {', '.join(worse)}: roll back." if worse else "No arm is worse for sure on a primary."
    if result.verdict.action == "rollback":
        return Need(name="not_worse", holds=False, says=result.verdict.says)
    return Need(name="not_worse", holds=not worse, says=says)


def _worse_on(study: Experiment, result: Result, arm: str) -> Iterator[str]:
    """The primaries on which an arm differs from control for sure, and not towards better."""
    named = contrast(arm, study.control)
    shared = study.family > 1
    table = result.tables["p_values"].to_pylist() if shared else []
    adjusted = {row["metric"]: row["adjusted"] for row in table
                if row["family"].startswith("primary") and row["contrast"] == named}  # fmt: skip
    better = {clause.name for clause in result.verdict.clauses if clause.holds}
    for use in study.primaries:
        row = result.estimate(metric=use.metric, contrast=named, scale="absolute", segment="all")
        if row.value is None:
            continue
        apart = (row.low is not None and row.low > 0) or (row.high is not None and row.high < 0)
        if shared:
            apart = adjusted.get(use.metric, 1.0) <= 1 - study.level and row.value != 0
        if apart and zero_clause(study, use, arm) not in better:
            yield use.metric


def _guardrail(study: Experiment, use: MetricUse, result: Result) -> Need:
    """Whether no arm's always-valid interval lies wholly beyond the margin: a ramp is looked at before every stage."""
    table = result.tables.get(GUARDRAILS)
    rows = {} if table is None else {(row["metric"], row["contrast"]): row for row in table.to_pylist()}
    unknown, harmed = [], []
    for arm in study.treated:
        row = rows.get((use.metric, contrast(arm, study.control)))
        if row is None or row["harmed"] is None:
            unknown.append(arm)
        elif row["harmed"]:
            harmed.append(arm)
    name = f"guardrail_{use.metric}"
    if harmed:
        words = f"{use.metric!r} is worse than its margin for sure in {', '.join(map(repr, harmed))}: roll back."
        return Need(name=name, holds=False, says=words)
    if unknown:
        words = f"{use.metric!r} could not be computed in {', '.join(map(repr, unknown))}, so harm cannot be told yet: "
        "run it again when units have values of it."
        return Need(name=name, holds=None, says=words)
    return Need(
        name=name, holds=True, says=f"{use.metric!r} is not harmed in any arm, by bounds that hold at any look."
    )
