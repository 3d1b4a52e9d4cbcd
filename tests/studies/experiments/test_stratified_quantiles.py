"""Quantiles over stages with splits of their own, and within strata: as by hand from the rows, and never pooled."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from scipy.special import ndtri

from steelyard.metrics import Metric, MetricCatalog
from steelyard.metrics.kinds import Quantile as RowsQuantile
from steelyard.result import Result
from steelyard.stats.interval import Interval
from steelyard.stats.quantile_difference import QuantileSample, quantile_difference, quantile_relative
from steelyard.stats.stratified_quantile import QuantileLevels
from steelyard.studies.experiments import Experiment, Looks, Mean, Quantile, Stage
from steelyard.studies.experiments.allocation import allocation_of
from steelyard.studies.experiments.assignment import drawn
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import conclude, read, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import TableDeclaration, connect

Make = Callable[..., Any]
Array = npt.NDArray[Any]
NOW = datetime(2026, 4, 1, tzinfo=UTC)
N = 6_000
FIRST = {"control": 0.9, "b": 0.1}
ROWS: tuple[Mapping[str, Any], ...] = (
    {"share": 0.4, "arms": FIRST},
    {"share": 1.0, "arms": {"control": 0.5, "b": 0.5}},
)


def by_hand(values: Array, owner: Array, of_owner: Mapping[Any, float], strata: Mapping[Any, Array], p: float) -> Any:
    """The arm's quantile out of all its values, with the variance of the share below it as it is defined.

    `strata` are the units of each, with or without values; `of_owner` has each stratum's share of the population.
    """
    weight_of = {unit: of_owner[s] / len(units) for s, units in strata.items() for unit in units}
    order = np.argsort(values, kind="stable")
    ordered, weight = values[order], np.array([weight_of[unit] for unit in owner[order]])
    upto = np.cumsum(weight) / weight.sum()

    def at(level: float) -> int:
        return int(np.argmax(upto >= level - 1e-10))

    below = values <= ordered[at(p)]
    total = weight.sum()
    reached = sum(weight_of[unit] for unit, yes in zip(owner, below, strict=True) if yes) / total
    variance = 0.0
    for s, units in strata.items():
        place = {unit: i for i, unit in enumerate(units)}
        left = np.zeros(len(units))
        for unit, yes in zip(owner, below, strict=True):
            if unit in place:
                left[place[unit]] += yes - reached
        variance += (of_owner[s] / total) ** 2 * left.var(ddof=1) / len(units)
    reach = -float(ndtri(0.025)) * math.sqrt(variance)
    low, high = at(p - reach), at(p + reach)
    between = weight[low + 1 : high + 1]
    return ordered[at(p)], ordered[low], ordered[high], between.sum() ** 2 / (between**2).sum(), variance


def drawn_of(ids: Array, rows: Any = ROWS) -> tuple[Array, Array]:
    found = drawn(allocation_of(study(), rows), ids)
    return np.array(found.arms.to_pylist()), np.asarray(found.stages)


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "page", "question": "Is it slower?", "arms": {"control": 0.5, "b": 0.5}, "table": "units", "unit": "id",
        "primary": Quantile("ms", 0.5), "ramp": (Stage(share=0.4, arms=FIRST), 1.0),
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def units(n: int = N, *, lift: float = 1.0, seed: int = 3) -> dict[str, Any]:
    """Who came early is slower by much; the split of the early stage is 9 to 1."""
    random, ids = np.random.default_rng(seed), np.arange(n)
    arm, stage = drawn_of(ids)
    return {
        "id": ids,
        "ms": random.lognormal(5.0, 0.5, n) * np.where(stage == 1, 2.5, 1.0) * np.where(arm == "b", lift, 1.0),
        "spend": random.gamma(2.0, 3.0, n),
        "device": np.array(["phone", "desktop"])[random.integers(0, 2, n)],
        "plan": pa.array([("free", "paid", None)[i] for i in random.integers(0, 3, n)]),
    }


def answered(one: Experiment, columns: Mapping[str, Any], rows: Any = ROWS) -> Result:
    return run(one, Setting(warehouse=connect({"units": pa.table(dict(columns))}), stages={"page": rows}), as_of=NOW)


def expected(columns: Mapping[str, Any], metric: str, p: float, where: Array, strata: Array) -> list[Any]:
    ids, values = np.asarray(columns["id"]), np.asarray(columns[metric])
    arm, _ = drawn_of(ids)
    shares = {s: float((where & (strata == s)).sum()) for s in set(strata[where])}
    made = []
    for name in ("b", "control"):
        own = where & (arm == name)
        made.append(by_hand(values[own], ids[own], shares, {s: ids[own & (strata == s)] for s in shares}, p))
    return made


def error_of(found: Any) -> float:
    return float((found[2] - found[1]) / (2 * -ndtri(0.025)))


def test_stages_are_weighted_alike_in_both_arms_as_by_hand() -> None:
    columns = units()
    result = answered(
        study(secondary=(Quantile("ms", 0.9), Quantile("spend", 0.25), Mean("spend")), segments=("device",)), columns
    )
    _, stage = drawn_of(np.asarray(columns["id"]))
    for metric, column, p in (("ms p50", "ms", 0.5), ("ms p90", "ms", 0.9), ("spend p25", "spend", 0.25)):
        for segment in ("all", "device = phone"):
            inside = np.ones(N, bool) if segment == "all" else columns["device"] == "phone"
            b, control = expected(columns, column, p, inside, stage)
            row = result.estimate(metric=metric, segment=segment, scale="absolute")
            assert (row.value, row.std_error) == pytest.approx(
                (b[0] - control[0], math.hypot(error_of(b), error_of(control))), rel=1e-9
            )
            rows = result.tables["quantiles"].to_pylist()
            for name, other, hand in (("b", "control", b), ("control", "b", control)):
                (found,) = [
                    r for r in rows if (r["metric"], r["segment"], r["arm"]) == (metric, segment, name)
                ]  # fmt: skip
                assert found["beside"] == other
                assert (found["value"], found["low"], found["high"]) == pytest.approx(hand[:3], rel=1e-12)
                assert found["design_effect"] == pytest.approx(hand[4] * found["values"] / (p * (1 - p)), rel=1e-9)
    methods = {row["metric"]: row["method"] for row in result.tables["methods"].to_pylist()}
    assert methods["ms p50"] == "order statistics, weighted by stage, t"
    reads = {read.name: read.rows for read in result.provenance.reads}
    assert reads["counted_within"] == 4
    assert reads["ordered_within"] == 2


def test_the_interval_is_student_s_with_the_freedom_of_what_was_counted() -> None:
    columns = units()
    _, stage = drawn_of(np.asarray(columns["id"]))
    arms = []
    for found in expected(columns, "ms", 0.5, np.ones(N, bool), stage):
        levels = QuantileLevels(n=1, quantile=0.5, low=0.4, high=0.6, coverage=0.95, effect=1.0, variance_df=math.inf,
                                even=1e9, between=found[3])  # fmt: skip
        arms.append(QuantileSample(ranks=levels, value=found[0], low=found[1], high=found[2]))
    result = answered(study(), columns)
    for scale, peer in (
        ("absolute", quantile_difference(arms[0], arms[1])),
        ("relative", quantile_relative(arms[0], arms[1])),
    ):
        row = result.estimate(scale=scale)
        assert isinstance(peer, Interval)
        # The freedom of p (1 - p) in the strata, left out here, is a hundred times that of the bounds.
        assert (row.value, row.low, row.high) == pytest.approx((peer.value, peer.low, peer.high), rel=2e-2)


def test_what_pooling_would_turn_round_comes_out_right() -> None:
    columns = units(lift=1.1)
    arm, _ = drawn_of(np.asarray(columns["id"]))
    pooled = [float(np.median(columns["ms"][arm == name])) for name in ("b", "control")]
    row = answered(study(), columns).estimate(scale="relative")
    assert pooled[0] < 0.85 * pooled[1]
    assert row.low is not None
    assert row.low > 0
    assert row.value == pytest.approx(0.1, abs=4 * (row.std_error or 0))


def test_one_stage_and_a_ramp_that_keeps_its_split_are_answered_as_without_strata() -> None:
    columns = units()
    one = answered(study(), columns, ROWS[:1])
    arm, stage = drawn_of(np.asarray(columns["id"]), ROWS[:1])
    inside = stage == 1
    plain = run(
        study(assignment="steelyard", ramp=(), table="data", arms=FIRST),
        pa.table({"id": columns["id"][inside], "ms": columns["ms"][inside]}),
        as_of=NOW,
    )
    assert {read.name for read in one.provenance.reads} >= {"ordered"}
    found = one.tables["quantiles"].to_pylist()
    for row in found:
        values = columns["ms"][inside & (arm == row["arm"])]
        assert row["value"] == pytest.approx(float(np.quantile(values, 0.5)), rel=1e-12)
        assert row["design_effect"] == 1.0
        assert "beside" not in row
    assert plain.tables["quantiles"].num_rows == len(found)
    kept = answered(study(ramp=(0.4, 1.0)), columns, ({"share": 0.4}, {"share": 1.0}))
    assert "ordered" in {read.name for read in kept.provenance.reads}


def test_strata_of_equal_shares_weigh_as_none_do(units: Make, answered: Make) -> None:
    """Each arm has as many units of each stratum: the weights are one, and what is left is the variance within."""
    columns = units(2_000)
    columns["half"] = np.arange(2_000) % 4 // 2
    within = answered(columns, primary=Quantile("latency", 0.5), strata=("half",))
    for row in within.tables["quantiles"].to_pylist():
        values = columns["latency"][columns["arm"] == row["arm"]]
        assert row["value"] == float(np.quantile(values, 0.5, method="inverted_cdf"))
        assert row["design_effect"] == pytest.approx(1.0, abs=0.02)
    plain = answered(columns, primary=Quantile("latency", 0.5)).estimate(scale="absolute")
    found = within.estimate(scale="absolute")
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.2 * (plain.std_error or 0))


def test_strata_take_out_their_own_noise(units: Make, answered: Make) -> None:
    columns = units(4_000)
    columns["plan"] = pa.array([("free", "paid", None)[i % 3] for i in range(4_000)])
    columns["latency"] = columns["latency"] + 120.0 * (np.arange(4_000) % 3)
    plain, within = (
        answered(columns, primary=Quantile("latency", 0.5), strata=strata).estimate(scale="absolute")
        for strata in ((), ("plan",))
    )
    assert (within.std_error or 1) < 0.8 * (plain.std_error or 0)


def test_each_of_three_arms_is_weighted_with_the_one_that_it_is_compared_with(units: Make, answered: Make) -> None:
    """One arm is not in a stratum: that says nothing of it, and all of the two others."""
    columns = units(3_000, arms=("control", "a", "b"))
    random = np.random.default_rng(4)
    columns["market"] = random.integers(0, 2, 3_000)
    kept = ~((columns["arm"] == "a") & (columns["market"] == 1))
    columns = {name: values[kept] for name, values in columns.items()}
    shares = {"control": 0.4, "a": 0.2, "b": 0.4}
    result = answered(columns, arms=shares, primary=Quantile("latency", 0.5), strata=("market",), correction="")
    rows = {(row["arm"], row["beside"]): row for row in result.tables["quantiles"].to_pylist()}
    assert set(rows) == {("control", "a"), ("control", "b"), ("a", "control"), ("b", "control")}
    arm, market, ids = columns["arm"], columns["market"], columns["user_id"]
    for treated, strata in (("a", (0,)), ("b", (0, 1))):
        both = ((arm == treated) | (arm == "control")) & np.isin(market, strata)
        weights = {s: float((both & (market == s)).sum()) for s in strata}
        for name, other in ((treated, "control"), ("control", treated)):
            own = both & (arm == name)
            hand = by_hand(
                columns["latency"][own], ids[own], weights, {s: ids[own & (market == s)] for s in strata}, 0.5
            )
            found = rows[name, other]
            assert (found["value"], found["low"], found["high"]) == pytest.approx(hand[:3], rel=1e-12)
    (checks,) = [[check for check in result.checks if check.name == "strata_compared"]]
    assert checks[0].value == float(((arm == "control") & (market == 1)).sum())
    assert "is not tested, since it is a quantile" in checks[1].says


@pytest.mark.parametrize("hole", [None, math.nan, math.inf])
def test_a_missing_value_stops_it_within_strata_too(hole: Any, units: Make, answered: Make) -> None:
    columns = units(600)
    latency = columns["latency"].tolist()
    latency[3] = hole
    result = answered({**columns, "latency": latency}, primary=Quantile("latency", 0.5), strata=("device",))
    assert result.verdict.answer == "invalid"
    (stop,) = [check for check in result.checks if check.stops]
    assert stop.name == "values_present"
    assert "'latency p50' in 'b': 1 " in stop.says
    assert result.estimate(scale="absolute").value is None


def test_too_few_values_beyond_it_are_a_doubt_within_strata(units: Make, answered: Make) -> None:
    few = answered(units(120), primary=Quantile("latency", 0.99), strata=("device",))
    (check,) = [check for check in few.checks if check.name == "quantiles_bounded"]
    assert (check.status, check.severity) == ("failed", "doubt")
    assert few.estimate(scale="absolute").value is None


def test_arms_that_are_no_texts_are_compared_within_strata(units: Make, answered: Make) -> None:
    columns = units(800)
    words = {"primary": Quantile("latency", 0.5), "strata": ("device",)}
    plain = answered(columns, **words).estimate(scale="absolute")
    other = {**columns, "arm": columns["arm"] == "b"}
    found = answered(other, arms={"false": 0.5, "true": 0.5}, control="false", **words).estimate(scale="absolute")
    assert (found.value, found.low) == (plain.value, plain.low)


def test_what_came_back_is_enough_to_conclude_again() -> None:
    one = study(segments=("device",), secondary=(Quantile("spend", 0.9),), strata=("plan",))
    setting = Setting(warehouse=connect({"units": pa.table(units())}), stages={"page": ROWS})
    result = run(one, setting, as_of=NOW)
    data = read(one, setting.context(one, as_of=NOW), setting).data
    assert list(numbers_moved(result, conclude(one, data, provenance=result.provenance))) == []
    assert "weighted by stage and plan" in result.tables["methods"].to_pylist()[0]["method"]


def test_without_the_fetches_as_earlier_versions_kept_it_nothing_is_pooled() -> None:
    one, setting = study(), Setting(warehouse=connect({"units": pa.table(units())}), stages={"page": ROWS})
    result = run(one, setting, as_of=NOW)
    data = read(one, setting.context(one, as_of=NOW), setting).data
    kept = {name: table for name, table in data.items() if "within" not in name}
    again = conclude(one, kept, provenance=result.provenance)
    assert again.estimate(scale="absolute").value is None
    (check,) = [check for check in again.checks if check.name == "quantiles_within_stages"]
    assert (check.status, check.severity) == ("not_run", "doubt")
    assert not [check for check in result.checks if check.name == "quantiles_within_stages"]


def test_looks_bound_it_as_they_bound_a_mean() -> None:
    words: dict[str, Any] = {"looks": Looks(every="daily", units=2 * N), "stopping": "obrien_fleming"}
    plain, looked = (answered(study(**more), units()).estimate(scale="absolute") for more in ({}, words))
    assert looked.value == plain.value
    assert (looked.low or 0) < (plain.low or 0) < (plain.high or 0) < (looked.high or 0)


# Rows of units: page views of visitors.

CATALOG = MetricCatalog.of(
    metrics=[Metric(name="slow", quantile=RowsQuantile(of="page_views.ms", share=0.9), better="down")],
    tables=[
        TableDeclaration(name="page_views", key=("view",), time="at", entities={"visitor": ("id",)}),
        TableDeclaration(name="page_visitors", key=("id",), entity="visitor"),
    ],
)


def views(n: int = 2_500) -> dict[str, pa.Table]:
    """Visitors with habits of their own and no to many views each; early ones are slower and look at more."""
    random, ids = np.random.default_rng(9), np.arange(n)
    _, stage = drawn_of(ids)
    count = random.poisson(random.gamma(1.0, 2.0, n) * np.where(stage == 1, 2.0, 1.0))
    owner = np.repeat(ids, count)
    ms = random.gamma(4.0, 25.0, n)[owner] * random.lognormal(0, 0.3, len(owner)) * np.where(stage[owner] == 1, 2, 1)
    at = pa.array([NOW - timedelta(hours=1)] * len(owner), pa.timestamp("us", "UTC"))
    device = np.array(["phone", "desktop"])[random.integers(0, 2, n)]
    return {
        "page_views": pa.table({"view": np.arange(len(owner)), "id": owner, "ms": ms, "at": at}),
        "page_visitors": pa.table({"id": ids, "device": device}),
    }


OF_ROWS: dict[str, Any] = {
    "table": "", "unit": "visitor", "primary": "slow", "segments": ("device",),
    "between": (date(2026, 3, 2), date(2026, 3, 31)),
}  # fmt: skip


def test_rows_of_units_weigh_as_their_units_do() -> None:
    """Units without a row count as units; the variance is that over units, of what they have below and in all."""
    tables = views()
    setting = Setting(warehouse=connect(tables), metrics=CATALOG, stages={"page": ROWS})
    result = run(study(**OF_ROWS), setting, as_of=NOW)
    owner, ms = tables["page_views"]["id"].to_numpy(), tables["page_views"]["ms"].to_numpy()
    ids, device = np.arange(2_500), np.array(tables["page_visitors"]["device"].to_pylist())
    arm, stage = drawn_of(ids)
    for segment in ("all", "device = phone"):
        inside = np.ones(2_500, bool) if segment == "all" else device == "phone"
        weights = {s: float((inside & (stage == s)).sum()) for s in (1, 2)}
        arms = []
        for name in ("b", "control"):
            own = inside & (arm == name)
            strata = {s: ids[own & (stage == s)] for s in (1, 2)}
            arms.append(by_hand(ms[own[owner]], owner[own[owner]], weights, strata, 0.9))
        row = result.estimate(segment=segment, scale="absolute")
        assert (row.value, row.std_error) == pytest.approx(
            (arms[0][0] - arms[1][0], math.hypot(*map(error_of, arms))), rel=1e-9
        )
    (found,) = [
        r for r in result.tables["quantiles"].to_pylist() if (r["segment"], r["arm"]) == ("all", "b")
    ]  # fmt: skip
    assert found["clusters"] == len(set(owner[(arm == "b")[owner]]))
    assert found["design_effect"] > 2
    assert result.verdict.answer != "invalid"


@pytest.mark.postgres
def test_quantiles_over_stages_are_the_same_in_postgres(postgres_url: str) -> None:
    one = study(
        table="staged_quantiles", secondary=(Quantile("ms", 0.9),), segments=("device",), strata=("plan",)
    )  # fmt: skip
    tables = {"staged_quantiles": pa.table(units()), **views(800)}
    with connect(postgres_url) as there:
        for name, table in tables.items():
            there.write(name, table)
        settings = [
            Setting(warehouse=warehouse, metrics=CATALOG, stages={"page": ROWS})
            for warehouse in (connect(tables), there)
        ]
        for of in (one, study(**OF_ROWS)):
            found = [run(of, setting, as_of=NOW) for setting in settings]
            assert list(numbers_moved(*found)) == []
            assert found[0].estimates[0].value is not None
