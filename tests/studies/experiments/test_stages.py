"""Stages of a ramp with splits of their own: compared one by one, as by hand, and never pooled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from scipy.stats import chisquare, t

from steelyard.result import Result
from steelyard.stats.moments import Moments
from steelyard.stats.sample import Sample
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.studies.experiments import Experiment, Looks, Mean, Prior, Ratio, Share, Stage
from steelyard.studies.experiments.allocation import allocation_of
from steelyard.studies.experiments.assignment import drawn
from steelyard.studies.experiments.enrolment import splits_of
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import conclude, read, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import connect

NOW = datetime(2026, 4, 1, tzinfo=UTC)
N = 12_000
FIRST = {"control": 0.95, "b": 0.05}
ROWS: tuple[Mapping[str, Any], ...] = (
    {"share": 0.4, "arms": FIRST},
    {"share": 1.0, "arms": {"control": 0.5, "b": 0.5}},
)


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "page", "question": "Does it help?", "arms": {"control": 0.5, "b": 0.5}, "table": "units", "unit": "id",
        "primary": Mean("spend"), "ramp": (Stage(share=0.4, arms=FIRST), 1.0),
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def drawn_of(ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    found = drawn(allocation_of(study(), ROWS), ids)
    return np.array(found.arms.to_pylist()), found.stages


def units(seed: int = 3, *, lift: float = 0.3, start: int = 0, n: int = N) -> dict[str, Any]:
    """Who came early spends more; the split of the early stage is 19 to 1."""
    random, ids = np.random.default_rng(seed), np.arange(start, start + n)
    arm, stage = drawn_of(ids)
    before = random.gamma(2.0, 1.0, n) + 2.0 * (stage == 1)
    sessions = 1.0 + random.poisson(2.0, n)
    return {
        "id": ids,
        "spend": 5 + before + 3.0 * (stage == 1) + random.normal(size=n) + lift * (arm == "b"),
        "before": before,
        "converted": (random.random(n) < 0.1 + 0.2 * (stage == 1) + 0.03 * (arm == "b")).astype(int),
        "orders": random.binomial(sessions.astype(int), 0.3).astype(float),
        "sessions": sessions,
        "device": np.array(["phone", "desktop"])[random.integers(0, 2, n)],
    }


def answered(one: Experiment, columns: Mapping[str, Any]) -> Result:
    return run(one, Setting(warehouse=connect({"units": pa.table(dict(columns))}), stages={"page": ROWS}), as_of=NOW)


def samples(columns: Mapping[str, Any], values: npt.NDArray[Any], where: Any = True) -> list[tuple[Sample, Sample]]:
    arm, stage = drawn_of(np.asarray(columns["id"]))
    found = []
    for number in (1, 2):
        picked = [values[(stage == number) & (arm == name) & where] for name in ("b", "control")]
        one, other = (Sample(n=len(v), mean=float(v.mean()), variance=float(v.var(ddof=1))) for v in picked)
        found.append((one, other))
    return found


@pytest.mark.parametrize("metric", ["spend", "converted"])
def test_stages_are_compared_within_and_weighted_by_their_units(metric: str, by_hand: Any) -> None:
    columns = units()
    use = Mean("spend") if metric == "spend" else Share("converted")
    result = answered(study(primary=use, segments=("device",)), columns)
    pairs = samples(columns, np.asarray(columns[metric], dtype=float))
    hand = by_hand(pairs)
    row = result.estimate(metric=metric, scale="absolute", segment="all")
    assert (row.value, row.std_error, row.low, row.high, row.p_value, row.n) == pytest.approx(
        (hand.value, hand.std_error, hand.low, hand.high, hand.p_value, N)
    )
    # Satterthwaite's degrees of freedom over arms and stages, as of the difference, here of the logarithms.
    parts = [
        (weight**2 * sample.squared_error / level**2, sample.n - 1)
        for weight, pair in zip(hand.weights, pairs, strict=True)
        for sample, level in zip(pair, hand.levels, strict=True)
    ]
    ratio, error = hand.levels[0] / hand.levels[1], math.sqrt(sum(part for part, _ in parts))
    row = result.estimate(metric=metric, scale="relative", segment="all")
    assert (row.value, row.std_error) == pytest.approx((ratio - 1, ratio * error))
    df = error**4 / sum(part**2 / free for part, free in parts)
    reach = t.ppf(0.975, df) * error
    bounds = [ratio * math.exp(side * reach) - 1 for side in (-1, 1)]
    assert [row.low, row.high] == pytest.approx(bounds)
    phone = np.asarray(columns["device"]) == "phone"
    part = by_hand(samples(columns, np.asarray(columns[metric], dtype=float), phone))
    found = result.estimate(metric=metric, scale="absolute", segment="device = phone")
    assert (found.value, found.low) == pytest.approx((part.value, part.low))


def test_what_pooling_would_turn_round_comes_out_right() -> None:
    columns = units(lift=0.3)
    arm, _ = drawn_of(np.asarray(columns["id"]))
    pooled = columns["spend"][arm == "b"].mean() - columns["spend"][arm == "control"].mean()
    row = answered(study(), columns).estimate(scale="absolute")
    assert pooled < -0.2
    assert row.low is not None
    assert row.low > 0
    assert row.value == pytest.approx(0.3, abs=4 * (row.std_error or 0))


def _without(arm: Moments, slope: float, centre: float) -> Sample:
    variance = arm.variance("y") - 2 * slope * arm.covariance("y", "x") + slope**2 * arm.variance("x")
    return Sample(n=arm.rows, mean=arm.mean("y") - slope * (arm.mean("x") - centre), variance=variance)


def test_a_covariate_is_taken_out_within_each_stage(by_hand: Any) -> None:
    columns = units()
    result = answered(study(primary=Mean("spend", covariate="before")), columns)
    arm, stage = drawn_of(np.asarray(columns["id"]))
    pairs = []
    for number in (1, 2):
        pair = []
        for name in ("b", "control"):
            picked = (arm == name) & (stage == number)
            made = Moments.of_rows({"y": columns["spend"][picked], "x": columns["before"][picked]})
            pair.append(made)
        pairs.append(pair)
    # One slope in all arms and stages: that with the least variance of the contrast over both.
    arms = [(sum(one.rows for one in pair) ** 2 / m.rows, m) for pair in pairs for m in pair]
    slope = sum(w * m.covariance("y", "x") for w, m in arms) / sum(w * m.variance("x") for w, m in arms)
    strata = []
    for pair in pairs:
        centre = sum(m.mean("x") * m.rows for m in pair) / sum(m.rows for m in pair)
        strata.append(tuple(_without(m, slope, centre) for m in pair))
    hand = by_hand(strata)
    row = result.estimate(scale="absolute")
    assert (row.value, row.low, row.high) == pytest.approx((hand.value, hand.low, hand.high))
    plain = answered(study(), columns).estimate(scale="absolute")
    assert (row.std_error or 1) < 0.8 * (plain.std_error or 0)
    (balance,) = [check for check in result.checks if check.name == "balance_before"]
    assert balance.status == "passed", "pooled, the covariate would differ between the arms"


def test_the_split_is_tested_stage_by_stage() -> None:
    columns = units()
    arm, stage = drawn_of(np.asarray(columns["id"]))
    shares = {row["stage"]: {} for row in answered(study(), columns).tables["stages"].to_pylist()}
    result = answered(study(), columns)
    for row in result.tables["stages"].to_pylist():
        shares[row["stage"]][row["arm"]] = row["share"]
        assert row["units"] == int(((arm == row["arm"]) & (stage == row["stage"])).sum())
    assert shares[1] == pytest.approx(FIRST)
    counts = {s: [int(((arm == a) & (stage == s)).sum()) for a in ("control", "b")] for s in (1, 2)}
    parts = [chisquare(counts[s], [sum(counts[s]) * shares[s][a] for a in ("control", "b")]).statistic for s in (1, 2)]
    (check,) = [item for item in result.checks if item.name == "sample_ratio"]
    assert check.value == pytest.approx(math.exp(-sum(parts) / 2)), "chi-square's tail with two degrees of freedom"
    assert check.status == "passed"
    lost = {name: values[~((arm == "b") & (stage == 1))] for name, values in columns.items()}
    assert next(item for item in answered(study(), lost).checks if item.name == "sample_ratio").stops
    daily = answered(study(looks=Looks(units=N), stopping="always_valid"), columns)
    found = next(item for item in daily.checks if item.name == "sample_ratio")
    by_hand = sequential_ratio([counts[1], counts[2]], [[shares[s][a] for a in ("control", "b")] for s in (1, 2)])
    assert found.value == pytest.approx(by_hand.p_value)


def test_what_came_back_is_enough_to_conclude_again() -> None:
    one, setting = (
        study(segments=("device",)),
        Setting(warehouse=connect({"units": pa.table(units())}), stages={"page": ROWS}),
    )
    result = run(one, setting, as_of=NOW)
    data = read(one, setting.context(one, as_of=NOW), setting).data
    assert list(numbers_moved(result, conclude(one, data, provenance=result.provenance))) == []


def test_a_stage_without_one_of_the_arms_is_counted_and_says_nothing(by_hand: Any) -> None:
    columns = units()
    arm, stage = drawn_of(np.asarray(columns["id"]))
    kept = {name: values[~((arm == "b") & (stage == 1))] for name, values in columns.items()}
    result = answered(study(), kept)
    (check,) = [item for item in result.checks if item.name == "strata_compared"]
    assert check.value == float(((arm == "control") & (stage == 1)).sum())
    assert "say nothing" in check.says
    hand = by_hand(samples(columns, columns["spend"])[1:])
    assert result.estimate(scale="absolute").value == pytest.approx(hand.value)


@pytest.mark.parametrize("trials", [40, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "use", [Mean("spend"), Mean("spend", covariate="before"), Ratio("orders", "sessions")], ids=str
)
def test_intervals_over_stages_cover_on_both_scales(use: Any, trials: int) -> None:
    """Without an effect on either metric; the relative scale has the same truth, zero."""
    held = {"absolute": 0, "relative": 0}
    for trial in range(trials):
        result = answered(study(primary=use), units(trial, lift=0.0, start=2_000 * trial, n=2_000))
        for scale in held:
            row = result.estimate(scale=scale)
            held[scale] += not row.excludes(0)
    for count in held.values():
        assert abs(count - 0.95 * trials) <= 3.5 * math.sqrt(trials * 0.95 * 0.05)


def test_a_ramp_that_keeps_its_split_has_no_strata() -> None:
    thirds = {"control": 1 / 3, "a": 1 / 3, "b": 1 / 3}
    for arms in ({"control": 0.5, "b": 0.5}, thirds, {"control": 0.9, "b": 0.1}):
        rows = [{"share": share, "arms": arms} for share in (0.05, 0.1, 0.2, 0.77, 1.0)]
        one = study(arms=arms, ramp=(0.05, 0.1, 0.2, 0.77, 1.0))
        assert splits_of(allocation_of(one, rows), one.arms) == {}


@pytest.mark.postgres
def test_stages_are_the_same_in_postgres(postgres_url: str) -> None:
    table, one = pa.table(units()), study(table="staged_units", secondary=(Share("converted"),), segments=("device",))
    with connect(postgres_url) as there:
        there.write("staged_units", table)
        found = [
            run(one, Setting(warehouse=warehouse, stages={"page": ROWS}), as_of=NOW)
            for warehouse in (connect({"staged_units": table}), there)
        ]
    assert list(numbers_moved(*found)) == []


def test_a_beta_prior_over_stages_with_splits_of_their_own_says_why_it_has_no_posterior() -> None:
    shares = Share("converted", prior=Prior(alpha=1, beta=1))
    result = answered(study(primary=shares, secondary=(Mean("spend", prior=Prior(std_dev=0.1)),)), units())
    assert [row["metric"] for row in result.tables["posteriors"].to_pylist()] == ["spend"]
    (said,) = [check for check in result.checks if check.name == "posteriors_given"]
    assert (said.status, said.severity) == ("not_run", "note")
    assert "No posterior of 'converted' is given" in said.says
    pooled = run(study(primary=shares, ramp=()), connect({"units": pa.table(units())}), as_of=NOW)
    assert "posteriors" in pooled.tables
    assert "posteriors_given" not in {check.name for check in pooled.checks}


@pytest.mark.parametrize(
    "more", [{}, {"looks": Looks(every="daily", planned=5, units=20_000), "stopping": "always_valid"}]
)
def test_a_stage_that_has_begun_and_holds_nobody_yet_leaves_the_others_as_they_are(more: Mapping[str, Any]) -> None:
    """Counts of segments of two stages met shares of three: the run failed from the advance to the first unit."""
    columns = units()
    _, stage = drawn_of(np.asarray(columns["id"]))
    kept = {name: values[stage == 1] for name, values in columns.items()}
    result = answered(study(segments=("device",), **more), kept)
    (check,) = [item for item in result.checks if item.name == "sample_ratio_by_segment"]
    assert check.status == "passed"
    assert result.estimate(scale="absolute", segment="all").n == (stage == 1).sum()
