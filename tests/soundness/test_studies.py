"""Studies that would print a number that is wrong and looks right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.decisions import Decision
from steelyard.decisions.gates import gates
from steelyard.errors import DefinitionError
from steelyard.metrics import Metric, MetricCatalog
from steelyard.result import Result
from steelyard.stats.cohort import CohortMoments
from steelyard.stats.difference import before_after, difference
from steelyard.studies.causal import DifferenceInDifferences, Group
from steelyard.studies.experiments import Assignment, Covariate, Effect, Experiment, Exposure, Mean, MetricUse, Ratio
from steelyard.studies.run import run
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect

PERIODS = list(range(8))


def failed(result: Result) -> set[str]:
    return {check.name for check in result.checks if check.status == "failed"}


def panel(value: Callable[[int, int], float] | None = None, units: int = 60) -> list[dict[str, Any]]:
    random = np.random.default_rng(4)
    noise = random.normal(size=(units, len(PERIODS)))
    return [
        {
            "unit": unit,
            "period": period,
            "pilot": unit % 2 == 1,
            "value": value(unit, period)
            if value
            else 10.0 + 5 * (unit % 2) + 2.0 * (unit % 2 == 1 and period >= 4) + noise[unit, period],
        }
        for unit in range(units)
        for period in PERIODS
    ]


def before_and_after(rows: list[dict[str, Any]], **changes: Any) -> Result:
    words: dict[str, Any] = {
        "name": "pilot", "question": "Did it help?", "unit": "unit", "panel": "data", "time": "period",
        "outcome": "value", "treated": Group(where="pilot"), "treated_from": 4,
    }  # fmt: skip
    return run(DifferenceInDifferences(**{**words, **changes}), pa.Table.from_pylist(rows))


def experiment(columns: dict[str, Any], **changes: Any) -> Result:
    words: dict[str, Any] = {
        "name": "test", "question": "Does it help?", "arms": {"control": 0.5, "b": 0.5}, "table": "data",
        "unit": "id", "assignment": Assignment(), "primary": Mean("value"),
    }  # fmt: skip
    return run(Experiment(**{**words, **changes}), pa.table(columns))


def test_units_that_each_lack_another_period_are_no_balanced_panel() -> None:
    rows = [row for row in panel() if row["unit"] >= 48 or row["unit"] // 2 % 8 != row["period"]]
    result = before_and_after(rows)
    assert "balanced_panel" in failed(result)
    assert result.verdict.answer == "invalid"


@pytest.mark.parametrize("between", [None, (0, 7)])
@pytest.mark.parametrize("column", ["unit", "period"])
def test_panel_rows_without_a_unit_or_period_are_counted(column: str, between: tuple[int, int] | None) -> None:
    rows = panel()
    rows.append({**rows[0], column: None})
    result = before_and_after(rows, between=between)
    assert "rows_have_a_unit" in failed(result)
    assert result.verdict.answer == "invalid"


def test_a_panel_in_which_nothing_varies_claims_no_certainty() -> None:
    result = before_and_after(
        panel(lambda unit, period: 0.1 + 0.2 * (unit % 2) + 0.7 * (unit % 2 == 1 and period >= 4))
    )
    row = result.estimate(role="primary")
    assert (row.low, row.high) == (None, None)
    assert result.verdict.answer == "unclear"


def test_units_that_only_shift_in_parallel_tell_no_error() -> None:
    result = before_and_after(
        panel(lambda unit, period: 0.1 * unit + 0.3 * period + 0.7 * (unit % 2 == 1 and period >= 4))
    )
    assert result.estimate(role="primary").low is None
    assert result.verdict.answer == "unclear"


def test_the_relative_effect_knows_that_its_baseline_is_estimated() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        level = random.normal(0.0, 3.0, (100, 1))
        values = level + random.normal(0.0, 3.0, (100, 2)) + np.array([8.0, 10.0])
        values[50:, 1] += 10.0
        rows = [
            {"unit": unit, "period": period, "pilot": unit >= 50, "value": values[unit, period]}
            for unit in range(100)
            for period in (0, 1)
        ]
        row = before_and_after_quickly(rows)
        covered += row[0] <= 1.0 <= row[1]
    assert 0.92 <= covered / 400 <= 0.98


def before_and_after_quickly(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """The relative interval from the pure steps alone, without a warehouse."""
    from steelyard.studies.causal.estimate import _Numbers
    from steelyard.studies.causal.panel import Panel

    words = DifferenceInDifferences(
        name="pilot", question="Did it help?", unit="unit", panel="data", time="period", outcome="value",
        treated=Group(where="pilot"), treated_from=1,
    )  # fmt: skip
    numbers = _Numbers(
        words,
        Panel(periods=(0, 1), treated=_cohort(rows, True), control=_cohort(rows, False), before=(0,), after=(1,)),
    )
    (row,) = [row for row in numbers.estimates() if row.scale == "relative"]
    assert row.low is not None
    assert row.high is not None
    return row.low, row.high


def _cohort(rows: list[dict[str, Any]], treated: bool) -> CohortMoments:
    values = np.array([row["value"] for row in rows if row["pilot"] is treated]).reshape(-1, 2)
    return CohortMoments(n=len(values), mean=values.mean(axis=0), covariance=np.cov(values.T))


def test_weights_of_their_own_leave_the_controls_alone_when_they_are_the_same() -> None:
    random = np.random.default_rng(2)
    one, other = (
        CohortMoments(n=40, mean=values.mean(axis=0), covariance=np.cov(values.T))
        for values in (random.normal(size=(40, 3)), random.normal(size=(40, 3)))
    )
    weights = before_after(3, [0], [2])
    assert difference(one, other, weights) == difference(one, other, weights, control_weights=weights)


def test_a_study_may_not_hope_for_what_the_metric_calls_worse() -> None:
    refunds = TableDeclaration(name="refunds", key=("id",), time="on", entities={"customer": ("customer",)})
    people = TableDeclaration(name="people", key=("customer",), entity="customer")
    catalog = MetricCatalog.of(
        metrics=[Metric(name="refunds", sum="refunds.amount", better="down")],
        tables=[refunds, people],
    )
    source = {
        "refunds": pa.table({"id": [1], "on": [date(2026, 1, 6)], "customer": [1], "amount": [3.0]}),
        "people": pa.table({"customer": [1, 2, 3, 4], "pilot": [True, True, False, False]}),
    }
    words: dict[str, Any] = {
        "name": "pilot", "question": "Fewer refunds?", "unit": "customer", "outcome": "refunds",
        "treated": Group(table="people", where="pilot"), "treated_from": date(2026, 1, 12),
        "between": (date(2026, 1, 5), date(2026, 1, 18)),
    }  # fmt: skip
    setting = Setting(warehouse=connect(source), metrics=catalog)
    with pytest.raises(DefinitionError, match="better direction is down"):
        run(DifferenceInDifferences(**words), setting)
    assert run(DifferenceInDifferences(**words, better="down"), setting).verdict.answer in ("unclear", "invalid")


@pytest.mark.parametrize(("one", "other"), [(0.1, 0.2), (1 / 3, 1 / 7), (19.99, 20.99), (1e9 + 0.1, 1e9 + 0.3)])
@pytest.mark.parametrize("segments", [(), ("device",)])
def test_rounding_of_a_constant_is_not_its_error(one: float, other: float, segments: tuple[str, ...]) -> None:
    treated = np.arange(3_000) % 2 == 1
    result = experiment(
        {
            "id": np.arange(3_000),
            "arm": np.where(treated, "b", "control"),
            "value": np.where(treated, other, one),
            "device": np.array(["a", "b", "c"])[np.arange(3_000) % 7 % 3],
        },
        segments=segments,
    )
    row = result.estimate(role="primary", scale="absolute")
    assert (row.low, row.high) == (None, None)
    assert result.verdict.action == "hold"


def test_a_ratio_that_is_the_same_in_every_unit_has_no_error() -> None:
    random = np.random.default_rng(3)
    treated = np.arange(2_000) % 2 == 1
    below = random.poisson(3.0, 2_000) + 1.0
    result = experiment(
        {
            "id": np.arange(2_000),
            "arm": np.where(treated, "b", "control"),
            "above": below * np.where(treated, 0.31, 0.3),
            "below": below,
        },
        primary=Ratio("above", "below", metric="rate"),
    )
    assert result.estimate(role="primary", scale="absolute").low is None
    assert result.verdict.action == "hold"


def test_a_covariate_that_explains_everything_leaves_no_error_to_trust() -> None:
    random = np.random.default_rng(5)
    treated = np.arange(2_000) % 2 == 1
    before = random.gamma(2.0, 2.0, 2_000)
    result = experiment(
        {
            "id": np.arange(2_000),
            "arm": np.where(treated, "b", "control"),
            "value": before + 0.1 * treated,
            "before": before,
        },
        primary=Mean("value", covariate="before"),
    )
    assert result.estimate(role="primary", scale="absolute").low is None


def test_a_small_spread_far_from_zero_is_still_a_spread() -> None:
    random = np.random.default_rng(6)
    treated = np.arange(4_000) % 2 == 1
    value = 1e6 + 1e-3 * random.normal(size=4_000) + 1e-3 * treated
    result = experiment({"id": np.arange(4_000), "arm": np.where(treated, "b", "control"), "value": value})
    row = result.estimate(role="primary", scale="absolute")
    assert row.std_error == pytest.approx(1e-3 * np.sqrt(4 / 4_000), rel=0.1)


START = datetime(2026, 1, 1, tzinfo=UTC)


def assigned(days: list[float | None], **changes: Any) -> Result:
    """Customers who buy for 1, 10 and 100 on the 6th, 13th and 41st day, assigned `days` after the first of January."""
    count = len(days)
    moments = [None if day is None else START + timedelta(days=day) for day in days]
    flags = {"customer": np.arange(count), "arm": np.array(["control", "b"])[np.arange(count) % 2], "at": moments}
    bought = [START + timedelta(days=day) for _ in range(count) for day in (5, 12, 40)]
    orders = {
        "id": np.arange(3 * count), "customer": np.repeat(np.arange(count), 3), "at": bought,
        "amount": np.tile([1.0, 10.0, 100.0], count),
    }  # fmt: skip
    customer = {"customer": ("customer",)}
    catalog = MetricCatalog.of(
        metrics=[Metric(name="revenue", sum="orders.amount", better="up")],
        tables=[
            TableDeclaration(name="orders", key=("id",), time="at", entities=customer),
            TableDeclaration(name="flags", key=("customer",), time="at", entities=customer),
            TableDeclaration(name="people", key=("customer",), entity="customer"),
        ],
    )
    tables = {"people": {"customer": np.arange(count)}, "flags": flags, "orders": orders}
    setting = Setting(warehouse=connect({name: pa.table(columns) for name, columns in tables.items()}), metrics=catalog)
    words: dict[str, Any] = {
        "name": "test", "question": "Does it help?", "arms": {"control": 0.5, "b": 0.5}, "unit": "customer",
        "assignment": Assignment(table="flags", at="at"), "primary": "revenue",
    }  # fmt: skip
    return run(Experiment(**{**words, **changes}), setting, as_of=START + timedelta(days=90))


def test_assignments_outside_the_days_of_the_experiment_are_not_in_it() -> None:
    result = assigned([0.0] * 100 + [10.0] * 300, between=(date(2026, 1, 11), date(2026, 1, 20)))
    rows = result.tables["arms"].to_pylist()
    assert [(row["units"], row["level"]) for row in rows] == [(150, 110.0), (150, 110.0)]


def test_units_that_do_not_say_when_they_were_assigned_are_counted_and_not_estimated() -> None:
    result = assigned([None, None, 10.0, 10.0, 10.0] * 40)
    assert "start_known" in failed(result)
    rows = result.tables["arms"].to_pylist()
    assert [(row["units"], row["analysed"], row["level"]) for row in rows] == [(100, 60, 110.0), (100, 60, 110.0)]


def test_the_fetches_of_an_experiment_come_in_one_order() -> None:
    from steelyard.studies.experiments.questions import next_questions
    from steelyard.studies.study import Context

    words = Experiment(
        name="test", question="Does it help?", arms={"control": 0.5, "b": 0.5}, table="data", unit="id",
        assignment=Assignment(at="at"), primary=Mean("value"), segments=("device",),
    )  # fmt: skip
    kinds = {"id": "BIGINT", "arm": "VARCHAR", "at": "TIMESTAMPTZ", "value": "DOUBLE", "device": "VARCHAR"}
    asked = dict(next_questions(words, Context(tables={"data": kinds}), {}))
    asked |= next_questions(words, Context(tables={"data": kinds}), {"sample": pa.table({"shift_0": [1.0]})})
    grouped = [query.sql for query in asked.values() if query.sql.rstrip().rpartition("GROUP BY")[2].count("\n") < 2]
    assert all("ORDER BY" in sql.rpartition("GROUP BY")[2] for sql in grouped if "GROUP BY" in sql)
    assert sum("GROUP BY" in sql for sql in grouped) >= 2


def test_a_metric_without_a_number_was_not_measured() -> None:
    empty = experiment(
        {
            "id": [1, 2, 3, 4],
            "arm": ["control", "b"] * 2,
            "value": [None, None, None, 1.0],
            "slow": [None, 1.0, 1.0, 2.0],
        },
        guardrails=(MetricUse(metric="slow", margin=Effect(absolute=1.0)),),
    )
    decision = Decision(
        name="test", question="Ship?", choice="ship", action="Ship it.", why="Hope.", who="Ada", reversible=True
    )
    found = {check.name: check.status for check in gates(decision, [empty])}
    assert (found["has_a_primary_metric"], found["has_guardrails"]) == ("failed", "failed")


@pytest.mark.parametrize("by", ["exposure", "assignment"])
def test_a_declared_zone_of_the_table_says_when_units_enter(by: str) -> None:
    """Seen at 12:00 UTC; bought at 14:00 UTC, which a clock of New York would take for before the exposure."""
    count = 40
    naive = pa.timestamp("us")
    seen = pa.array([datetime(2026, 1, 5, 12)] * count, naive)  # noqa: DTZ001
    bought = pa.array([datetime(2026, 1, 5, 14)] * count, naive)  # noqa: DTZ001
    ids, customer = np.arange(count), {"customer": ("customer",)}
    catalog = MetricCatalog.of(
        metrics=[Metric(name="revenue", sum="orders.amount", better="up")],
        tables=[
            TableDeclaration(name="orders", key=("id",), time="at", zone="UTC", entities=customer),
            TableDeclaration(name="seen", key=("customer",), time="at", zone="UTC", entities=customer),
            TableDeclaration(name="people", key=("customer",), entity="customer"),
        ],
        zone="America/New_York",
    )
    arm = np.array(["control", "b"])[ids % 2]
    tables = {
        "people": pa.table({"customer": ids, "arm": arm}),
        "seen": pa.table({"customer": ids, "arm": arm, "at": seen}),
        "orders": pa.table({"id": ids, "customer": ids, "at": bought, "amount": np.full(count, 7.0)}),
    }
    entry: dict[str, Any] = (
        {"assignment": Assignment(), "exposure": Exposure(table="seen")}
        if by == "exposure"
        else {"assignment": Assignment(table="seen", at="at")}
    )
    words = Experiment(
        name="test", question="Does it help?", arms={"control": 0.5, "b": 0.5}, unit="customer",
        primary=MetricUse(metric="revenue", window="1 day"), **entry,
    )  # fmt: skip
    setting = Setting(warehouse=connect(tables), metrics=catalog, zone="America/New_York")
    rows = run(words, setting, as_of=START + timedelta(days=30)).tables["arms"].to_pylist()
    assert [row["level"] for row in rows] == [7.0, 7.0]


@pytest.mark.parametrize("words", [{}, {"strata": ("place",)}, {"cluster": "pair"}, {"primary": "ratio"}])
@pytest.mark.parametrize("zero", ["control", "b"])
def test_an_arm_of_zeros_has_no_relative_effect_however_its_sum_was_rounded(words: Any, zero: str) -> None:
    """The level came out as some 1e-17, the effect as 1e16 times control, and the verdict as ship."""
    if words.get("primary") == "ratio":
        words = {"primary": Ratio("spend", "visits", min_effect=Effect(relative=0.01))}
    for seed in range(6):
        random, n = np.random.default_rng(seed), 600 + 2 * seed
        arm = np.array(["control", "b"])[np.arange(n) % 2]
        spend = np.where(arm == zero, 0.0, (random.random(n) < 0.3) * random.choice([0.1, 1 / 3, 7.7]))
        columns = {"user": np.arange(n), "arm": arm, "spend": spend, "visits": 1 + np.arange(n) % 3,
                   "place": np.arange(n) % 7, "pair": np.arange(n) // 4 * 2 + np.arange(n) % 2}  # fmt: skip
        said: dict[str, Any] = {"primary": Mean("spend", min_effect=Effect(relative=0.01)), **words}
        study = Experiment(
            name="zeros", question="Does it help?", arms={"control": 0.5, "b": 0.5}, unit="user", table="data",
            assignment=Assignment(), **said,
        )  # fmt: skip
        result = run(study, pa.table(columns))
        relative = next(row for row in result.estimates if row.scale == "relative")
        assert relative.value is None
        assert result.verdict.action != "ship"
        levels = {row["arm"]: row["level"] for row in result.tables["arms"].to_pylist()}
        assert levels[zero] == 0


@pytest.mark.parametrize(
    "use", [Mean("spend", covariate="spend"), Mean("spend", covariate=Covariate()),
            Ratio("spend", "visits", covariate="visits")]
)  # fmt: skip
def test_a_covariate_that_is_the_metric_is_refused_for_it_takes_the_effect_out(use: MetricUse) -> None:
    """The effect came out as exactly 0, and no check said why."""
    study = Experiment(
        name="itself", question="Does it help?", arms={"control": 0.5, "b": 0.5}, unit="user", table="data",
        assignment=Assignment(), primary=use,
    )  # fmt: skip
    columns = {"user": range(8), "arm": ["control", "b"] * 4, "spend": range(8), "visits": [1] * 8}
    with pytest.raises(DefinitionError, match="is the metric itself"):
        run(study, pa.table(columns))
