"""The acts on a ramp: the next stage, a rollback, a launch. Each is refused or recorded, never both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.errors import DefinitionError, PolicyError, unknown_name
from steelyard.studies.experiments.allocation import Allocation, allocation_of
from steelyard.studies.experiments.ramp import LatestRun, Need, RampStanding
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.experiments.stage_ledger import ENDED, StageLedger

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["advance", "launch", "rollback"]

Row = Mapping[str, Any]


def advance(study: Experiment, standing: RampStanding, ledger: StageLedger, *, who: str, why: str) -> Row:
    """Begins the next stage, and records what it takes in.

    Args:
        study: The experiment.
        standing: Where it stands.
        ledger: The stage ledger.
        who: Who begins it.
        why: The reason.

    Raises:
        PolicyError: Something that the stage needs does not hold.
        DefinitionError: There is no next stage, or an arm would shrink, or the layer has too few free buckets.
    """
    _refuse_other_systems(study)
    if standing.next_stage is None:
        again = "an experiment that has ended begins again under another name, which draws anew"
        whole = "all stages have begun: `--launch ARM` gives an arm to everybody, `--rollback` the unchanged product"
        raise DefinitionError(
            f"the ramp of {study.name!r} has no next stage: it is {standing.state}",
            where=f"ramp {study.name}",
            hint=whole if standing.state == "running" else again,
        )
    _refuse_unmet(study, standing.needs, f"stage {standing.next_stage}")
    acts = ledger.rows(study.name)
    if not acts:
        _refuse_another_holdout(study, ledger)
    stage = standing.planned[standing.next_stage - 1]
    before = allocation_of(study, acts) if acts else _nobody(study)
    after = before.with_stage(
        stage.share, stage.arms, study.control, taken=ledger.taken(study.layer, besides=study.name)
    )
    segment = after.segments[-1]
    body = {
        "stage": segment.stage,
        "share": stage.share,
        "arms": dict(stage.arms),
        "ranges": [list(item) for item in segment.ranges],
        "ends": [list(item) for item in segment.ends],
        "holdout": {"everywhere": study.holdout.everywhere, "layer": study.holdout.layer},
        "digest": study.digest(),
    }
    return ledger.append(study.name, "advance", layer=study.layer, who=who, why=why, body=body)


def rollback(name: str, ledger: StageLedger, *, who: str, why: str) -> Row:
    """Gives everybody the unchanged product again. Nothing is checked, and what was logged stays.

    Args:
        name: The experiment; its file need not be there.
        ledger: The stage ledger.
        who: Who rolls it back.
        why: The reason.

    Raises:
        DefinitionError: It has not begun, or was rolled back already.
    """
    acts = ledger.rows(name)
    if not acts or acts[-1]["act"] == "rollback":
        raise DefinitionError(
            f"{name!r} {'was rolled back already' if acts else 'has not begun'}, so there is nothing to roll back",
            where=f"ramp {name}",
        )
    return ledger.append(
        name, "rollback", layer=acts[-1]["layer"], who=who, why=why, body={"digest": acts[0]["digest"]}
    )


def launch(
    study: Experiment,
    arm: str,
    standing: RampStanding,
    ledger: StageLedger,
    latest: LatestRun | None,
    *,
    who: str,
    why: str,
) -> Row:
    """Gives an arm to everybody but the holdouts, and ends the test.

    Args:
        study: The experiment.
        arm: The arm.
        standing: Where it stands.
        ledger: The stage ledger.
        latest: Its latest run, which the act cites.
        who: Who launches it.
        why: The reason.

    Raises:
        PolicyError: The sample ratio is not clean, a guardrail is harmed, or it was not run in this stage.
        DefinitionError: It does not run.
        UnknownNameError: There is no such arm.
    """
    if arm not in study.arms:
        raise unknown_name("arm", arm, study.arms, where=f"ramp {study.name}")
    acts = ledger.rows(study.name)
    if not acts or acts[-1]["act"] in ENDED:
        raise DefinitionError(
            f"{study.name!r} does not run ({standing.state}), so nothing of it can be launched",
            where=f"ramp {study.name}",
        )
    _refuse_unmet(study, standing.needs, f"launching {arm!r}")
    assert latest is not None  # noqa: S101 - the needs hold, a run among them
    body = {"arm": arm, "cites": latest.entry, "verdict": latest.result.verdict.answer, "digest": acts[0]["digest"]}
    return ledger.append(study.name, "launch", layer=acts[-1]["layer"], who=who, why=why, body=body)


def _nobody(study: Experiment) -> Allocation:
    return Allocation(
        name=study.name, layer=study.layer, held_out=study.holdout.everywhere, layer_held_out=study.holdout.layer
    )


def _refuse_unmet(study: Experiment, needs: Sequence[Need], what: str) -> None:
    unmet = [need for need in needs if not need.holds]
    if unmet:
        raise PolicyError(
            f"{what} of {study.name!r} is refused: {' '.join(need.says for need in unmet)}",
            where=f"ramp {study.name}",
            hint=f"it needs {', '.join(need.name for need in unmet)}; `steelyard ramp {study.name}` shows what holds",
        )


def _refuse_other_systems(study: Experiment) -> None:
    if isinstance(study.assignment, Assignment):
        raise DefinitionError(
            f"another system assigns the units of {study.name!r}, so its ramp is there",
            where=f"{study.name}.assignment",
            hint="say `assignment: steelyard` to ramp here",
        )


def _refuse_another_holdout(study: Experiment, ledger: StageLedger) -> None:
    """A holdout that experiments do not share holds nobody out of all of them."""
    for name, acts in ledger.running().items():
        theirs = next(row["holdout"] for row in acts if row["act"] == "advance")
        pairs = [("everywhere", theirs["everywhere"], study.holdout.everywhere)]
        if study.layer and acts[0]["layer"] == study.layer:
            pairs.append(("layer", theirs["layer"], study.holdout.layer))
        for kind, other, mine in pairs:
            if other != mine and (kind == "layer" or (other and mine)):
                raise DefinitionError(
                    f"{study.name!r} holds out {mine:.4g} ({kind}), and {name!r}, which runs, {other:.4g}",
                    where=f"{study.name}.holdout.{kind}",
                    hint="give all of them the same holdout",
                )
