"""What a plan says before any outcome is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from steelyard.stats.power import units_for_means, units_for_shares
from steelyard.studies.experiments import Baseline, Effect, Experiment, Looks, Mean, Share, Stopping
from steelyard.studies.run import plan

Make = Callable[..., Any]
FIRST = date(2026, 3, 1)
LAST = date(2026, 3, 14)
REVENUE = Baseline(level=7.7, std_dev=10.4, correlation=0.5, units=50_000)


def needs(gap: float, ratio: float = 1.0, level: float = 0.95, std_dev: float = 10.4) -> float:
    """Units in control with which Welch's interval lies beyond zero on the right side with a chance of 80 %."""
    return units_for_means(gap, std_dev, ratio=ratio, level=level, std_dev_treated=std_dev, one_sided=True)


def planned(one: Experiment, units: Make) -> Any:
    return plan(one, pa.table(units(20)))


def test_it_says_the_rule_and_the_sql_and_the_units(units: Make, study: Make, full: Any) -> None:
    found = planned(study(**full), units)
    assert "excludes zero" in found.rule
    assert "beyond 1 %" in found.rule
    assert "within 5 % of control" in found.rule
    assert set(found.queries) == {"sample", "ids", "moments"}
    assert 'GROUP BY "arm", "device"' in found.queries["moments"].sql
    assert "No baseline" in found.warnings[0]


def test_units_follow_the_allocation(units: Make, study: Make) -> None:
    main = Mean("spend", baseline=REVENUE, expected_effect=Effect(relative=0.05))
    sample = planned(study(primary=main, arms={"control": 0.9, "b": 0.1}), units).sample
    n = needs(0.05 * 7.7, 1 / 9)
    assert sample["units needed in control"] == math.ceil(n)
    assert sample["units needed in b"] == math.ceil(n / 9)
    assert sample["units needed"] == sample["units needed in control"] + sample["units needed in b"]


def test_a_covariate_saves_its_squared_correlation(units: Make, study: Make) -> None:
    words = {"baseline": REVENUE, "expected_effect": Effect(relative=0.05)}
    raw = planned(study(primary=Mean("spend", **words)), units).sample
    kept = planned(study(primary=Mean("spend", covariate="spend_before", **words)), units).sample
    assert kept["units needed"] == pytest.approx(0.75 * raw["units needed"], rel=1e-3)
    assert kept["variance left by the covariate"] == 0.75


def test_a_threshold_is_what_the_interval_must_leave_behind(units: Make, study: Make) -> None:
    words = {"baseline": REVENUE, "expected_effect": Effect(relative=0.05)}
    absolute = Mean("spend", min_effect=Effect(absolute=0.03 * 7.7), **words)
    sample = planned(study(primary=absolute), units).sample
    assert sample["units needed in control"] == math.ceil(needs(0.02 * 7.7))


def test_a_relative_threshold_is_left_behind_on_the_log_scale(units: Make, study: Make) -> None:
    main = Mean("spend", baseline=REVENUE, expected_effect=Effect(relative=0.5), min_effect=Effect(relative=0.2))
    sample = planned(study(primary=main), units).sample
    error = math.log(1.5 / 1.2) / (1.959964 + 0.841621)
    n = (10.4 / 7.7) ** 2 * (1 + 1 / 1.5**2) / error**2
    assert sample["units needed in control"] == pytest.approx(n, rel=0.01)


def test_a_share_needs_no_standard_deviation(units: Make, study: Make) -> None:
    main = Share("converted", baseline=Baseline(level=0.1), expected_effect=Effect(absolute=0.01))
    sample = planned(study(primary=main), units).sample
    assert sample["units needed in control"] == math.ceil(units_for_shares(0.1, 0.11))


def test_three_arms_are_planned_at_bonferroni_s_level(units: Make, study: Make) -> None:
    main = Mean("spend", baseline=REVENUE, expected_effect=Effect(relative=0.05))
    sample = planned(study(primary=main, arms={"control": 0.5, "a": 0.25, "b": 0.25}), units).sample
    assert sample["level of the interval"] == 0.975
    assert sample["units needed in control"] == math.ceil(needs(0.05 * 7.7, 0.5, 0.975))


def test_an_expected_effect_within_the_threshold_is_a_warning(units: Make, study: Make) -> None:
    main = Mean("spend", baseline=REVENUE, expected_effect=Effect(relative=0.01), min_effect=Effect(relative=0.02))
    assert "not beyond its min_effect" in planned(study(primary=main), units).warnings[0]


def test_a_mean_without_a_standard_deviation_is_a_warning(units: Make, study: Make) -> None:
    main = Mean("spend", baseline=Baseline(level=7.0), expected_effect=Effect(relative=0.01))
    assert "has no std_dev" in planned(study(primary=main), units).warnings[0]


def test_a_falling_metric_is_planned_for_too(units: Make, study: Make) -> None:
    words = {"baseline": REVENUE, "min_effect": Effect(absolute=0.077)}
    down = Mean("spend", better="down", expected_effect=Effect(relative=-0.05), **words)
    up = Mean("spend", expected_effect=Effect(relative=0.05), **words)
    found = [planned(study(primary=main), units).sample["units needed"] for main in (down, up)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("rule", "looks", "factor"),
    [("obrien_fleming", 5, 1.025), ("pocock", 2, 1.123), ("always_valid", 1, 1.916), ("fixed", 5, 1.0)],
)
def test_a_plan_takes_the_units_that_its_looks_cost(
    units: Make, study: Make, rule: str, looks: int, factor: float
) -> None:
    """The factors of one-sided spending of 0.025 at power 0.8, as `tests/reference` has them from rpact."""
    main = Mean("spend", baseline=REVENUE, expected_effect=Effect(relative=0.05))
    schedule = Looks(every="daily", until=FIRST) if looks == 1 else Looks(planned=looks)
    stopping = Stopping(success=rule, harm="always_valid")
    once = planned(study(primary=main), units)
    several = planned(study(primary=main, looks=schedule, stopping=stopping, between=(FIRST, LAST)), units)
    assert several.sample["units needed"] == pytest.approx(factor * once.sample["units needed"], rel=2e-3)
    assert several.sample["chance that the rule ships it"] == pytest.approx(0.8, abs=1e-3)
    assert not any("How many looks" in warning for warning in several.warnings)


def test_looks_of_an_unknown_number_are_taken_to_be_twenty_and_that_is_said(units: Make, study: Make) -> None:
    main = Mean("spend", baseline=REVENUE, expected_effect=Effect(relative=0.05))
    stopping = Stopping(success="pocock", harm="pocock")
    open_ended, twenty = (
        planned(study(primary=main, looks=looks, stopping=stopping), units)
        for looks in (Looks(every="daily"), Looks(planned=20))
    )
    assert open_ended.sample["units needed"] == twenty.sample["units needed"]
    assert any("20 are taken" in warning for warning in open_ended.warnings)
    assert not any("are taken" in warning for warning in twenty.warnings)


@pytest.mark.parametrize(
    "known", [Baseline(level=2, std_dev=3), Baseline(level=10, std_dev=1e23), Baseline(level=10, std_dev=1e12)]
)
def test_more_units_than_there_can_be_are_said_and_not_counted(known: Baseline, study: Make) -> None:
    """2 * 1.05 - 2 is above 0.1 by rounding alone: infinitely many units were to be rounded up."""
    use = Mean("spend", baseline=known, expected_effect=Effect(relative=0.05), min_effect=Effect(absolute=0.1))
    found = plan(study(primary=use, assignment="steelyard"), pa.table({"user_id": [1, 2], "spend": [1.0, 2.0]}))
    assert "units needed" not in found.sample
    assert any("no number of units" in warning for warning in found.warnings)
