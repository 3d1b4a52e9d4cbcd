"""Gives an arm to everybody, which ends the test."""

from __future__ import annotations

from steelyard.project import Project
from steelyard.project.ramp_blocks import ramp_blocks
from steelyard.web.acts.act import WHO_AND_WHY, Act, Beforehand, Said, study_address
from steelyard.web.acts.ramp_state import ramp_state, unmet
from steelyard.web.page import Input

__all__ = ["LAUNCH"]


def _before(project: Project, name: str) -> Beforehand:
    standing, study = project.ramp(name), project.experiment(name)
    _, *blocks = ramp_blocks(standing)
    runs = standing.state == "running"
    arms = tuple((arm, arm) for arm in (*study.treated, study.control))
    return Beforehand(
        blocks=blocks,
        will=f"The arm is given to everybody but the holdouts, and the test of {name} ends for good.",
        state=ramp_state(project, standing),
        why_not=unmet(standing) if runs else f"it does not run: it is {standing.state}",
        inputs=(Input(name="arm", label="Arm", kind="select", options=arms, required=True), *WHO_AND_WHY),
    )


def _check(project: Project, name: str, said: Said) -> None:
    said.one_of("arm", tuple(project.experiment(name).arms))
    said.needed("why")


def _do(project: Project, name: str, said: Said) -> str:
    project.launch(name, said.needed("arm"), who=said.needed("who"), why=said.needed("why"))
    return study_address(name)


LAUNCH = Act(name="launch", label="Launch an arm", right="act", before=_before, check=_check, do=_do)
