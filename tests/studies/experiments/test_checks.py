"""Each check passes on data of which its trouble is known to be absent, and fails where it was put in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.metrics import Metric, MetricCatalog
from steelyard.result import Check, Result
from steelyard.simulate import Experiment as Simulated
from steelyard.simulate import shop
from steelyard.studies.experiments import Assignment, Effect, Experiment, Exposure, Mean, MetricUse, Share
from steelyard.studies.experiments.checks import CHECKS
from steelyard.studies.run import run
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect
from steelyard.warehouse.bucket import BUCKETS, bucket

Make = Callable[..., Any]
HALVES = {"control": 0.5, "b": 0.5}
START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)


def check_of(result: Result, name: str) -> Check:
    (found,) = [check for check in result.checks if check.name == name]
    return found


def names_of(result: Result) -> set[str]:
    return {check.name for check in result.checks}


def test_the_table_names_each_check_once_and_with_a_known_severity() -> None:
    names = [name for name, _, _ in CHECKS]
    assert len(set(names)) == len(names)
    assert {severity for _, severity, _ in CHECKS} == {"blocking", "doubt", "note"}


# --- the simulated shop, whose exposures and lifts are known


CATALOG = MetricCatalog.of(
    metrics=[Metric(name="orders", count="orders", better="up")],
    tables=[
        TableDeclaration(name="orders", key=("order_id",), time="ordered_at", entities={"visitor": ("visitor_id",)}),
        TableDeclaration(name="visitors", key=("visitor_id",), entity="visitor"),
        TableDeclaration(name="exposures", time="exposed_at", entities={"visitor": ("visitor_id",)}),
    ],
)


def simulated(events: int, **settings: Any) -> Result:
    """The shop's experiment from February to mid-April 2025, read with its own assignments and exposures."""
    first, last = date(2025, 2, 1), date(2025, 4, 30)
    lifts = Simulated(
        name="one_page", arms={"control": 0.5, "one_page": 0.5}, ramp={first: 1.0}, until=last, **settings
    )
    made = shop(events=events, seed=5, until=last, inject=[lifts])
    tables = {name: made.table(name) for name in ("orders", "visitors", "exposures")}
    ids = tables["visitors"]["visitor_id"].to_pylist()
    arms = ["control" if bucket("one_page:arm", unit) < BUCKETS // 2 else "one_page" for unit in ids]
    study = Experiment(
        name="read_back", question="Does it help?", unit="visitor", arms={"control": 0.5, "one_page": 0.5},
        assignment=Assignment(table="assigned"), exposure=Exposure(table="exposures"),
        primary=MetricUse(metric="orders", window="14 days"), between=(first, date(2025, 4, 16)),
    )  # fmt: skip
    warehouse = connect({**tables, "assigned": pa.table({"visitor_id": ids, "arm": arms})})
    return run(study, Setting(warehouse=warehouse, metrics=CATALOG), as_of=datetime(2025, 5, 1, tzinfo=UTC))


def test_a_steady_lift_is_exposed_alike_and_does_not_fade() -> None:
    result = simulated(300_000, conversion_lift={"one_page": 0.3})
    rate = check_of(result, "trigger_rate")
    assert (rate.status, rate.severity) == ("passed", "blocking")
    assert "control 1" in rate.says
    steady = check_of(result, "steady_effect")
    assert (steady.status, steady.severity) == ("passed", "doubt")
    assert check_of(result, "read_at_its_end").status == "passed"
    spans = [row for row in result.tables["since_exposure"].to_pylist() if row["scale"] == "absolute"]
    assert [(row["from_day"], row["to_day"]) for row in spans] == [(d, d + 2) for d in range(0, 14, 2)]
    whole = result.estimate(scale="absolute")
    assert sum(row["value"] for row in spans) == pytest.approx(whole.value)


def test_lost_exposures_in_one_arm_make_the_answer_invalid() -> None:
    result = simulated(600_000, lost_exposures={"one_page": 0.15})
    rate = check_of(result, "trigger_rate")
    assert rate.stops
    assert "not exposed alike" in rate.says
    assert result.verdict.answer == "invalid"


def test_a_novelty_fades_and_makes_the_answer_doubtful() -> None:
    result = simulated(1_000_000, novelty=0.35, novelty_half_life=1.0)
    found = check_of(result, "steady_effect")
    assert found.doubts
    assert "fades" in found.says
    assert result.verdict.answer != "yes"


# --- trends on numbers whose law is known


def daily(random: np.random.Generator, n: int, factors: Any) -> dict[str, Any]:
    """Cumulative sums over seven days of units that differ in habit, each day's level times a factor."""
    habit = random.gamma(2.0, 0.5, (n, 1))
    levels = np.array([3.0, 1.0, 0.8, 0.7, 0.7, 0.6, 0.6]) * factors
    sums = random.poisson(habit * levels).cumsum(axis=1)
    return {f"until {day + 1}": sums[:, day].astype(float) for day in range(7)}


def trend_p(seed: int, factors: Any) -> tuple[float, bool]:
    from steelyard.stats.moments import Moments
    from steelyard.studies.experiments.evidence import Evidence
    from steelyard.studies.experiments.since_exposure import trends

    random = np.random.default_rng(seed)
    since = {
        "control": Moments.of_rows(daily(random, 3_000, np.ones(7))),
        "b": Moments.of_rows(daily(random, 1_000, factors)),
    }
    study = Experiment(name="test", question="?", arms={"control": 0.75, "b": 0.25}, table="data",
                       assignment=Assignment(), primary=Mean("spend"))  # fmt: skip
    evidence = Evidence(cells={}, counts=(), ids=None, repeated={}, unusable=(), notes={}, segments=(), since=since)
    (trend,) = trends(study, evidence)
    return trend.p_value, trend.fades


def test_a_constant_relative_effect_has_a_trend_one_time_in_twenty() -> None:
    """The metric itself falls from day to day, and so does the absolute effect: that is no novelty."""
    times = 400
    found = sum(trend_p(seed, np.full(7, 1.2))[0] < 0.05 for seed in range(times))
    assert abs(found / times - 0.05) < 3 * math.sqrt(0.05 * 0.95 / times)


def test_an_effect_that_halves_fades_and_one_that_comes_late_grows() -> None:
    fading = trend_p(1, 1 + 0.6 * 0.5 ** np.arange(7))
    growing = trend_p(1, 1 + 0.08 * np.arange(7))
    assert fading[0] < 0.01
    assert fading[1]
    assert growing[0] < 0.01
    assert not growing[1]


# --- outliers


def spenders(n: int = 6_000, seed: int = 3) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    arm = np.where(np.arange(n) % 2, "b", "control")
    return {"user_id": np.arange(n), "arm": arm, "spend": random.lognormal(0, 1.5, n)}


def test_a_heavy_metric_says_what_its_largest_units_hold(answered: Make) -> None:
    columns = spenders()
    result = answered(columns)
    cut = np.quantile(columns["spend"], 0.999)
    rows = {row["arm"]: row for row in result.tables["largest"].to_pylist()}
    for arm in ("control", "b"):
        mine = columns["spend"][columns["arm"] == arm]
        assert rows[arm]["above"] == pytest.approx(cut)
        assert rows[arm]["units"] == (mine > cut).sum()
        assert rows[arm]["share_of_metric"] == pytest.approx(mine[mine > cut].sum() / mine.sum())
    assert check_of(result, "outliers").severity == "note"
    assert not check_of(result, "outliers").doubts


def test_bots_in_one_arm_that_make_the_difference_are_a_doubt(answered: Make) -> None:
    columns = spenders()
    bots = np.flatnonzero(columns["arm"] == "b")[:6]
    columns["spend"][bots] = 3_000.0
    result = answered(columns, level=0.9)
    assert result.estimate(scale="absolute").low > 0
    found = check_of(result, "outliers")
    assert found.doubts
    assert "More than half of the difference" in found.says
    assert result.verdict.answer == "unclear"


def test_a_lift_of_everybody_s_spend_is_no_matter_of_outliers(answered: Make) -> None:
    columns = spenders(40_000)
    columns["spend"] = columns["spend"] * np.where(columns["arm"] == "b", 1.3, 1.0)
    result = answered(columns)
    assert result.estimate(scale="absolute").low > 0
    assert not check_of(result, "outliers").doubts


def test_a_metric_without_a_tail_costs_no_further_query(units: Make, answered: Make) -> None:
    result = answered(units())
    assert "outliers" not in names_of(result)
    assert "largest" not in [read.name for read in result.provenance.reads]


# --- when


def timed(days: int, n: int = 1_400, **columns: Any) -> pa.Table:
    hours = np.arange(n) * days * 24 / n
    at = [START + timedelta(hours=float(h)) for h in hours]
    return pa.table(
        {
            "id": np.arange(n), "arm": np.where(np.arange(n) % 2, "b", "control"),
            "at": pa.array(at, pa.timestamp("us", "UTC")), "spend": np.random.default_rng(1).normal(10, 2, n),
            **columns,
        }
    )  # fmt: skip


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "test", "question": "Does it help?", "arms": HALVES, "table": "data", "unit": "id",
        "assignment": Assignment(at="at"), "primary": Mean("spend"),
    }  # fmt: skip
    return Experiment(**{**words, **changes})


@pytest.mark.parametrize(("days", "status", "says"), [
    (14, "passed", "no weekday counts more than another"), (10, "failed", "some weekdays count once more"),
    (3, "failed", "not one whole week"),
])  # fmt: skip
def test_whole_weeks_are_told_from_parts_of_one(days: int, status: str, says: str) -> None:
    result = run(study(), timed(days), as_of=NOW)
    found = check_of(result, "weekdays_covered")
    assert (found.status, found.severity, found.value) == (status, "note", days)
    assert says in found.says
    entries = result.tables["entries"].to_pylist()
    assert sum(row["units"] for row in entries) == 1_400
    assert len({row["day"] for row in entries}) == days


def test_days_without_a_zone_are_read_as_they_stand() -> None:
    table = timed(7)
    plain = table.set_column(2, "at", pa.array([at.replace(tzinfo=None) for at in table["at"].to_pylist()]))
    assert check_of(run(study(), plain, as_of=NOW), "weekdays_covered").status == "passed"


@pytest.mark.parametrize(("as_of", "status"), [(NOW, "passed"), (datetime(2026, 1, 12, tzinfo=UTC), "failed")])
def test_one_look_is_taken_at_the_end(as_of: datetime, status: str) -> None:
    one = study(between=(date(2026, 1, 5), date(2026, 1, 18)))
    result = run(one, timed(14), as_of=as_of)
    found = check_of(result, "read_at_its_end")
    assert (found.status, found.severity) == (status, "doubt")
    if status == "failed":
        assert "before its planned end" in found.says


def test_a_study_without_an_end_has_no_planned_end() -> None:
    assert "read_at_its_end" not in names_of(run(study(), timed(14), as_of=NOW))


# --- exposed alike, in a unit table


def exposed(rates: Mapping[str, float]) -> tuple[pa.Table, pa.Table]:
    units = timed(14, n=8_000)
    random = np.random.default_rng(2)
    chance = np.array([rates[arm] for arm in units["arm"].to_pylist()])
    seen = np.flatnonzero(random.random(8_000) < chance)
    at = units["at"].take(pa.array(seen))
    return units, pa.table({"id": seen, "at": at})


@pytest.mark.parametrize(("rate", "status"), [(0.3, "passed"), (0.36, "failed")])
def test_arms_that_are_exposed_at_other_rates_are_blocked(rate: float, status: str) -> None:
    units, events = exposed({"control": 0.3, "b": rate})
    one = study(exposure=Exposure(event="events", at="at"), assignment=Assignment())
    result = run(one, connect({"data": units, "events": events}), as_of=NOW)
    found = check_of(result, "trigger_rate")
    assert (found.status, found.severity) == (status, "blocking")
    assert f"{events.num_rows:,}" not in found.says
    if status == "failed":
        assert result.verdict.answer == "invalid"


def test_what_is_seen_over_all_units_is_the_exposed_effect_times_their_share() -> None:
    """The dilution identity, on units of which those who were not exposed are alike in both arms."""
    n = 4_000
    random = np.random.default_rng(5)
    arm, exposed_too = np.arange(n) % 2 == 1, (np.arange(n) // 2) % 4 == 0
    spend = np.repeat(random.gamma(2.0, 2.0, n // 2), 2) + 0.8 * (arm & exposed_too)
    table = {"id": np.arange(n), "arm": np.where(arm, "b", "control"), "spend": spend}
    every = run(study(assignment=Assignment()), pa.table(table), as_of=NOW).estimate(scale="absolute")
    only = {name: np.asarray(column)[exposed_too] for name, column in table.items()}
    among = run(study(assignment=Assignment()), pa.table(only), as_of=NOW).estimate(scale="absolute")
    assert among.value == pytest.approx(0.8)
    assert every.value == pytest.approx(0.25 * among.value)


@pytest.mark.parametrize(("reached", "status"), [(0.0, "passed"), (0.6, "failed")])
def test_units_that_were_not_exposed_may_not_differ(reached: float, status: str) -> None:
    """The change is also seen on a page that logs nothing: the exposed are not all whom it reaches."""
    units, events = exposed({"control": 0.3, "b": 0.3})
    treated, seen = np.array(units["arm"].to_pylist()) == "b", np.isin(units["id"].to_numpy(), events["id"].to_numpy())
    spend = units["spend"].to_numpy() + np.where(treated & seen, 1.0, 0.0) + np.where(treated & ~seen, reached, 0.0)
    units = units.set_column(units.schema.get_field_index("spend"), "spend", pa.array(spend))
    one = study(exposure=Exposure(event="events", at="at"), assignment=Assignment())
    result = run(one, connect({"data": units, "events": events}), as_of=NOW)
    found = check_of(result, "dilution")
    assert (found.status, found.severity) == (status, "blocking")
    assert result.verdict.answer == ("invalid" if status == "failed" else "yes")
    gap = spend[treated & ~seen].mean() - spend[~treated & ~seen].mean()
    assert f"{gap:+.4g} (standard error" in found.says
    assert f"the difference is {spend[treated].mean() - spend[~treated].mean():+.4g}" in found.says


# --- declared


def test_declared_interference_makes_the_answer_at_most_unclear(units: Make, answered: Make) -> None:
    columns = units()
    assert answered(columns).verdict.answer == "yes"
    assert "no_interference" not in names_of(answered(columns))
    result = answered(columns, interference="sellers share one stock")
    found = check_of(result, "no_interference")
    assert found.doubts
    assert "sellers share one stock" in found.says
    assert result.verdict.answer == "unclear"


def test_guardrails_with_a_tail_are_asked_too(answered: Make) -> None:
    columns = {**spenders(), "kept": np.tile([1, 0], 3_000)}
    result = answered(
        columns, primary=Share("kept"), guardrails=(Mean("spend", margin=Effect(relative=0.5)),)
    )  # fmt: skip
    assert result.tables["largest"].to_pylist()[0]["metric"] == "spend"
