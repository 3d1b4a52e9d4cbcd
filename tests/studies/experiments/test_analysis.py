"""What an experiment finds in a table of units, and which trouble it names."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.result import Check, Result
from steelyard.studies.experiments import Assignment, Effect, Experiment, Mean, MetricUse, Ratio, Share
from steelyard.studies.run import run

Make = Callable[..., Any]


def check_of(result: Result, name: str) -> Check:
    (found,) = [check for check in result.checks if check.name == name]
    return found


def checks_named(result: Result, name: str) -> list[Check]:
    return [check for check in result.checks if check.name == name]


def test_a_mean_is_welch_on_the_rows(units: Make, answered: Make) -> None:
    columns = units()
    found = answered(columns).estimate(scale="absolute")
    arms = [columns["spend"][columns["arm"] == arm] for arm in ("b", "control")]
    peer = stats.ttest_ind(*arms, equal_var=False)
    assert found.value == pytest.approx(arms[0].mean() - arms[1].mean())
    assert found.p_value == pytest.approx(peer.pvalue)
    interval = peer.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.contrast, found.n, found.level, found.measured_in) == ("b - control", 4_000, 0.95, "USD")


def test_a_mean_a_milliard_deviations_from_zero_is_as_exact(units: Make, answered: Make) -> None:
    columns = units()
    near = answered(columns).estimate(scale="absolute")
    far = answered({**columns, "spend": columns["spend"] + 3e9}).estimate(scale="absolute")
    assert far.value == pytest.approx(near.value, abs=1e-6)
    assert far.std_error == pytest.approx(near.std_error, rel=1e-6)


@pytest.mark.parametrize("type_", [pa.decimal128(18, 2), pa.int64(), pa.float32(), pa.bool_()])
def test_any_numeric_type_is_read_as_doubles(type_: pa.DataType, units: Make, answered: Make) -> None:
    columns = units()
    whole = (np.round(columns["spend"]) % 2 if pa.types.is_boolean(type_) else np.round(columns["spend"])).tolist()
    plain = answered({**columns, "spend": whole}).estimate(scale="absolute")
    if pa.types.is_boolean(type_):
        typed = pa.array([x == 1 for x in whole])
    elif pa.types.is_decimal(type_):
        typed = pa.array([Decimal(int(x)) for x in whole], type_)
    else:
        typed = pa.array(whole).cast(type_)
    assert answered({**columns, "spend": typed}).estimate(scale="absolute").value == pytest.approx(plain.value)


def test_swapping_the_arms_flips_the_sign(units: Make, answered: Make) -> None:
    columns = units()
    there = answered(columns).estimate(scale="absolute")
    back = answered(columns, control="b").estimate(scale="absolute")
    assert back.contrast == "control - b"
    assert back.value == pytest.approx(-there.value)
    assert back.low == pytest.approx(-there.high)


def test_rescaling_the_metric_leaves_the_relative_effect(units: Make, answered: Make) -> None:
    columns = units()
    cents = {**columns, "spend": columns["spend"] * 100}
    for scale, factor in (("absolute", 100), ("relative", 1)):
        one, other = answered(columns).estimate(scale=scale), answered(cents).estimate(scale=scale)
        assert other.value == pytest.approx(one.value * factor)
        assert other.low == pytest.approx(one.low * factor)


def test_twice_the_same_units_without_ids_halve_the_variance(units: Make, answered: Make) -> None:
    """A law of the estimator, and why `one_row_each` must be a blocking check."""
    columns = units()
    once = answered(columns).estimate(scale="absolute")
    twice = answered({name: np.concatenate([c, c]) for name, c in columns.items()})
    assert twice.estimate(scale="absolute").value == pytest.approx(once.value)
    assert twice.estimate(scale="absolute").std_error == pytest.approx(once.std_error / math.sqrt(2), rel=1e-3)
    assert twice.verdict.answer == "invalid"
    assert "4,000 ids stand in several rows" in check_of(twice, "one_row_each").says


def test_segments_hold_each_unit_once(units: Make, answered: Make, full: Any) -> None:
    result = answered(units(), **full)
    parts = [
        row for row in result.estimates
        if row.metric == "converted" and row.scale == "absolute" and row.segment != "all"
    ]  # fmt: skip
    assert [row.segment for row in parts] == ["device = desktop", "device = phone", "device = tablet"]
    assert sum(row.n for row in parts) == 4_000
    assert {row.role for row in parts} == {"exploratory"}


def test_a_segment_is_the_experiment_of_its_own_units(units: Make, answered: Make, full: Any) -> None:
    columns = units()
    whole = answered(columns, **full)
    phones = columns["device"] == "phone"
    alone = answered({name: column[phones] for name, column in columns.items()}, **{**full, "segments": ()})
    for metric in ("spend", "converted", "orders / sessions", "latency"):
        part = whole.estimate(metric=metric, segment="device = phone", scale="relative")
        same = alone.estimate(metric=metric, segment="all", scale="relative")
        assert (part.value, part.low, part.high) == pytest.approx((same.value, same.low, same.high))


def test_cuped_takes_out_what_was_there_before(units: Make, answered: Make) -> None:
    columns = units()
    raw = answered(columns).estimate(scale="absolute")
    kept = answered(columns, primary=Mean("spend", covariate="spend_before"))
    adjusted = kept.estimate(scale="absolute")
    assert adjusted.std_error < 0.4 * raw.std_error
    assert adjusted.low < 0.5 < adjusted.high
    method = kept.tables["methods"].to_pylist()[0]
    assert method["theta"] == pytest.approx(1, abs=0.05)
    assert method["variance_kept"] == pytest.approx((adjusted.std_error / raw.std_error) ** 2)


# --- missing and impossible values


def test_values_whose_squares_are_beyond_doubles_are_said_and_not_estimated(units: Make, answered: Make) -> None:
    columns = units(200)
    result = answered({**columns, "spend": columns["spend"] * 1e160})
    assert "too large to be squared" in check_of(result, "values_present").says
    assert result.verdict.answer == "invalid"
    assert result.estimate(scale="absolute").value is None


@pytest.mark.parametrize("hole", [None, math.nan, math.inf])
@pytest.mark.parametrize("column", ["spend", "spend_before", "converted", "sessions", "latency"])
def test_a_hole_is_counted_by_arm_and_never_narrows_an_interval(
    hole: float | None, column: str, units: Make, answered: Make, full: Any
) -> None:
    columns = units()
    values: list[Any] = columns[column].astype(float).tolist()
    values[1] = values[3] = values[4] = hole
    result = answered({**columns, column: values}, **full)
    assert result.verdict.answer == "invalid"
    failed = check_of(result, "values_present")
    assert failed.stops
    kind = "NULL" if hole is None else "NaN or infinite"
    assert f"in 'b': 2 {kind} of 2,000" in failed.says
    assert f"in 'control': 1 {kind} of 2,000" in failed.says
    hurt = {"spend": "spend", "spend_before": "spend", "converted": "converted", "latency": "latency"}
    row = result.estimate(metric=hurt.get(column, "orders / sessions"), segment="all", scale="absolute")
    assert (row.value, row.low, row.high) == (None, None, None)
    other = "latency" if column != "latency" else "spend"
    assert result.estimate(metric=other, segment="all", scale="absolute").value is not None


def test_a_column_of_nothing_is_an_answer_not_a_crash(units: Make, answered: Make) -> None:
    columns = units()
    result = answered({**columns, "spend": pa.array([None] * 4_000, pa.float64())})
    assert "2,000 NULL of 2,000" in check_of(result, "values_present").says
    assert result.verdict.answer == "invalid"


def test_values_too_large_to_square_are_named(units: Make, answered: Make) -> None:
    columns = units()
    huge = columns["spend"].copy()
    huge[0], huge[2] = 1e200, -1e200
    result = answered({**columns, "spend": huge})
    assert "too large" in check_of(result, "values_present").says
    assert result.verdict.answer == "invalid"


def test_a_share_of_something_else_than_0_and_1_is_refused(units: Make, answered: Make) -> None:
    columns = units()
    columns["converted"] = columns["converted"] * 2
    result = answered(columns, primary=Share("converted"))
    assert check_of(result, "share_is_binary").stops
    assert result.estimate(scale="absolute").value is None


@pytest.mark.parametrize("sign", [0.0, -1.0])
def test_a_ratio_over_nothing_or_a_negative_is_no_number(sign: float, units: Make, answered: Make) -> None:
    columns = units()
    result = answered({**columns, "sessions": columns["sessions"] * sign}, primary=Ratio("orders", "sessions"))
    assert len([check for check in checks_named(result, "denominator_positive") if check.stops]) == 2
    assert result.estimate(scale="absolute").value is None


def test_a_denominator_that_is_hardly_known_is_a_doubt(units: Make, answered: Make) -> None:
    columns = units(200)
    columns["sessions"] = np.where(np.arange(200) < 6, 1.0, 0.0)
    result = answered(columns, primary=Ratio("orders", "sessions"))
    assert checks_named(result, "denominator_known")[0].doubts
    assert result.verdict.answer == "unclear"


def test_values_that_never_vary_prove_nothing(units: Make, answered: Make) -> None:
    columns = {**units(), "errors": np.zeros(4_000)}
    harmless = Mean("errors", better="down", margin=Effect(absolute=0.1))
    result = answered(columns, guardrails=(harmless,))
    row = result.estimate(metric="errors", scale="absolute")
    assert (row.value, row.low, row.high) == (0.0, None, None)
    assert check_of(result, "values_vary").doubts
    assert result.verdict.action != "ship"


def test_a_negative_level_has_no_relative_effect(units: Make, answered: Make) -> None:
    columns = units()
    columns["spend"] = columns["spend"] - 100
    found = answered(columns, primary=Mean("spend", min_effect=Effect(relative=0.01)))
    assert found.estimate(scale="relative").value is None
    assert found.estimate(scale="absolute").value is not None
    assert checks_named(found, "relative_scale")[0].doubts
    assert found.verdict.clauses[1].holds is None


# --- arms


def test_an_arm_that_nobody_named_is_counted_and_stops(units: Make, answered: Make) -> None:
    columns = units()
    columns["arm"] = np.where(np.arange(4_000) % 100 == 7, "b2", columns["arm"])
    result = answered(columns)
    assert "'b2' 40" in check_of(result, "known_arms").says
    assert result.verdict.answer == "invalid"


def test_a_unit_without_an_arm_is_counted_and_stops(units: Make, answered: Make) -> None:
    columns = units()
    columns["arm"] = [None if i < 3 else arm for i, arm in enumerate(columns["arm"])]
    assert "'missing' 3" in check_of(answered(columns), "known_arms").says


def test_an_arm_without_units_is_a_failed_check_that_lists_what_there_is(units: Make, answered: Make) -> None:
    columns = units()
    columns["arm"] = np.where(columns["arm"] == "b", "B", "control")
    result = answered(columns)
    assert check_of(result, "filled_arms").stops
    assert "'b' 0" in check_of(result, "filled_arms").says
    assert "'B'" in check_of(result, "filled_arms").says
    assert result.estimate(scale="absolute").value is None


def test_no_units_at_all_is_an_invalid_answer(units: Make, answered: Make, full: Any) -> None:
    empty = pa.table(units()).slice(0, 0)
    result = answered({name: empty[name] for name in empty.column_names}, **full)
    assert result.verdict.answer == "invalid"
    assert check_of(result, "sample_ratio").status == "not_run"


def test_a_unit_in_two_arms_is_counted_and_stops(units: Make, answered: Make) -> None:
    columns = units()
    columns["user_id"] = np.where(np.arange(4_000) == 1, 0, columns["user_id"])
    result = answered(columns)
    assert "1 units are in two arms" in check_of(result, "one_arm_each").says
    assert result.verdict.answer == "invalid"


def test_rows_without_an_id_are_counted_and_stop(units: Make, answered: Make) -> None:
    columns = units()
    columns["user_id"] = [None if i < 5 else i for i in range(4_000)]
    assert "5 rows have none" in check_of(answered(columns), "one_row_each").says


def test_without_a_unit_column_nobody_claims_that_rows_are_units(units: Make, answered: Make) -> None:
    result = answered(units(), unit="")
    assert check_of(result, "one_arm_each").status == "not_run"
    assert not check_of(result, "one_arm_each").stops


@pytest.mark.parametrize(
    ("counts", "status", "severity"),
    [
        ((5_050, 4_950), "passed", "blocking"),
        ((5_140, 4_860), "failed", "doubt"),
        ((5_200, 4_800), "failed", "blocking"),
    ],
)
def test_a_sample_ratio_doubts_below_a_hundredth_and_stops_below_a_thousandth(
    counts: tuple[int, int], status: str, severity: str, answered: Make
) -> None:
    random = np.random.default_rng(0)
    arm = ["control"] * counts[0] + ["b"] * counts[1]
    result = answered({"user_id": np.arange(10_000), "arm": arm, "spend": random.normal(10, 1, 10_000)})
    found = check_of(result, "sample_ratio")
    assert (found.status, found.severity) == (status, severity)
    assert found.value == pytest.approx(stats.chisquare(counts).pvalue)


def test_the_sample_ratio_is_held_against_the_stated_split(units: Make, answered: Make) -> None:
    random = np.random.default_rng(0)
    arm = np.where(random.random(10_000) < 0.1, "b", "control")
    columns = {"user_id": np.arange(10_000), "arm": arm, "spend": random.normal(10, 1, 10_000)}
    assert check_of(answered(columns, arms={"control": 0.9, "b": 0.1}), "sample_ratio").status == "passed"
    assert check_of(answered(columns), "sample_ratio").stops


def test_arms_of_any_type_are_named_as_text(units: Make, answered: Make) -> None:
    columns = units()
    for values, arms in (
        ((columns["arm"] == "b").astype(int), {"0": 0.5, "1": 0.5}),
        (columns["arm"] == "b", {"false": 0.5, "true": 0.5}),
    ):
        result = answered({**columns, "arm": values}, arms=arms)
        assert result.estimate(scale="absolute").value == pytest.approx(
            answered(columns).estimate(scale="absolute").value
        )


def test_a_covariate_that_differs_beforehand_is_a_doubt(units: Make, answered: Make) -> None:
    columns = units()
    columns["spend_before"] = columns["spend_before"] + (columns["arm"] == "b")
    result = answered(columns, primary=Mean("spend", covariate="spend_before"))
    assert check_of(result, "balance_before").doubts
    assert result.verdict.answer == "unclear"


def test_a_handful_of_units_is_a_doubt(units: Make, answered: Make) -> None:
    assert check_of(answered(units(40)), "enough_units").doubts


# --- several arms


def test_three_arms_share_the_error(units: Make, answered: Make) -> None:
    columns = units(6_000, arms=("control", "a", "b"), lift=0.3)
    split = {"control": 1 / 3, "a": 1 / 3, "b": 1 / 3}
    result = answered(columns, arms=split, secondary=(Share("converted"),))
    primary = [row for row in result.estimates if row.role == "primary" and row.scale == "absolute"]
    assert [row.contrast for row in primary] == ["a - control", "b - control"]
    assert {round(row.level, 6) for row in primary} == {0.975}
    assert {row.level for row in result.estimates if row.role == "secondary"} == {0.95}
    assert result.verdict.action == "ship"
    assert "'b'" in result.verdict.says
    assert [clause.name for clause in result.verdict.clauses] == [
        "a: primary_excludes_zero",
        "b: primary_excludes_zero",
    ]
    assert [clause.holds for clause in result.verdict.clauses] == [False, True]


# --- the rule


def test_it_ships_what_is_better_by_enough_and_harms_nothing(units: Make, answered: Make, full: Any) -> None:
    result = answered(units(), **full)
    assert (result.verdict.answer, result.verdict.action) == ("yes", "ship")
    assert [clause.name for clause in result.verdict.clauses] == [
        "primary_excludes_zero", "primary_beats_min_effect", "guardrail_latency",
    ]  # fmt: skip
    assert all(clause.holds for clause in result.verdict.clauses)


def test_better_down_turns_every_clause_round(units: Make, answered: Make) -> None:
    columns = units()
    worse = answered(columns, primary=Mean("spend", better="down", min_effect=Effect(relative=0.01)))
    assert (worse.verdict.answer, worse.verdict.action) == ("no", "rollback")
    turned = {**columns, "arm": np.where(columns["arm"] == "b", "control", "b")}
    better = answered(turned, primary=Mean("spend", better="down", min_effect=Effect(relative=0.01)))
    assert (better.verdict.answer, better.verdict.action) == ("yes", "ship")


def test_a_harmed_guardrail_rolls_back_what_would_have_shipped(units: Make, answered: Make, full: Any) -> None:
    columns = units()
    columns["latency"] = columns["latency"] * np.where(columns["arm"] == "b", 1.3, 1.0)
    result = answered(columns, **full)
    assert result.verdict.clauses[0].holds
    assert (result.verdict.answer, result.verdict.action) == ("no", "rollback")
    assert "latency" in result.verdict.says


def test_a_guardrail_that_is_not_surely_within_its_margin_holds(units: Make, answered: Make, full: Any) -> None:
    tight = MetricUse(metric="latency", kind="mean", better="down", margin=Effect(absolute=0.01))
    result = answered(units(), **{**full, "guardrails": (tight,)})
    assert (result.verdict.answer, result.verdict.action) == ("unclear", "hold")
    assert any("latency" in sentence for sentence in result.verdict.settle)


def test_an_effect_below_the_threshold_is_a_no_not_a_maybe(units: Make, answered: Make) -> None:
    result = answered(units(lift=0.1), primary=Mean("spend", min_effect=Effect(relative=0.5)))
    assert (result.verdict.answer, result.verdict.action) == ("no", "hold")


def test_an_arm_that_harms_is_named_where_the_others_do_too_little(units: Make, answered: Make) -> None:
    columns = units(6_000, arms=("control", "a", "b"), lift=0.0)
    columns["latency"] = columns["latency"] + 50 * (columns["arm"] == "a")
    third = dict.fromkeys(("control", "a", "b"), 1 / 3)
    verdict = answered(
        columns, arms=third, primary=Mean("spend", min_effect=Effect(absolute=1.0)),
        guardrails=(Mean("latency", better="down", margin=Effect(relative=0.05)),),
    ).verdict  # fmt: skip
    assert (verdict.answer, verdict.action) == ("no", "hold")
    assert "the effect of 'b', if any, is smaller" in verdict.says
    assert "'a' is worse for sure on 'latency'" in verdict.says


@pytest.mark.parametrize(
    "make",
    [
        lambda: Mean("spend", margin=Effect(relative=2)),
        lambda: Mean("spend", better="up", margin=Effect(relative=1)),
        lambda: Share("converted", better="down", margin=Effect(absolute=2)),
        lambda: Mean("spend", better="down", min_effect=Effect(relative=2)),
        lambda: Share("converted", min_effect=Effect(absolute=1)),
    ],
)
def test_a_margin_or_threshold_beyond_what_can_be_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(DefinitionError, match="nothing can move by so much") as caught:
        make()
    assert "0.02" in caught.value.hint
    assert Mean("errors", better="down", margin=Effect(relative=1.5)).margin is not None, "errors may rise by 150 %"


def test_an_unclear_answer_says_how_many_units_would_settle_it(units: Make, answered: Make) -> None:
    columns = units(1_000, lift=0.05)
    result = answered(columns, primary=Mean("spend", expected_effect=Effect(relative=0.01)))
    assert result.verdict.answer == "unclear"
    assert "would show an effect on 'spend' of +1 %" in result.verdict.settle[0]


def test_a_column_that_is_not_there_names_the_nearest(units: Make, study: Callable[..., Experiment]) -> None:
    with pytest.raises(UnknownNameError) as refused:
        run(study(primary=Mean("spent")), pa.table(units(20)))
    assert "spend" in refused.value.hint


def test_a_metric_named_like_a_segment_is_refused(units: Make, study: Callable[..., Experiment]) -> None:
    with pytest.raises(DefinitionError, match="cannot be metrics as well"):
        run(study(primary=Mean("orders"), segments=("orders",)), pa.table(units(20)))


def test_what_is_said_of_shares_is_in_percentage_points() -> None:
    arms = np.repeat(["control", "b"], 2_000)
    units = pa.table({"arm": arms, "bought": np.tile([1, 0, 0, 0], 1_000), "left": np.tile([1] + [0] * 19, 200)})
    guard = Share("left", better="down", margin=Effect(absolute=0.01))
    study = Experiment(
        name="shares", question="Do more buy?", table="data", arms={"control": 0.5, "b": 0.5},
        assignment=Assignment(), guardrails=(guard,),
        primary=Share("bought", min_effect=Effect(absolute=0.005), expected_effect=Effect(absolute=0.02)),
    )  # fmt: skip
    verdict = run(study, units).verdict
    said = " ".join([verdict.rule, *(clause.says for clause in verdict.clauses), *verdict.settle])
    assert "lies beyond 0.5 pp towards better; and" in said
    assert "is +0 pp (-2.683 to +2.683): the interval does not lie beyond 0.5 pp" in said
    assert "the margin of 1 pp for the worse" in said
    assert "an effect on 'bought' of +2 pp to lie beyond 0.5 pp" in said
    assert "fraction" not in said
