"""Quantiles over units and over rows of units: numbers, roles, gaps, refusals, and what never leaves the warehouse."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import ndtr

from steelyard.errors import DefinitionError
from steelyard.metrics import Metric, MetricCatalog
from steelyard.metrics.kinds import Quantile as RowsQuantile
from steelyard.metrics.metric import Measure
from steelyard.metrics.metric import Ratio as MetricRatio
from steelyard.result import Result
from steelyard.stats.quantile_difference import QuantileSample, quantile_difference, quantile_relative
from steelyard.stats.quantile_ranks import design_effect, quantile_ranks
from steelyard.studies.experiments import (
    Assignment,
    Baseline,
    Effect,
    Experiment,
    Looks,
    Mean,
    MetricUse,
    Quantile,
    Ratio,
    Stopping,
)
from steelyard.studies.run import plan, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect

Make = Callable[..., Any]
NOW = datetime(2026, 4, 1, tzinfo=UTC)


def by_hand(
    values: np.ndarray,  # type: ignore[type-arg]
    quantile: float,
    effect: float = 1.0,
    clusters: int = 0,
) -> QuantileSample:
    """The arm's quantile with its bounds out of all values, sorted."""
    ranks = quantile_ranks(len(values), quantile, effect=effect, clusters=clusters)
    ordered = np.sort(values)
    return QuantileSample(
        ranks=ranks,
        value=float(np.quantile(values, quantile)),
        low=float(ordered[ranks.low - 1]),
        high=float(ordered[ranks.high - 1]),
    )


def test_every_role_and_segment_has_what_sorting_all_values_gives(units: Make, answered: Make) -> None:
    columns = units(3_001)
    result = answered(
        columns,
        primary=Quantile("latency", 0.5, better="down"),
        secondary=(Mean("spend"), Quantile("latency", 0.99), Quantile("spend", 0.25)),
        guardrails=(Quantile("latency", 0.9, better="down", margin=Effect(relative=0.05)),),
        segments=("device",),
    )
    for metric, column, quantile in (
        ("latency p50", "latency", 0.5), ("latency p90", "latency", 0.9), ("latency p99", "latency", 0.99),
        ("spend p25", "spend", 0.25),
    ):  # fmt: skip
        for segment in ("all", "device = phone", "device = tablet"):
            inside = np.ones(3_001, bool) if segment == "all" else columns["device"] == segment.split(" = ")[1]
            arms = [by_hand(columns[column][inside & (columns["arm"] == arm)], quantile) for arm in ("b", "control")]
            for scale, peer in (("absolute", quantile_difference(*arms)), ("relative", quantile_relative(*arms))):
                found = result.estimate(metric=metric, segment=segment, scale=scale)
                assert peer is not None
                assert (found.value, found.low, found.high, found.p_value) == pytest.approx(
                    (peer.value, peer.low, peer.high, peer.p_value), rel=1e-9
                )
    rows = [row for row in result.tables["quantiles"].to_pylist() if row["segment"] == "all"]
    assert {row["metric"] for row in rows} == {"latency p50", "latency p90", "latency p99", "spend p25"}
    assert all(row["low"] < row["value"] < row["high"] and 0.95 <= row["coverage"] < 0.97 for row in rows)
    clauses = [clause.name for clause in result.verdict.clauses]
    assert clauses == ["primary_excludes_zero", "guardrail_latency p90"]
    assert result.verdict.clauses[1].holds
    assert "order statistics" in result.tables["methods"].to_pylist()[0]["method"]


def test_rows_never_leave_the_warehouse_and_one_question_asks_for_all_quantiles(units: Make, answered: Make) -> None:
    result = answered(
        units(5_000), primary=Quantile("latency", 0.5), secondary=(Quantile("latency", 0.9), Quantile("spend", 0.9))
    )
    reads = {read.name: read for read in result.provenance.reads}
    assert set(reads) == {"sample", "ids", "moments", "ordered"}
    assert reads["ordered"].rows == 2


def test_swapping_rescaling_and_the_order_of_rows(units: Make, study: Make) -> None:
    columns = units(1_200)
    one = study(primary=Quantile("latency", 0.9))
    plain = run(one, pa.table(columns)).estimate(scale="absolute")
    mixed = np.random.default_rng(3).permutation(1_200)
    shuffled = run(one, pa.table({name: np.asarray(values)[mixed] for name, values in columns.items()}))
    assert shuffled.estimate(scale="absolute") == plain
    other = {**columns, "arm": np.where(columns["arm"] == "b", "control", "b")}
    swapped = run(one, pa.table(other)).estimate(scale="absolute")
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx((-plain.value, -plain.high, -plain.low))
    scaled = run(one, pa.table({**columns, "latency": 1_000 * columns["latency"]}))
    assert scaled.estimate(scale="absolute").low == pytest.approx(1_000 * plain.low)
    assert scaled.estimate(scale="relative").low == pytest.approx(
        run(one, pa.table(columns)).estimate(scale="relative").low
    )


@pytest.mark.parametrize("hole", [None, math.nan, math.inf])
def test_a_missing_value_stops_it_and_is_counted_by_arm(hole: Any, units: Make, answered: Make) -> None:
    columns = units()
    latency = columns["latency"].tolist()
    latency[3] = hole
    result = answered({**columns, "latency": latency}, primary=Mean("spend"), secondary=(Quantile("latency", 0.9),))
    assert result.verdict.answer == "invalid"
    (stop,) = [check for check in result.checks if check.stops]
    assert stop.name == "values_present"
    assert "in 'b': 1 " in stop.says
    assert result.estimate(metric="latency p90", scale="absolute").value is None


def test_too_few_values_and_ties_are_a_doubt_and_never_a_point(units: Make, answered: Make) -> None:
    few = answered(units(200), primary=Quantile("latency", 0.99))
    (check,) = [check for check in few.checks if check.name == "quantiles_bounded"]
    assert (check.status, check.severity) == ("failed", "doubt")
    assert "too few values beyond it (100 in all)" in check.says
    assert few.estimate(scale="absolute").value is None
    columns = units()
    tied = answered({**columns, "orders": np.where(columns["arm"] == "b", 1, 2)}, primary=Quantile("orders", 0.5))
    (check,) = [check for check in tied.checks if check.name == "quantiles_bounded"]
    assert "lies among equal values" in check.says
    row = tied.estimate(scale="absolute")
    assert (row.value, row.low, row.high, row.p_value) == (-1.0, None, None, 1.0)
    assert tied.verdict.answer == "unclear"


def test_no_relative_effect_where_a_bound_is_not_positive(units: Make, answered: Make) -> None:
    columns = units()
    result = answered(
        {**columns, "latency": columns["latency"] - 170},
        primary=Quantile("latency", 0.5, min_effect=Effect(relative=0.1)),
    )
    assert result.estimate(scale="relative").value is None
    assert result.estimate(scale="absolute").value is not None
    assert any(check.name == "relative_scale" and check.severity == "doubt" for check in result.checks)


def test_names_of_quantiles() -> None:
    assert Quantile("latency", 0.999).metric == "latency p99.9"
    named = Quantile("latency", 0.5, metric="typical latency")
    assert (named.metric, named.source) == ("typical latency", "latency")
    written = MetricUse(metric="latency_ms", quantile=0.9, margin=Effect(relative=0.02))
    assert (written.metric, written.kind, written.source) == ("latency_ms p90", "quantile", "latency_ms")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"quantile": 0.0}, "quantile 0.0"),
        ({"quantile": 1.0}, "quantile 1.0"),
        ({"quantile": 0.9, "kind": "share"}, "is a share and a quantile"),
        ({"quantile": 0.9, "kind": "count"}, "is a count and a quantile"),
        ({"quantile": 0.9, "covariate": "before"}, "has a covariate"),
        ({"quantile": 0.9, "winsorise": 0.99}, "has a winsorise"),
        ({"quantile": 0.9, "numerator": "a", "denominator": "b"}, "has a numerator"),
        ({"of": "latency"}, "no quantile of it"),
    ],
)
def test_what_makes_no_sense_with_a_quantile_is_refused(words: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        MetricUse(metric="latency", **words)


def test_a_column_without_a_quantile_is_refused(units: Make, answered: Make) -> None:
    with pytest.raises(DefinitionError, match="says no quantile"):
        answered(units(100), primary=MetricUse(metric="latency", kind="quantile"))


def test_looks_bound_a_quantile_as_they_bound_a_mean(units: Make, study: Make) -> None:
    """The bound of a look is that many errors away; the first look of O'Brien and Fleming reaches furthest."""
    looked = study(
        primary=Quantile("latency", 0.5),
        looks=Looks(every="daily", units=8_000),
        stopping=Stopping(success="obrien_fleming", harm="always_valid"),
    )
    columns = units(4_000)
    result = run(looked, pa.table(columns))
    row, look = result.estimate(scale="absolute"), result.tables["looks"].to_pylist()[0]
    arms = [by_hand(columns["latency"][columns["arm"] == arm], 0.5) for arm in ("b", "control")]
    worse, better = (
        quantile_difference(*arms, level=1 - 2 * float(ndtr(-look[f"{side}_bound"]))) for side in ("success", "harm")
    )
    assert worse is not None
    assert better is not None
    assert (row.low, row.high) == pytest.approx((worse.low, better.high), rel=1e-9)
    assert look["success_bound"] > 2.9


# Quantiles of rows: page views of visitors.

CATALOG = MetricCatalog.of(
    metrics=[
        Metric(name="latency_p90", quantile=RowsQuantile(of="views.ms", share=0.9), better="down", measured_in="ms"),
        Metric(name="latency", mean="views.ms", better="down", measured_in="ms"),
        Metric(name="spend", sum="views.paid", better="up"),
        Metric(
            name="paid_share",
            ratio=MetricRatio(numerator=Measure(sum="views.paid"), denominator=Measure(count="views")),
        ),
    ],
    tables=[
        TableDeclaration(name="views", key=("id",), time="at", entities={"visitor": ("visitor",)}),
        TableDeclaration(name="visitors", key=("visitor",), entity="visitor"),
    ],
)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def views(n: int = 600, *, lift: float = 1.0, gaps: int = 0) -> dict[str, pa.Table]:
    """Visitors with habits of their own and up to forty views each; the last visitor has none."""
    random = np.random.default_rng(5)
    arm = np.where(np.arange(n) % 2, "b", "control")
    count = random.poisson(random.gamma(1.0, 8.0, n))
    count[-1] = 0
    owner = np.repeat(np.arange(n), count)
    slow = random.gamma(4.0, 25.0, n)
    ms = slow[owner] * random.lognormal(0, 0.3, len(owner)) * np.where(arm[owner] == "b", lift, 1.0)
    device = np.array(["phone", "desktop"])[random.integers(0, 2, n)]
    at = [BEGIN + timedelta(minutes=int(m)) for m in random.integers(0, 14 * 1440, len(owner))]
    values = [None if i < gaps else float(x) for i, x in enumerate(ms)]
    return {
        "views": pa.table({"id": np.arange(len(owner)), "visitor": owner, "ms": pa.array(values, pa.float64()),
                           "paid": random.random(len(owner)), "at": pa.array(at, pa.timestamp("us", "UTC"))}),
        "visitors": pa.table({"visitor": np.arange(n), "arm": arm, "device": device}),
    }  # fmt: skip


def of_rows(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "slow", "question": "Is it slower?", "unit": "visitor", "arms": {"control": 0.5, "b": 0.5},
        "assignment": Assignment(table="visitors", arm="arm"), "between": (date(2026, 3, 2), date(2026, 3, 15)),
        "primary": "latency_p90",
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def answer(tables: dict[str, pa.Table], **changes: Any) -> Result:
    return run(of_rows(**changes), Setting(warehouse=connect(tables), metrics=CATALOG), as_of=NOW)


def rows_by_hand(tables: dict[str, pa.Table], inside: Callable[[int], bool], quantile: float) -> QuantileSample:
    """The rows of some visitors, with the design effect of the counts below their quantile."""
    owner, ms = tables["views"]["visitor"].to_numpy(), tables["views"]["ms"].to_numpy()
    taken = np.array([inside(int(one)) for one in owner])
    values, owners = ms[taken], owner[taken]
    below = values <= np.quantile(values, quantile)
    of = np.unique(owners)
    effect = design_effect(
        [float(below[owners == one].sum()) for one in of], [float((owners == one).sum()) for one in of]
    )
    return by_hand(values, quantile, effect, len(of))


@pytest.mark.parametrize("primary", ["latency_p90", MetricUse(metric="latency", quantile=0.9)])
def test_a_quantile_of_rows_has_the_error_of_its_clusters(primary: Any) -> None:
    tables = views()
    result = answer(tables, primary=primary, segments=("device",))
    arm, device = (tables["visitors"][name].to_pylist() for name in ("arm", "device"))
    for segment in ("all", "device = phone"):
        samples = [
            rows_by_hand(
                tables, lambda i, of=of, s=segment: arm[i] == of and (s == "all" or device[i] == "phone"), 0.9  # type: ignore[misc]
            )
            for of in ("b", "control")
        ]  # fmt: skip
        assert all(sample.ranks.effect > 2 for sample in samples)
        for scale, peer in (("absolute", quantile_difference(*samples)), ("relative", quantile_relative(*samples))):
            found = result.estimate(segment=segment, scale=scale)
            assert peer is not None
            assert (found.value, found.low, found.high) == pytest.approx((peer.value, peer.low, peer.high), rel=1e-9)
    row = result.tables["quantiles"].to_pylist()[0]
    assert (row["values"], row["clusters"]) == (len(rows_of(tables, "b")), len(set(rows_of(tables, "b"))))
    assert result.estimate(segment="all", scale="absolute").measured_in == "ms"
    assert "in clusters" in result.tables["methods"].to_pylist()[0]["method"]


def rows_of(tables: dict[str, pa.Table], arm: str) -> list[int]:
    arms = tables["visitors"]["arm"].to_pylist()
    return [one for one in tables["views"]["visitor"].to_pylist() if arms[one] == arm]


def test_the_error_of_a_quantile_of_rows_is_that_of_drawing_visitors_again() -> None:
    """A cluster bootstrap in memory, whole visitors drawn: their rows are not independent, and it knows that."""
    tables = views(1_000)
    row = answer(tables).estimate(scale="absolute")
    random = np.random.default_rng(8)
    arms = tables["visitors"]["arm"].to_pylist()
    owner, ms = tables["views"]["visitor"].to_numpy(), tables["views"]["ms"].to_numpy()
    drawn = []
    blocks = {arm: [ms[owner == one] for one in range(1_000) if arms[one] == arm] for arm in ("b", "control")}
    for _ in range(400):
        found = {
            arm: np.quantile(np.concatenate([own[i] for i in random.integers(0, len(own), len(own))]), 0.9)
            for arm, own in blocks.items()
        }
        drawn.append(found["b"] - found["control"])
    assert row.std_error == pytest.approx(float(np.std(drawn)), rel=0.15)
    rows = [by_hand(np.concatenate(blocks[arm]), 0.9) for arm in ("b", "control")]
    naive = quantile_difference(*rows)
    assert naive is not None
    assert naive.std_error < 0.75 * float(np.std(drawn))


def test_a_quantile_of_units_that_were_randomised_in_clusters() -> None:
    """Shops were randomised, and their visitors are alike: each visitor has one value, and the shop is the cluster."""
    random = np.random.default_rng(6)
    shop = np.repeat(np.arange(60), random.integers(5, 60, 60))
    arm = np.where(shop % 2, "b", "control")
    value = random.gamma(4.0, 25.0, 60)[shop] + random.gamma(2.0, 20.0, len(shop))
    table = pa.table({"visitor": np.arange(len(shop)), "shop": shop, "arm": arm, "seconds": value})
    study = Experiment(
        name="shops", question="Slower?", unit="visitor", cluster="shop", table="data", arms={"control": 0.5, "b": 0.5},
        assignment=Assignment(), primary=Quantile("seconds", 0.5), secondary=(Mean("seconds"),),
    )  # fmt: skip
    result = run(study, table)
    samples = []
    for of in ("b", "control"):
        inside = arm == of
        below = value[inside] <= np.quantile(value[inside], 0.5)
        shops = np.unique(shop[inside])
        counts = [[float(kind[shop[inside] == one].sum()) for one in shops] for kind in (below, np.ones(inside.sum()))]
        samples.append(by_hand(value[inside], 0.5, design_effect(*counts), len(shops)))
    assert all(sample.ranks.effect > 5 and sample.ranks.df < 30 for sample in samples)
    peer, found = quantile_difference(*samples), result.estimate(metric="seconds p50", scale="absolute")
    assert peer is not None
    assert (found.value, found.low, found.high) == pytest.approx((peer.value, peer.low, peer.high), rel=1e-9)
    assert {row["clusters"] for row in result.tables["quantiles"].to_pylist()} == {30}
    # As noisy, for its kind, as the mean of the same values.
    mean = result.estimate(metric="seconds", scale="absolute")
    assert 0.6 < (found.high - found.low) / (mean.high - mean.low) < 1.7


def test_rows_outside_of_the_window_and_rows_without_a_value() -> None:
    tables = views(gaps=40)
    result = answer(tables)
    assert result.verdict.answer == "invalid"
    (stop,) = [check for check in result.checks if check.stops]
    gaps = {
        arm: sum(1 for one in rows_of({**tables, "views": tables["views"].slice(0, 40)}, arm))
        for arm in ("b", "control")
    }
    for arm, n in gaps.items():
        assert not n or f"rows of 'latency_p90' in {arm!r}: {n} NULL of {len(rows_of(tables, arm)):,}" in stop.says
    whole = views()
    week = answer(whole, primary=MetricUse(metric="latency_p90", window="7 days"))
    kept = whole["views"].filter(pa.compute.less(whole["views"]["at"], BEGIN + timedelta(days=7)))
    alone = answer({**whole, "views": kept})
    assert week.estimate(scale="absolute").low == pytest.approx(alone.estimate(scale="absolute").low)


def test_a_quantile_over_units_of_a_governed_sum() -> None:
    tables = views()
    result = answer(tables, primary=MetricUse(metric="spend", quantile=0.5), secondary=("latency_p90", "spend"))
    owner, paid = tables["views"]["visitor"].to_numpy(), tables["views"]["paid"].to_numpy()
    totals = np.bincount(owner, paid, 600)
    arm = np.array(tables["visitors"]["arm"].to_pylist())
    peer = quantile_difference(*(by_hand(totals[arm == of], 0.5) for of in ("b", "control")))
    found = result.estimate(metric="spend p50", scale="absolute")
    assert peer is not None
    assert (found.value, found.low) == pytest.approx((peer.value, peer.low), rel=1e-9)
    assert result.estimate(metric="latency_p90", scale="absolute").value is not None


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (MetricUse(metric="latency_p90", quantile=0.5), "is a quantile already"),
        (MetricUse(metric="latency_p90", kind="mean"), "not a mean of units"),
        (MetricUse(metric="latency_p90", winsorise=0.99), "has a limit"),
        (MetricUse(metric="latency_p90", covariate="spend"), "has a covariate"),
        (MetricUse(metric="spend", kind="quantile"), "says no quantile"),
        (MetricUse(metric="paid_share", quantile=0.5), "over units is of a sum"),
    ],
)
def test_governed_quantiles_that_cannot_be_are_refused(use: MetricUse, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        answer(views(40), primary=use)


def test_rows_that_come_in_later_have_no_form_under_several_looks() -> None:
    words: dict[str, Any] = {"looks": Looks(every="daily", units=1_000), "stopping": "pocock"}
    with pytest.raises(DefinitionError, match=r"'latency_p90'.*pocock.*no valid form"):
        answer(views(40), **words)
    windowed = answer(views(), primary=MetricUse(metric="latency_p90", window="7 days"), **words)
    assert "pocock" in windowed.tables["methods"].to_pylist()[0]["method"]


def test_a_ratio_may_share_its_name_with_a_column_of_a_quantile(units: Make, answered: Make) -> None:
    found = answered(
        units(), primary=Ratio("orders", "sessions", metric="latency"), secondary=(Quantile("latency", 0.9),)
    )
    assert {row.metric for row in found.estimates} == {"latency", "latency p90"}


# Planning


def test_a_quantile_is_planned_from_a_density_or_from_a_deviation(units: Make, study: Make) -> None:
    """A normal metric: the median's density is known, and so is how many units it takes beside the mean."""
    words: dict[str, Any] = {"expected_effect": Effect(absolute=1.0)}
    known = Baseline(level=100.0, density=1 / (10 * math.sqrt(2 * math.pi)))
    by_density = plan(study(primary=Quantile("latency", 0.5, baseline=known, **words)), pa.table(units(20)))
    mean = plan(
        study(primary=Mean("latency", baseline=Baseline(level=100.0, std_dev=10.0), **words)), pa.table(units(20))
    )
    ratio = by_density.sample["units needed"] / mean.sample["units needed"]
    assert ratio == pytest.approx(math.pi / 2, rel=0.01)


def test_quantiles_are_planned_from_the_project_s_own_past() -> None:
    tables, clock = views(4_000), datetime(2026, 3, 16, tzinfo=UTC)
    study = of_rows(
        between=(date(2026, 3, 16), date(2026, 3, 29)),
        primary=MetricUse(metric="latency_p90", expected_effect=Effect(relative=-0.05)),
        secondary=(),
        guardrails=(MetricUse(metric="spend", quantile=0.5, margin=Effect(relative=0.1)),),
    )
    planned = plan(study, Setting(warehouse=connect(tables), metrics=CATALOG), as_of=clock)
    ran = run(of_rows(primary="latency_p90"), Setting(warehouse=connect(tables), metrics=CATALOG), as_of=NOW)
    row, pooled = ran.estimate(scale="absolute"), rows_by_hand(tables, lambda _: True, 0.9)
    assert planned.sample["baseline"] == pytest.approx(pooled.value)
    assert planned.sample["standard deviation"] == pytest.approx(pooled.std_error * math.sqrt(4_000))
    # An error of n units in each of two arms is the root of four times that of all of them together.
    assert row.std_error == pytest.approx(2 * pooled.std_error, rel=0.2)
    assert planned.sample["units needed"] > 0
    assert not any("No baseline" in warning for warning in planned.warnings)


def test_replays_of_the_past_are_without_quantiles_and_say_so(units: Make, study: Make) -> None:
    table = pa.table(units(2_000))
    words = {"guardrails": (Quantile("latency", 0.9, margin=Effect(relative=0.5)),)}
    planned = plan(study(primary=Mean("spend"), **words), table, replays=60)
    assert {"quantiles_replayed": "not_run"}.items() <= {check.name: check.status for check in planned.checks}.items()
    (check,) = plan(study(primary=Quantile("latency", 0.9)), table, replays=60).checks
    assert (check.name, check.status) == ("false_positive_rate", "not_run")
