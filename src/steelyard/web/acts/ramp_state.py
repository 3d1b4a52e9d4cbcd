"""Where a ramp stands, as what a form about it depends on."""

from __future__ import annotations

from steelyard.project import Project
from steelyard.studies.experiments.ramp import RampStanding
from steelyard.web.acts.act import latest_result, state_of

__all__ = ["ramp_state", "unmet"]


def ramp_state(project: Project, standing: RampStanding) -> str:
    """One word for the definition, the acts, the latest run and the gates."""
    latest = latest_result(project, standing.study)
    acts = [row["entry"] for row in standing.acts]
    gates = [(need.name, need.holds) for need in standing.needs]
    return state_of(project.experiment(standing.study).digest(), acts, latest.digest if latest else "", gates)


def unmet(standing: RampStanding) -> str:
    """The gates that do not hold, in words; empty where all do."""
    return " ".join(need.says for need in standing.needs if not need.holds)
