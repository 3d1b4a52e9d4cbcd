"""What planning takes from the time before: the same units, windows and metrics, and nothing from the start on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.metrics import Metric, MetricCatalog
from steelyard.studies.experiments import Baseline, Covariate, Effect, Experiment, Exposure, MetricUse
from steelyard.studies.experiments.accrual import Accrual
from steelyard.studies.run import plan
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
FIRST = BEGIN - timedelta(days=70)
CATALOG = MetricCatalog.of(
    metrics=[
        Metric(name="revenue", sum="orders.amount", better="up", measured_in="USD"),
        Metric(name="refunds", sum="orders.refunded", better="down", measured_in="USD"),
    ],
    tables=[
        TableDeclaration(name="orders", key=("id",), time="at", entities={"customer": ("customer_id",)}),
        TableDeclaration(name="customers", key=("customer_id",), entity="customer"),
        TableDeclaration(name="seen", time="at", entities={"customer": ("customer_id",)}),
    ],
)
N = 3_000
MAIN = MetricUse(metric="revenue", window="7 days", expected_effect=Effect(relative=0.08))


def stamps(days: Any) -> pa.Array:
    return pa.array([FIRST + timedelta(days=float(d)) for d in days], pa.timestamp("us", "UTC"))


def world() -> dict[str, pa.Table]:
    """Customers that are first seen on some day of ten weeks and two after, five times as many on weekdays."""
    random = np.random.default_rng(7)
    weight = np.array([5, 5, 5, 5, 5, 1, 1] * 12, float)
    day = random.choice(84, N, p=weight / weight.sum())
    m = 12 * N
    owner = random.integers(0, N, m)
    habit = random.gamma(2.0, 1.0, N)
    amount = habit[owner] * random.gamma(2.0, 5.0, m)
    return {
        "orders": pa.table(
            {"id": np.arange(m), "customer_id": owner, "at": stamps(random.uniform(0, 84, m)), "amount": amount,
             "refunded": 0.2 * amount * (random.random(m) < 0.5)}
        ),
        "customers": pa.table({"customer_id": np.arange(N)}),
        "seen": pa.table({"customer_id": np.arange(N), "at": stamps(day + random.uniform(0, 1, N))}),
    }  # fmt: skip


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "test", "question": "Does it help?", "arms": {"control": 0.5, "b": 0.5}, "unit": "customer",
        "exposure": Exposure(event="seen"), "between": (date(2026, 3, 2), date(2026, 3, 15)),
        "primary": MetricUse(metric="revenue", window="7 days", expected_effect=Effect(relative=0.1)),
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def planned(one: Experiment, tables: Mapping[str, pa.Table], **words: Any) -> Any:
    return plan(one, Setting(warehouse=connect(dict(tables)), metrics=CATALOG), as_of=BEGIN, **words)


def of_windows(tables: Mapping[str, pa.Table], column: str, first: datetime, last: datetime) -> Any:
    """Each customer's sum in the seven days after being seen, of those seen between the two moments."""
    seen = dict(zip(tables["seen"]["customer_id"].to_pylist(), tables["seen"]["at"].to_pylist(), strict=True))
    taken = {unit: at for unit, at in seen.items() if first <= at < last}
    sums = dict.fromkeys(taken, 0.0)
    for row in tables["orders"].to_pylist():
        at = taken.get(row["customer_id"])
        if at is not None and at <= row["at"] < at + timedelta(days=7):
            sums[row["customer_id"]] += row[column]
    return np.array([sums[unit] for unit in sorted(sums)])


def test_the_baseline_is_that_of_exposed_units_in_their_own_windows() -> None:
    tables = world()
    sample = planned(study(), tables).sample
    values = of_windows(tables, "amount", BEGIN - timedelta(days=21), BEGIN - timedelta(days=7))
    assert sample["baseline"] == pytest.approx(values.mean())
    assert sample["standard deviation"] == pytest.approx(values.std(ddof=1))
    assert sample["units to be had"] == len(values)


def test_nothing_from_the_start_on_is_read() -> None:
    tables = world()
    late = [at >= BEGIN for at in tables["orders"]["at"].to_pylist()]
    amount = np.where(late, 1e9, tables["orders"]["amount"].to_numpy())
    changed = {**tables, "orders": tables["orders"].set_column(3, "amount", pa.array(amount))}
    one, other = planned(study(), tables).sample, planned(study(), changed).sample
    assert one["baseline"] == pytest.approx(other["baseline"], rel=1e-9)
    assert one["standard deviation"] == pytest.approx(other["standard deviation"], rel=1e-9)


def test_days_follow_the_weekdays_of_those_who_came_before() -> None:
    tables = world()
    found = planned(study(), tables)
    seen = [
        at for at in tables["seen"]["at"].to_pylist() if BEGIN - timedelta(days=21) <= at < BEGIN - timedelta(days=7)
    ]
    by_day = [sum(at.date() == (BEGIN - timedelta(days=21 - d)).date() for at in seen) for d in range(14)]
    accrual = Accrual(daily=tuple(map(float, by_day)), window=7)
    assert found.sample["days needed"] == accrual.days(found.sample["units needed"])
    assert found.sample["days, in whole weeks"] % 7 == 0
    for row in found.tables["What each effect takes"].to_pylist():
        assert row["days"] == accrual.days(row["units"])
    (chart,) = found.charts
    values = [value for value in chart.series[0].values if value is not None]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(values))


def test_correlated_guardrails_cost_less_than_the_bound() -> None:
    """The guarded amount goes with revenue, so that both are often seen to be good at once."""
    tables = world()
    values = of_windows(tables, "refunded", BEGIN - timedelta(days=21), BEGIN - timedelta(days=7))
    numbers = Baseline(level=float(values.mean()), std_dev=float(values.std(ddof=1)))
    words: dict[str, Any] = {
        "metric": "refunds", "window": "7 days", "better": "up", "margin": Effect(relative=0.12)
    }  # fmt: skip
    known = planned(study(guardrails=(MetricUse(**words),), primary=MAIN), tables)
    bound = planned(study(guardrails=(MetricUse(**words, baseline=numbers),), primary=MAIN), tables)
    assert not any("move together" in warning for warning in known.warnings)
    assert any("move together" in warning for warning in bound.warnings)
    assert known.sample["units needed"] < bound.sample["units needed"]
    for found in (known, bound):
        assert found.sample["chance that the rule ships it"] == pytest.approx(0.8, abs=0.002)


def test_a_covariate_of_history_saves_what_it_explains() -> None:
    tables = world()
    main = MetricUse(
        metric="revenue", window="7 days", covariate=Covariate(before="14 days"), expected_effect=Effect(relative=0.1)
    )
    found = planned(study(primary=main), tables)
    assert 0 < found.sample["variance left by the covariate"] < 1
    row = found.tables["What each effect takes"].to_pylist()[2]
    saved = row["units"] / row["units_without_covariate"]
    assert saved == pytest.approx(found.sample["variance left by the covariate"], rel=0.01)
    assert [series.name for series in found.charts[0].series] == ["with covariate", "without"]


def test_where_nobody_was_exposed_before_all_units_stand_in_and_the_plan_says_so() -> None:
    tables = world()
    late = tables["seen"].filter(pa.array([at >= BEGIN for at in tables["seen"]["at"].to_pylist()]))
    found = planned(study(), {**tables, "seen": late})
    assert any("Nobody was exposed before" in warning for warning in found.warnings)
    assert found.sample["units to be had"] == N
    assert any("units come in a day is not known" in warning for warning in found.warnings)


def test_the_past_is_replayed_in_its_own_windows() -> None:
    found = planned(study(), world(), replays=300)
    (title,) = [name for name in found.tables if name.startswith("A/A")]
    rows = {row["scale"]: row for row in found.tables[title].to_pylist() if row["metric"] == "revenue"}
    assert abs(rows["absolute"]["rate"] - 0.05) < 0.045
    assert found.sample["baseline"] == pytest.approx(planned(study(), world()).sample["baseline"])


def test_a_study_that_has_been_read_and_says_no_start_has_no_past() -> None:
    from dataclasses import replace

    from steelyard.studies.experiments.past import past_of
    from steelyard.studies.run import run

    setting = Setting(warehouse=connect(dict(world())), metrics=CATALOG)
    one = study(between=None)
    context = setting.context(one, as_of=BEGIN)
    assert past_of(one, context) is not None
    result = run(one, setting, as_of=BEGIN)
    assert past_of(one, replace(context, earlier=(result,))) is None
    staged = replace(context, stages=({"share": 0.1, "since": "2026-02-16T10:00:00+00:00"},))
    past = past_of(one, staged)
    assert past is not None
    assert past.context.as_of == datetime(2026, 2, 16, tzinfo=UTC)


# --- given numbers


def test_days_of_given_weekdays_begin_on_the_study_s_own() -> None:
    steady = Accrual.of_weekdays((100, 100, 100, 100, 100, 20, 20), date(2026, 3, 6), 0)  # a Friday
    assert [steady.units(day) for day in (1, 2, 3, 4)] == [100, 120, 140, 240]
    assert steady.days(140) == 3
    assert steady.days(141) == 4
    assert Accrual(daily=(0.0,) * 7).days(1) is None


def test_a_window_delays_every_unit() -> None:
    daily = {"level": 0.1, "daily": 1_000}
    words: dict[str, Any] = {"kind": "share", "expected_effect": Effect(absolute=0.01)}
    bare = {"table": "data", "unit": "id", "exposure": None, "between": None}
    table = pa.table({"id": [1, 2], "converted": [0, 1], "arm": ["b", "control"]})
    now, week = (
        plan(
            study(**bare, primary=MetricUse(metric="converted", baseline=Baseline(**daily), window=window, **words)),
            table,
        )
        for window in ("", "7 days")
    )
    assert now.sample["units needed"] == week.sample["units needed"] == 2 * 14_751
    assert now.sample["days needed"] == 30
    assert week.sample["days needed"] == 37


@pytest.mark.parametrize(("words", "factor"), [
    ({"triggered": 0.25}, 16.0), ({"cluster_size": 20, "icc": 0.05, "cluster_variation": 0.5}, 2.2), ({}, 1.0),
])  # fmt: skip
def test_dilution_and_clusters_multiply_the_units(words: Mapping[str, float], factor: float) -> None:
    bare = {"table": "data", "unit": "id", "exposure": None, "between": None}
    table = pa.table({"id": [1, 2], "spend": [0.0, 1.0]})
    one, other = (
        plan(
            study(**bare, primary=MetricUse(metric="spend", expected_effect=Effect(absolute=0.2),
                                            baseline=Baseline(level=5.0, std_dev=4.0, **more))), table
        ).sample["units needed"] for more in ({}, dict(words))
    )  # fmt: skip
    assert other / one == pytest.approx(factor, rel=2e-3)


@pytest.mark.parametrize("words", [{"daily": (1, 2)}, {"daily": -1.0}, {"triggered": 0.0}, {"icc": 2.0}])
def test_numbers_that_cannot_be_are_refused(words: Any) -> None:
    from steelyard.errors import DefinitionError

    with pytest.raises(DefinitionError):
        Baseline(level=1.0, **words)
