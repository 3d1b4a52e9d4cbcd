"""The experiments of a project stand beside what they may have moved."""

from __future__ import annotations

from datetime import date

from steelyard.project.running import running_studies
from steelyard.studies.experiments import Experiment

DAYS = (date(2026, 3, 1), date(2026, 3, 14))


def test_an_experiment_with_days_is_a_happening_and_backs_a_metric_that_it_measured() -> None:
    given = {"arms": {"old": 0.5, "new": 0.5}, "primary": "revenue", "unit": "customer"}
    dated = Experiment(name="dated", question="Does it sell more?", between=DAYS, **given)  # type: ignore[arg-type]
    open_ended = Experiment(name="open_ended", question="Does it sell more?", **given)  # type: ignore[arg-type]
    studies = {"dated": dated, "open_ended": open_ended}
    (ran,) = running_studies(studies, "revenue", ["dated"])
    assert (ran.says, ran.kind, ran.at, ran.until, ran.undo) == ("the experiment dated", "experiment", *DAYS, True)
    assert ran.study == "dated"
    assert [item.study for item in running_studies(studies, "visits", ["dated"])] == [""]
    assert [item.study for item in running_studies(studies, "revenue", [])] == [""]
