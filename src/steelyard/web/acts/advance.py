"""Begins the next stage of an experiment's ramp."""

from __future__ import annotations

from steelyard.project import Project
from steelyard.project.ramp_blocks import ramp_blocks
from steelyard.web.acts.act import Act, Beforehand, Said, study_address, why_needed
from steelyard.web.acts.ramp_state import ramp_state, unmet

__all__ = ["ADVANCE"]


def _before(project: Project, name: str) -> Beforehand:
    standing = project.ramp(name)
    _, *blocks = ramp_blocks(standing)
    if standing.next_stage is None:
        return Beforehand(
            blocks=blocks,
            will="Nothing.",
            state=ramp_state(project, standing),
            why_not=f"there is no further stage: the ramp is {standing.state}",
        )
    stage = standing.planned[standing.next_stage - 1]
    of = f" of the layer {project.experiment(name).layer}" if project.experiment(name).layer else " of all units"
    return Beforehand(
        blocks=blocks,
        will=(
            f"Stage {standing.next_stage} of {len(standing.planned)} begins: {stage.share * 100:.4g} %{of} are "
            "enrolled from now on. Units that are enrolled keep their arm."
        ),
        state=ramp_state(project, standing),
        why_not=unmet(standing),
    )


def _do(project: Project, name: str, said: Said) -> str:
    project.advance(name, who=said.needed("who"), why=said.needed("why"))
    return study_address(name)


ADVANCE = Act(name="advance", label="Begin the next stage", right="act", before=_before, check=why_needed, do=_do)
