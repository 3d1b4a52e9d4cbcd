"""The study on bare panels: numbers, checks, verdicts, bad input, and the laws of every study."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.definition_file import build
from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.studies import plan, run
from steelyard.studies.causal import DifferenceInDifferences, Group
from steelyard.studies.contract import LAWS, Case

WEEKS = [date.fromordinal(date(2026, 1, 5).toordinal() + 7 * k) for k in range(8)]


def made(
    seed: int = 1, *, lift: float = 2.0, drift: float = 0.0, units: int = 60, periods: list[Any] | None = None
) -> pa.Table:
    """Sixty shops, half of them treated from the fifth period on; `drift` bends the treated ones away before that."""
    random = np.random.default_rng(seed)
    times = periods or WEEKS
    rows = []
    for unit in range(units):
        treated = unit % 2
        level = random.normal(10 + 5 * treated, 1)
        for k, period in enumerate(times):
            value = level + 0.3 * k + random.normal(0, 1) + treated * (drift * k + (lift if k >= 4 else 0))
            rows.append({"shop": f"s{unit}", "week": period, "sales": value, "pilot": bool(treated)})
    return pa.Table.from_pylist(rows)


def study(**changes: Any) -> DifferenceInDifferences:
    said: dict[str, Any] = {
        "name": "pilot",
        "question": "Did the pilot raise sales?",
        "unit": "shop",
        "panel": "data",
        "time": "week",
        "outcome": "sales",
        "treated": Group(where="pilot"),
        "treated_from": WEEKS[4],
        "measured_in": "USD",
    }
    return DifferenceInDifferences(**{**said, **changes})


def from_definition(data: Mapping[str, Any]) -> DifferenceInDifferences:
    values = {name: value for name, value in data.items() if name != "kind"}
    return build(DifferenceInDifferences, values)


CASES = {
    "an effect": Case(study=study(), tables={"data": made()}, build=from_definition),
    "numbers for periods": Case(
        study=study(treated_from=2020, time="week"),
        tables={"data": made(periods=list(range(2016, 2024)))},
        build=from_definition,
    ),
    "an invalid panel": Case(study=study(), tables={"data": made().slice(0, 475)}, build=from_definition),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_obeys_the_laws_of_a_study(case: Case, law: Any) -> None:
    law(case)


def test_a_real_effect_is_found_and_answers_yes() -> None:
    result = run(study(), made())
    row = result.estimate(role="primary")
    assert row.low is not None
    assert row.high is not None
    assert row.low < 2.0 < row.high
    assert result.verdict.answer == "yes"
    assert row.n == 60
    assert row.measured_in == "USD"


def test_it_equals_the_difference_of_four_means() -> None:
    frame = made().to_pandas()
    frame["after"] = frame["week"] >= WEEKS[4]
    means = frame.groupby(["pilot", "after"])["sales"].mean()
    by_hand = (means[True, True] - means[True, False]) - (means[False, True] - means[False, False])
    assert run(study(), made()).estimate(role="primary").value == pytest.approx(by_hand, rel=1e-10)


def test_naive_numbers_stand_beside_it_as_exploratory() -> None:
    row = run(study(), made()).estimate(contrast="treated - control, after only (naive)")
    assert row.role == "exploratory"
    assert row.value == pytest.approx(7.0, abs=1.0)


def test_groups_that_drift_apart_before_make_a_large_number_unclear() -> None:
    result = run(study(), made(drift=0.8, lift=0.0))
    assert result.estimate(role="primary").excludes(0)
    failed = {check.name for check in result.checks if check.doubts}
    assert {"parallel_before", "placebo_date"} <= failed
    assert result.verdict.answer == "unclear"
    assert any("holdout" in item for item in result.verdict.settle)


def test_taking_the_linear_trend_away_takes_the_false_effect_away() -> None:
    result = run(study(robustness=("linear_trend",)), made(drift=0.8, lift=0.0))
    row = result.estimate(contrast="treated - control, less the linear trend before")
    assert row.low is not None
    assert row.high is not None
    assert row.low < 0 < row.high


def test_nothing_is_claimed_when_nothing_happened() -> None:
    answers = [run(study(), made(seed, lift=0.0)).verdict.answer for seed in range(40)]
    assert sum(answer in ("yes", "no") for answer in answers) <= 6


def test_worse_when_less_is_better_answers_no() -> None:
    assert run(study(better="down"), made()).verdict.answer == "no"


def test_an_effect_too_small_to_matter_is_not_a_yes() -> None:
    assert run(study(min_effect=4.0), made()).verdict.answer == "no"


def test_a_unit_that_is_missing_from_a_period_makes_it_invalid_and_is_counted() -> None:
    result = run(study(), made().slice(0, 475))
    assert result.verdict.answer == "invalid"
    check = next(check for check in result.checks if check.name == "balanced_panel")
    assert check.value == 5
    assert "5 unit-periods" in check.says


@pytest.mark.parametrize(("bad", "name"), [(None, "outcome_is_there"), (float("nan"), "outcome_is_there")])
def test_a_missing_value_or_a_nan_makes_it_invalid(bad: float | None, name: str) -> None:
    rows = made().to_pylist()
    rows[17]["sales"] = bad
    result = run(study(), pa.Table.from_pylist(rows))
    assert result.verdict.answer == "invalid"
    assert next(check for check in result.checks if check.name == name).status == "failed"


def test_a_doubled_row_makes_it_invalid() -> None:
    table = made()
    result = run(study(), pa.concat_tables([table, table.slice(3, 1)]))
    assert result.verdict.answer == "invalid"
    assert next(check for check in result.checks if check.name == "one_row_a_unit_and_period").value == 1


def test_no_treated_unit_is_invalid_and_not_a_crash() -> None:
    result = run(study(treated=Group(where="shop = 'none'")), made())
    assert result.verdict.answer == "invalid"
    assert result.estimate(role="exploratory").value is None


def test_an_empty_table_is_invalid_and_not_a_crash() -> None:
    assert run(study(), made().slice(0, 0)).verdict.answer == "invalid"


def test_chosen_controls_leave_the_others_out() -> None:
    result = run(study(controls=Group(where="shop IN ('s0', 's2', 's4', 's6')")), made())
    assert result.estimate(role="primary").n == 34


def test_a_range_leaves_periods_out() -> None:
    result = run(study(between=(WEEKS[2], WEEKS[5])), made())
    assert result.tables["event_study"].num_rows == 4


def test_a_misspelt_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError) as caught:
        run(study(outcome="salse"), made())
    assert "sales" in caught.value.hint


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownNameError, match="campaings"):
        run(study(treated=Group(table="campaings")), made())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"level": 1.5}, "level"),
        ({"min_effect": -1.0}, "negative"),
        ({"between": (WEEKS[5], WEEKS[7])}, "between"),
        ({"between": (1, 2)}, "mixes"),
        ({"panel": "", "between": None}, "between"),
        ({"time": ""}, "time"),
        ({"treated": Group()}, "treated"),
        ({"name": "Not A Name"}, "named"),
        ({"question": " "}, "asks nothing"),
    ],
)
def test_a_study_that_cannot_be_is_refused_when_it_is_made(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        study(**changes)


def test_the_plan_says_rule_and_sql_and_warns_of_nothing() -> None:
    planned = plan(study(), made())
    assert "invalid" in planned.rule.lower()
    assert "SELECT" in planned.queries["paths"].sql


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    runs = 120
    held = 0
    for seed in range(runs):
        row = run(study(robustness=()), made(1000 + seed, units=30)).estimate(role="primary")
        held += row.low <= 2.0 <= row.high  # type: ignore[operator]
    assert abs(held - 0.95 * runs) < 3.5 * np.sqrt(runs * 0.05 * 0.95)
