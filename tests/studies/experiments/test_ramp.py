"""What the next stage of a ramp needs of the latest run: pure, from a study, its acts and a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from steelyard.result import Result
from steelyard.studies.experiments import Assignment, Experiment, Mean, Share
from steelyard.studies.experiments.ramp import LatestRun, Need, needs_of, units_seen
from steelyard.studies.run import run

Make = Callable[..., Any]
BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
THIRDS = dict.fromkeys(("control", "a", "b"), 1 / 3)


def needs(study: Experiment, result: Result, *, at: datetime | None = None, before: int = 0) -> dict[str, Need]:
    latest = LatestRun(entry="e", at=at or BEGUN + timedelta(days=1), result=result, units_before=before)
    act = {"act": "advance", "digest": study.digest(), "since": BEGUN.isoformat()}
    return {need.name: need for need in needs_of(study, [act], registered=True, latest=latest)}


def ran(study: Experiment, columns: Any, as_of: datetime | None = None) -> Result:
    return run(study, pa.table(columns), as_of=as_of or BEGUN + timedelta(hours=5))


@pytest.mark.parametrize(
    "words",
    [
        {"primary": Mean("spend")},
        {"primary": Mean("cost", better="down")},
        {"primary": (Share("converted"), Mean("spend")), "correction": "holm"},
        {"primary": (Share("converted"), Mean("spend")), "correction": "all"},
    ],
)
def test_one_arm_of_two_that_is_worse_for_sure_stops_the_ramp(words: Any, units: Make, study: Make) -> None:
    columns = units(3_000, arms=("control", "a", "b"), lift=0.0)
    columns["spend"] = columns["spend"] - 1.0 * (columns["arm"] == "a")
    columns["cost"] = -columns["spend"]
    experiment = study(arms=THIRDS, **words)
    result = ran(experiment, columns)
    assert result.verdict.action == "hold", "the other arm is not worse"
    need = needs(experiment, result)["not_worse"]
    assert need.holds is False
    assert "'a'" in need.says
    assert "'b'" not in need.says


def test_one_arm_that_is_better_and_one_that_is_level_let_it_go_on(units: Make, study: Make) -> None:
    experiment = study(arms=THIRDS)
    result = ran(experiment, units(3_000, arms=("control", "a", "b"), lift=1.0))
    assert all(need.holds for need in needs(experiment, result).values())


def test_a_run_as_of_a_time_before_the_stage_says_nothing_of_it(units: Make, study: Make) -> None:
    experiment = study()
    result = ran(experiment, units(2_000), as_of=BEGUN - timedelta(days=1))
    found = needs(experiment, result)
    assert found["run_since"].holds is False
    assert "looked at 2026-02-28" in found["run_since"].says


def test_a_stage_that_nobody_came_in_with_has_shown_nothing(units: Make, study: Make) -> None:
    experiment = study()
    result = ran(experiment, units(2_000))
    assert units_seen(result) == 2_000
    assert needs(experiment, result, before=1_500)["new_units"].says.startswith("500 units came in")
    found = needs(experiment, result, before=2_000)["new_units"]
    assert found.holds is False
    assert "2,000 units, no more than" in found.says
    assert needs(experiment, replace(result, tables={}), before=0)["new_units"].holds is False


def test_missing_values_and_units_in_two_arms_stop_the_ramp_and_say_how_many(units: Make, study: Make) -> None:
    experiment = study()
    for change, says in (("spend", "2 NULL"), ("user_id", "in two arms")):
        columns = units(2_000)
        if change == "spend":
            columns["spend"] = [None] * 3 + list(columns["spend"][3:])
        else:
            columns["user_id"] = [0, 0, *columns["user_id"][2:]]
        need = needs(experiment, ran(experiment, columns))["sound"]
        assert need.holds is False
        assert says in need.says


def test_a_stage_whose_windows_are_open_need_not_wait_for_them(units: Make, study: Make) -> None:
    columns = units(2_000)
    columns["seen_at"] = [BEGUN + timedelta(hours=1)] * 2_000
    experiment = study(primary=Mean("spend", window="7 days"), assignment=Assignment(at="seen_at"))
    result = ran(experiment, columns)
    assert result.verdict.answer == "invalid", "nobody's window has closed"
    assert all(need.holds for need in needs(experiment, result).values())
