"""Who took part: assignments made here or elsewhere, exposures, windows; governed metrics at the unit's grain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.metrics import Measure, Metric, MetricCatalog
from steelyard.metrics import Ratio as GovernedRatio
from steelyard.result import Check, Result
from steelyard.studies.experiments import (
    Assignment,
    Covariate,
    Effect,
    Experiment,
    Exposure,
    Mean,
    MetricUse,
    Stage,
    assign,
)
from steelyard.studies.run import plan, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
HALVES = {"control": 0.5, "b": 0.5}


def check_of(result: Result, name: str) -> Check:
    (found,) = [check for check in result.checks if check.name == name]
    return found


def moments_at(hours: Any) -> pa.Array:
    return pa.array([START + timedelta(hours=float(h)) for h in hours], pa.timestamp("us", "UTC"))


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "test", "question": "Does it help?", "arms": HALVES, "table": "units", "unit": "id",
        "primary": Mean("spend"),
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def unit_table(n: int = 2_000) -> pa.Table:
    return pa.table({"id": np.arange(n), "spend": np.random.default_rng(3).normal(10, 2, n)})


def answered(one: Experiment, **tables: pa.Table) -> Result:
    return run(one, connect(tables), as_of=NOW)


# --- by hash


def test_sql_and_python_assign_alike() -> None:
    one = study(assignment="steelyard", arms={"control": 0.5, "b": 0.2, "c": 0.3}, primary=Mean("spend"))
    table = unit_table()
    result = answered(one, units=table)
    arms = np.array(assign(one, table["id"].to_pylist()))
    shown = {row["arm"]: row["units"] for row in result.tables["arms"].to_pylist()}
    assert shown == {arm: int((arms == arm).sum()) for arm in one.arms}
    spend = table["spend"].to_numpy()
    found = result.estimate(contrast="b - control", scale="absolute")
    assert found.value == pytest.approx(spend[arms == "b"].mean() - spend[arms == "control"].mean())


def test_text_ids_fall_where_their_digits_do() -> None:
    one = study()
    assert assign(one, ["1", "22"]) == assign(one, [1, 22])


def test_another_name_is_an_independent_draw() -> None:
    ids = range(20_000)
    one, other = (np.array(assign(study(name=name), ids)) == "b" for name in ("test", "other"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(20_000)
    assert one.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(20_000))


def test_a_rising_ramp_moves_nobody() -> None:
    ids = range(5_000)
    some, more = assign(study(), ids, enrolled=0.1), assign(study(), ids, enrolled=0.5)
    assert all(now == before for before, now in zip(some, more, strict=True) if before is not None)
    assert sum(arm is not None for arm in some) == pytest.approx(500, abs=100)


def test_a_ramp_that_has_not_begun_enrols_nobody_and_says_so() -> None:
    with pytest.raises(DefinitionError, match="no stage of the ramp"):
        answered(study(ramp=(0.1, 1.0)), units=unit_table())


def test_the_ledger_s_stage_says_who_is_enrolled() -> None:
    one = study(ramp=(0.25, 1.0))
    setting = Setting(warehouse=connect({"units": unit_table()}), stages={"test": ({"share": 0.25},)})
    result = run(one, setting, as_of=NOW)
    expected = assign(one, range(2_000), enrolled=0.25)
    assert result.estimate(scale="absolute").n == sum(arm is not None for arm in expected)


def test_a_stage_that_ran_with_another_split_is_a_stratum() -> None:
    setting = Setting(
        warehouse=connect({"units": unit_table()}),
        stages={"test": ({"share": 0.1, "arms": {"control": 0.9, "b": 0.1}}, {"share": 1.0})},
    )
    result = run(study(ramp=(Stage(share=0.1), 1.0)), setting, as_of=NOW)
    assert {row["stage"] for row in result.tables["stages"].to_pylist()} == {1, 2}


def test_a_hash_needs_an_id() -> None:
    with pytest.raises(DefinitionError, match="names no unit"):
        answered(study(unit=""), units=unit_table())


# --- elsewhere


def flags(**columns: Any) -> pa.Table:
    ids = np.arange(2_000)
    arms = np.where(ids % 2, "b", "control")
    return pa.table({"id": ids, "arm": arms, "at": moments_at(ids / 100), **columns})


ELSEWHERE = Assignment(table="flags", at="at")


def test_assignments_of_another_system_are_joined() -> None:
    units = unit_table()
    spend = units["spend"].to_numpy()
    result = answered(study(assignment=ELSEWHERE), units=units, flags=flags())
    assert result.estimate(scale="absolute").value == pytest.approx(spend[1::2].mean() - spend[::2].mean())


def test_an_assigned_unit_without_a_row_is_missing_not_dropped() -> None:
    result = answered(study(assignment=ELSEWHERE), units=unit_table().slice(0, 1_900), flags=flags())
    assert "50 NULL of 1,000" in check_of(result, "values_present").says
    assert result.verdict.answer == "invalid"


def test_a_unit_assigned_twice_to_one_arm_counts_once() -> None:
    once, again = flags(), flags().slice(0, 300)
    result = answered(study(assignment=ELSEWHERE), units=unit_table(), flags=pa.concat_tables([once, again]))
    assert result.estimate(scale="absolute").n == 2_000
    assert check_of(result, "one_arm_each").status == "passed"


def test_a_unit_assigned_to_two_arms_is_counted_left_out_and_stops() -> None:
    wrong = flags().slice(0, 7)
    wrong = wrong.set_column(
        1, "arm", pa.array(["b" if a == "control" else "control" for a in wrong["arm"].to_pylist()])
    )
    result = answered(study(assignment=ELSEWHERE), units=unit_table(), flags=pa.concat_tables([flags(), wrong]))
    assert "7 units are in two arms" in check_of(result, "one_arm_each").says
    assert result.estimate(scale="absolute").n == 1_993
    assert result.verdict.answer == "invalid"


def test_a_unit_table_with_two_rows_a_unit_does_not_fan_out_unseen() -> None:
    units = pa.concat_tables([unit_table(), unit_table().slice(0, 40)])
    result = answered(study(assignment=ELSEWHERE), units=units, flags=flags())
    assert "40 ids stand in several rows" in check_of(result, "one_row_each").says


def test_assignments_after_the_clock_do_not_exist() -> None:
    late = flags()
    result = run(
        study(assignment=ELSEWHERE), connect({"units": unit_table(), "flags": late}), as_of=START + timedelta(hours=10)
    )
    assert result.estimate(scale="absolute").n == 1_001


def test_a_table_or_column_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="flag"):
        answered(study(assignment=Assignment(table="flag")), units=unit_table(), flags=flags())
    with pytest.raises(UnknownNameError, match="variant"):
        answered(study(assignment=Assignment(table="flags", arm="variant")), units=unit_table(), flags=flags())


def test_a_column_of_text_is_no_clock() -> None:
    text = flags().drop_columns(["at"]).append_column("at", pa.array(["yesterday"] * 2_000))
    with pytest.raises(DefinitionError, match="holds no time"):
        answered(study(assignment=ELSEWHERE), units=unit_table(), flags=text)


# --- exposures and windows


def exposures(n: int = 1_000) -> pa.Table:
    return pa.table({"id": np.arange(n), "seen_at": moments_at(24 + np.arange(n) / 100), "page": ["checkout"] * n})


def test_only_exposed_units_are_analysed() -> None:
    one = study(assignment=ELSEWHERE, exposure=Exposure(table="seen", at="seen_at"))
    result = answered(one, units=unit_table(), flags=flags(), seen=exposures())
    assert result.estimate(scale="absolute").n == 1_000
    assert check_of(result, "exposed_after_assignment").status == "passed"


def test_an_event_that_no_table_has_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="sean"):
        answered(study(exposure=Exposure(event="sean")), units=unit_table(), seen=exposures())


def test_an_exposure_before_its_assignment_is_a_doubt_with_a_count() -> None:
    early = exposures().set_column(1, "seen_at", moments_at(np.full(1_000, 5.0)))
    one = study(assignment=ELSEWHERE, exposure=Exposure(table="seen", at="seen_at"))
    result = answered(one, units=unit_table(), flags=flags(), seen=early)
    assert check_of(result, "exposed_after_assignment").value == 499
    assert result.verdict.answer == "unclear"


def test_units_whose_window_is_open_are_counted_and_left_out() -> None:
    one = study(exposure=Exposure(table="seen", at="seen_at"), primary=Mean("spend", window="7 days"))
    seen = exposures()
    now = START + timedelta(days=8, hours=4)
    result = run(one, connect({"units": unit_table(), "seen": seen}), as_of=now)
    closed = sum(at <= now - timedelta(days=7) for at in seen["seen_at"].to_pylist())
    assert result.estimate(scale="absolute").n == closed == 401
    assert check_of(result, "windows_closed").value == 1_000 - closed
    counted = sum(row["units"] for row in result.tables["arms"].to_pylist())
    assert counted == 1_000


def test_exposures_outside_of_the_study_s_days_do_not_enter() -> None:
    one = study(exposure=Exposure(table="seen", at="seen_at"), between=(date(2026, 1, 3), date(2026, 1, 4)))
    seen = exposures(4_000)
    result = answered(one, units=unit_table(4_000), seen=seen)
    inside = [at for at in seen["seen_at"].to_pylist() if date(2026, 1, 3) <= at.date() <= date(2026, 1, 4)]
    assert result.estimate(scale="absolute").n == len(inside) == 1_600


# --- governed


def catalog() -> MetricCatalog:
    return MetricCatalog.of(
        metrics=[
            Metric(name="revenue", sum="orders.amount", better="up", measured_in="USD"),
            Metric(name="refunds", sum="orders.refunded", better="down", measured_in="USD"),
            Metric(
                name="order_value",
                ratio=GovernedRatio(numerator=Measure(sum="orders.amount"), denominator=Measure(count="orders")),
                better="up",
            ),
        ],
        tables=[
            TableDeclaration(
                name="orders", key=("order_id",), time="ordered_at", entities={"customer": ("customer_id",)}
            ),
            TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("country",)),
            TableDeclaration(name="seen", time="seen_at", entities={"customer": ("customer_id",)}),
        ],
    )


def shop(n: int = 600) -> Mapping[str, pa.Table]:
    random = np.random.default_rng(8)
    m = 8 * n
    hours = random.uniform(0, 60 * 24, m)
    return {
        "orders": pa.table(
            {
                "order_id": np.arange(m),
                "customer_id": random.integers(0, n, m),
                "ordered_at": moments_at(hours),
                "amount": np.round(random.gamma(2, 20, m), 2),
                "refunded": np.round(random.gamma(2, 1, m), 2),
            }
        ),
        "customers": pa.table({"customer_id": np.arange(n), "country": random.choice(["DE", "FR"], n)}),
        "seen": pa.table(
            {"customer_id": np.arange(n // 2), "seen_at": moments_at(random.uniform(20 * 24, 40 * 24, n // 2))}
        ),
    }


def governed(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "test", "question": "Does it help?", "arms": HALVES, "unit": "customer", "primary": "revenue",
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def brute_force(
    tables: Mapping[str, pa.Table], column: str, start: Callable[[int], Any], since: int, until: int
) -> Any:
    """Each customer's sum over the hours since and until after their start; NaN for those that have none."""
    orders = tables["orders"].to_pylist()
    sums = np.zeros(tables["customers"].num_rows)
    for order in orders:
        at = start(order["customer_id"])
        if at is not None and at + timedelta(hours=since) <= order["ordered_at"] < at + timedelta(hours=until):
            sums[order["customer_id"]] += order[column]
    return sums


def test_governed_metrics_are_each_unit_s_own_rows_in_its_own_window() -> None:
    tables = shop()
    one = governed(
        exposure=Exposure(event="seen"),
        primary=MetricUse(metric="revenue", window="7 days", covariate=Covariate(before="14 days")),
        segments=("country",),
    )
    result = run(one, Setting(warehouse=connect(tables), metrics=catalog()), as_of=NOW)
    seen = dict(zip(tables["seen"]["customer_id"].to_pylist(), tables["seen"]["seen_at"].to_pylist(), strict=True))
    after = brute_force(tables, "amount", seen.get, 0, 7 * 24)[:300]
    before = brute_force(tables, "amount", seen.get, -14 * 24, 0)[:300]
    arms = np.array(assign(one, range(300)))
    level = {row["arm"]: row["level"] for row in result.tables["arms"].to_pylist()}
    assert level["b"] == pytest.approx(after[arms == "b"].mean())
    assert level["control"] == pytest.approx(after[arms == "control"].mean())
    found = result.estimate(segment="all", scale="absolute")
    theta = result.tables["methods"].to_pylist()[0]["theta"]
    adjusted = after - theta * before
    assert found.value == pytest.approx(adjusted[arms == "b"].mean() - adjusted[arms == "control"].mean())
    assert (found.measured_in, found.n) == ("USD", 300)


def test_a_governed_ratio_brings_its_own_denominator() -> None:
    tables = shop()
    one = governed(primary="order_value", between=(date(2026, 1, 1), date(2026, 3, 31)))
    result = run(one, Setting(warehouse=connect(tables), metrics=catalog()), as_of=NOW)
    arms = np.array(assign(one, range(600)))[tables["orders"]["customer_id"].to_numpy()]
    amount = tables["orders"]["amount"].to_numpy()
    level = {row["arm"]: row["level"] for row in result.tables["arms"].to_pylist()}
    assert level["b"] == pytest.approx(amount[arms == "b"].mean())
    assert result.tables["methods"].to_pylist()[0]["kind"] == "ratio"


def test_the_definition_says_which_way_is_better() -> None:
    tables = dict(shop())
    one = governed(primary="refunds")
    arms = np.array(assign(one, range(600)))[tables["orders"]["customer_id"].to_numpy()]
    more = pa.array(np.where(arms == "b", 5.0, 1.0) * tables["orders"]["refunded"].to_numpy())
    tables["orders"] = tables["orders"].drop_columns(["refunded"]).append_column("refunded", more)
    result = run(one, Setting(warehouse=connect(tables), metrics=catalog()), as_of=NOW)
    assert result.estimate(scale="absolute").value > 0
    assert result.verdict.action == "rollback"


def test_units_without_an_exposure_count_the_study_s_days() -> None:
    tables = shop()
    one = governed(between=(date(2026, 1, 11), date(2026, 1, 20)))
    result = run(one, Setting(warehouse=connect(tables), metrics=catalog()), as_of=NOW)
    spent = brute_force(tables, "amount", lambda _: START, 10 * 24, 20 * 24)
    arms = np.array(assign(one, range(600)))
    assert result.estimate(scale="absolute").value == pytest.approx(
        spent[arms == "b"].mean() - spent[arms == "control"].mean()
    )


@pytest.mark.parametrize(("days", "status"), [(5, "passed"), (400, "failed")])
def test_a_window_that_outlasts_the_study_s_days_is_read_when_it_has_closed(days: int, status: str) -> None:
    use = MetricUse(metric="revenue", window=f"{days} days")
    one = governed(primary=use, between=(date(2026, 1, 11), date(2026, 1, 20)))
    result = run(one, Setting(warehouse=connect(shop(50)), metrics=catalog()), as_of=NOW)
    (end,) = [check for check in result.checks if check.name == "read_at_its_end"]
    assert (end.status, end.severity) == (status, "doubt")
    assert ("2027-02-15" if status == "failed" else "2026-01-21") in end.says


def test_a_share_of_a_governed_sum_is_the_share_with_any_row() -> None:
    tables = shop()
    one = governed(primary=MetricUse(metric="revenue", kind="share"), between=(date(2026, 1, 11), date(2026, 1, 12)))
    result = run(one, Setting(warehouse=connect(tables), metrics=catalog()), as_of=NOW)
    any_order = brute_force(tables, "amount", lambda _: START, 10 * 24, 12 * 24) > 0
    arms = np.array(assign(one, range(600)))
    assert result.estimate(scale="absolute").value == pytest.approx(
        any_order[arms == "b"].mean() - any_order[arms == "control"].mean()
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"primary": MetricUse(metric="revenue", window="7 days")}, "has no start"),
        ({"primary": MetricUse(metric="revenue", covariate=Covariate(before="7 days"))}, "has no start"),
        (
            {"primary": MetricUse(metric="revenue", covariate="revenue"), "exposure": Exposure(event="seen")},
            "no length",
        ),
        ({"primary": MetricUse(metric="order_value", kind="mean")}, "not a mean of units"),
        ({"primary": MetricUse(metric="revenue", kind="ratio")}, "not a ratio"),
        (
            {"primary": MetricUse(metric="revenue", window="36 hours"), "exposure": Exposure(event="seen")},
            "number of days",
        ),
        ({"primary": "revenu"}, "revenu"),
        ({"unit": "visitor"}, "visitor"),
    ],
)
def test_governed_words_that_do_not_fit_are_refused(changes: Mapping[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        run(governed(**changes), Setting(warehouse=connect(shop(50)), metrics=catalog()), as_of=NOW)


def test_history_before_the_study_gives_the_plan_its_baseline() -> None:
    tables = shop()
    one = governed(
        primary=MetricUse(
            metric="revenue", covariate=Covariate(before="10 days"), expected_effect=Effect(relative=0.1)
        ),
        between=(date(2026, 1, 21), date(2026, 1, 30)),
    )
    sample = plan(one, Setting(warehouse=connect(tables), metrics=catalog()), as_of=NOW).sample
    before = brute_force(tables, "amount", lambda _: START, 10 * 24, 20 * 24)
    assert sample["baseline"] == pytest.approx(before.mean())
    assert sample["standard deviation"] == pytest.approx(before.std(ddof=1))
    assert sample["units to be had"] == 600


@pytest.mark.parametrize(
    "where", ["1 = 1) OR (1 = 1", "1 = 1; DROP TABLE seen", "kind =", "TRUE --", "TRUE LIMIT 1", "TRUE UNION SELECT 1"]
)
def test_a_condition_that_closes_its_brackets_or_is_none_is_refused(where: str) -> None:
    """The first one let exposures after the clock and outside of `between` in."""
    one = study(exposure=Exposure(table="seen", at="seen_at", where=where))
    with pytest.raises(DefinitionError, match="is no condition") as caught:
        answered(one, units=unit_table(100), seen=exposures(100))
    assert caught.value.where == "test.exposure.where"
    given = Assignment(table="seen", arm="arm", where=where)
    with pytest.raises(DefinitionError, match="is no condition"):
        answered(
            study(assignment=given), units=unit_table(100), seen=exposures(100).append_column("arm", [["b"] * 100])
        )


def test_a_column_that_holds_no_time_says_where_it_is_named() -> None:
    seen = pa.table({"id": np.arange(10), "seen_at": ["2026-01-01"] * 10})
    with pytest.raises(DefinitionError, match="holds no time") as caught:
        answered(study(exposure=Exposure(table="seen", at="seen_at")), units=unit_table(10), seen=seen)
    assert caught.value.where == "test.exposure.at"
