"""Where a ramp stands, as a person reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from steelyard.document import LineChart
from steelyard.project.ramp_blocks import standing_blocks
from steelyard.studies.experiments.ramp import RampStanding
from steelyard.studies.experiments.sources import Stage


@pytest.mark.parametrize(("ends", "shares"), [(None, [0.2, 1.0, 1.0]), ("rollback", [0.2, 1.0, 0.0, 0.0])])
def test_the_timeline_of_a_ramp_goes_on_until_now(ends: str | None, shares: list[float]) -> None:
    before = datetime.now(UTC)
    names = ["advance", "advance", *([ends] if ends else [])]
    acts = [
        {"act": act, "stage": number, "arm": None, "who": "ann", "why": "it is time",
         "since": (before - timedelta(days=9 - number)).isoformat()}
        for number, act in enumerate(names, start=1)
    ]  # fmt: skip
    halves = {"control": 0.5, "short": 0.5}
    standing = RampStanding(
        study="short", state="rolled back" if ends else "running", acts=tuple(acts), void=0, next_stage=None, needs=(),
        planned=(Stage(share=0.2, arms=halves), Stage(share=1.0, arms=halves)),
    )  # fmt: skip
    (chart,) = [block for block in standing_blocks(standing) if isinstance(block, LineChart)]
    assert list(chart.series[0].values) == shares
    assert len(chart.x) == len(acts) + 1
    assert before <= chart.x[-1] <= datetime.now(UTC)
