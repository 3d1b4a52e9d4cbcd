"""An experiment: what it says and why, what may be done next, where its ramp stands, and whether it can be trusted."""

from __future__ import annotations

from typing import Any

from steelyard.canonical import plain
from steelyard.document import Heading
from steelyard.project.experiment_blocks import experiment_blocks
from steelyard.project.experiment_state import ExperimentState, experiment_state
from steelyard.project.ramp_blocks import ramp_data
from steelyard.result.charts import effect_charts
from steelyard.web.page import Crumb, Page
from steelyard.web.pages.study_record import acts_table, newest_line, record_blocks, record_data
from steelyard.web.view import View

__all__ = ["experiment"]


def experiment(view: View) -> Page:
    """One experiment, as a decision maker needs it."""
    name = view.names["name"]
    state = experiment_state(view.project, name)
    return Page(
        title=name,
        section="Studies",
        crumbs=[Crumb(text="Studies", href="/studies")],
        lead=[
            Heading(state.result.question if state.result else state.study.question, 1),
            newest_line(view, name, state.kept, planned=True),
        ],
        blocks=[
            *experiment_blocks(state, acts=[acts_table(view, name)]),
            *record_blocks(view, name, state.kept, state.study),
        ],
        data={**record_data(view, name, state.kept, state.study), **_data(state)},
        picture=None if state.result is None else next(effect_charts(state.result), None),
    )


def _data(state: ExperimentState) -> dict[str, Any]:
    standing = state.standing
    return {
        "ramp": None if standing is None else ramp_data(standing, state.independence, state.exposures),
        "independence": plain(state.independence),
        "exposures": plain(state.exposures),
        "troubles": [error.to_dict() for error in state.troubles],
    }
