"""Clusters compared within strata, and within stages of a ramp whose splits differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.result import Check, Result
from steelyard.stats.cluster_robust import Clusters, cluster_robust
from steelyard.stats.interval import Interval
from steelyard.studies.experiments import Assignment, Count, Effect, Experiment, Mean, Ratio, Share, Stage
from steelyard.studies.experiments.allocation import allocation_of
from steelyard.studies.experiments.assignment import drawn
from steelyard.studies.result_moved import numbers_moved
from steelyard.studies.run import conclude, read, run
from steelyard.studies.setting import Setting
from steelyard.warehouse import connect

NOW = datetime(2026, 4, 1, tzinfo=UTC)
Columns = dict[str, Any]
FIRST = {"control": 0.9, "b": 0.1}
ROWS: tuple[Mapping[str, Any], ...] = (
    {"share": 0.4, "arms": FIRST},
    {"share": 1.0, "arms": {"control": 0.5, "b": 0.5}},
)


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "shelves", "question": "Do they sell more?", "arms": {"control": 0.5, "b": 0.5}, "table": "data",
        "cluster": "store", "assignment": Assignment(), "primary": Mean("spend"), "strata": ("country",),
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def baskets(stores: int = 90, *, seed: int = 1, largest: int = 9, lift: float = 0.0) -> Columns:
    """Baskets of stores in three countries, whose levels and splits differ."""
    random = np.random.default_rng(seed)
    store = np.repeat(np.arange(stores), random.integers(1, largest + 1, stores))
    place = random.integers(0, 3, stores)
    treated = random.random(stores) < np.array([0.2, 0.5, 0.7])[place]
    own, n = random.normal(size=stores)[store], len(store)
    return {
        "store": store,
        "arm": np.where(treated, "b", "control")[store],
        "country": np.array(["de", "fr", "it"])[place][store],
        "device": np.array(["phone", "desktop"])[random.integers(0, 2, n)],
        "spend": 20 - 5.0 * place[store] + own + random.normal(size=n) + lift * treated[store],
        "before": own + random.normal(size=n),
        "clicked": (random.random(n) < 0.3).astype(int),
        "clicks": random.poisson(1.0, n).astype(float),
        "chances": random.poisson(2.0, n) + 1.0,
    }


EVERY_KIND: dict[str, Any] = {
    "primary": Mean("spend", covariate="before", min_effect=Effect(relative=0.01)),
    "secondary": (
        Share("clicked"),
        Ratio("clicks", "chances"),
        Count("clicks"),
        Mean("chances", covariate="before", adjustment="lin"),
    ),
    "segments": ("device",),
}


def answered(columns: Mapping[str, Any], **changes: Any) -> Result:
    return run(study(**changes), pa.table(dict(columns)))


def by_rows(columns: Columns, stratum: npt.NDArray[Any], where: Any = True) -> Interval:
    """Least squares on a dummy for each arm of each stratum, by rows: strata weighted by their rows."""
    taken = np.broadcast_to(where, stratum.shape)
    cells = sorted({(s, a) for s, a in zip(stratum[taken], columns["arm"][taken], strict=True)})
    rows = np.stack([(stratum == s) & (columns["arm"] == a) & taken for s, a in cells], axis=1).astype(float)
    cross, moment = [], []
    for one in np.unique(columns["store"][taken]):
        mine = columns["store"] == one
        cross.append(rows[mine].T @ rows[mine])
        moment.append(rows[mine].T @ columns["spend"][mine])
    share = {s: float(((stratum == s) & taken).sum() / taken.sum()) for s, _ in cells}
    contrast = np.array([share[s] * (1 if a == "b" else -1) for s, a in cells])
    return cluster_robust(Clusters(cross=np.array(cross), moment=np.array(moment), rows=int(taken.sum())), contrast)


def numbers(result: Result) -> list[tuple[float | None, ...]]:
    return [(row.value, row.std_error, row.low, row.high, row.p_value) for row in result.estimates]


def assert_alike(one: Result, other: Result, rel: float = 1e-9) -> None:
    assert len(one.estimates) == len(other.estimates)
    for mine, theirs in zip(numbers(one), numbers(other), strict=True):
        assert mine == pytest.approx(theirs, rel=rel)


def check_of(result: Result, name: str) -> Check:
    (check,) = [check for check in result.checks if check.name == name]
    return check


def test_strata_of_clusters_are_what_least_squares_on_their_cells_gives() -> None:
    columns = baskets()
    found = by_rows(columns, columns["country"])
    row = answered(columns).estimates[0]
    assert (row.value, row.std_error, row.low, row.high, row.p_value) == pytest.approx(
        (found.value, found.std_error, found.low, found.high, found.p_value), rel=1e-8
    )
    assert row.n == len(columns["store"])
    levels = {level["arm"]: level for level in answered(columns).tables["arms"].to_pylist()}
    for arm, level in levels.items():
        assert (level["analysed"], level["level"]) == (
            (columns["arm"] == arm).sum(),
            pytest.approx(columns["spend"][columns["arm"] == arm].mean()),
        )
    naive = answered(columns, strata=()).estimates[0]
    assert abs(naive.value or 0) > 3 * abs(row.value or 0), "pooled, the mix of countries passes for an effect"


def test_a_segment_of_clusters_is_compared_within_strata_too() -> None:
    columns = baskets()
    result = answered(columns, segments=("device", "country"))
    for column, value in (("device", "phone"), ("country", "fr")):
        found = by_rows(columns, columns["country"], columns[column] == value)
        row = result.estimate(segment=f"{column} = {value}", scale="absolute")
        assert (row.value, row.std_error, row.low) == pytest.approx((found.value, found.std_error, found.low), rel=1e-8)
    assert numbers(result)[0] == pytest.approx(numbers(answered(columns))[0], rel=1e-12)


def test_one_stratum_of_clusters_is_no_stratum() -> None:
    columns = {**baskets(), "country": np.repeat("de", len(baskets()["store"]))}
    assert_alike(answered(columns, **EVERY_KIND), answered(columns, **EVERY_KIND, strata=()))


def test_strata_of_clusters_of_one_unit_are_strata_of_units() -> None:
    columns = baskets(400, largest=1, lift=0.3)
    one = answered(columns, **EVERY_KIND)
    assert_alike(one, answered(columns, **EVERY_KIND, cluster="", unit="store"))
    assert one.tables["methods"].to_pylist()[0]["method"] == "by country, CUPED, weighted by units, t"


@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 1_000), times=st.integers(2, 4))
def test_repeated_rows_names_of_strata_and_order_of_rows_tell_nothing_new(seed: int, times: int) -> None:
    columns = baskets(60, seed=seed)
    order = np.random.default_rng(seed).permutation(len(columns["store"]) * times)
    again = {name: np.repeat(values, times)[order] for name, values in columns.items()}
    again["country"] = np.char.add("x", np.char.replace(again["country"].astype(str), "de", "zz"))
    assert_alike(answered(columns, **EVERY_KIND), answered(again, **EVERY_KIND), rel=1e-7)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1_000), steps=st.tuples(*[st.floats(-50, 50)] * 3))
def test_the_level_of_a_stratum_does_not_move_its_effect(seed: int, steps: tuple[float, ...]) -> None:
    columns = baskets(60, seed=seed)
    moved = {
        **columns,
        "spend": columns["spend"] + np.select([columns["country"] == c for c in ("de", "fr", "it")], steps),
    }
    one, other = (answered(data).estimates[0] for data in (columns, moved))
    assert (one.value, one.std_error, one.p_value) == pytest.approx(
        (other.value, other.std_error, other.p_value), rel=1e-6
    )


def test_a_cluster_in_two_strata_is_counted_and_blocks() -> None:
    columns = baskets()
    columns["country"] = columns["country"].astype(object)
    for store in (3, 4):
        columns["country"][np.flatnonzero(columns["store"] == store)[-1]] = None
    several = sum((columns["store"] == store).sum() > 1 for store in (3, 4))
    result = answered(columns)
    check = check_of(result, "clusters_in_one_stratum")
    assert (check.status, check.severity, check.value) == ("failed", "blocking", float(several))
    assert several > 0
    assert "give the cluster's own value" in check.says
    assert result.verdict.answer == "invalid"
    assert check_of(answered(baskets()), "clusters_in_one_stratum").status == "passed"


def test_strata_with_one_cluster_of_an_arm_are_left_out_and_their_units_counted() -> None:
    columns = baskets(60)
    lone = columns["store"] == columns["store"][columns["arm"] == "b"][0]
    columns["country"] = np.where(lone, "is", columns["country"])
    check = check_of(answered(columns), "strata_compared")
    assert (check.status, check.value) == ("failed", float(lone.sum()))
    assert "within 3 strata (by country)" in check.says


def test_lin_s_regression_of_clusters_has_slopes_of_each_stratum_and_arm() -> None:
    columns = baskets(300, seed=5)
    words: dict[str, Any] = {"primary": Mean("spend", covariate="before", adjustment="lin")}
    whole = answered(columns, **words).estimate(scale="absolute", segment="all")
    parts = []
    for country in ("de", "fr", "it"):
        inside = {name: values[columns["country"] == country] for name, values in columns.items()}
        row = answered(inside, **words, strata=()).estimate(scale="absolute", segment="all")
        parts.append(((columns["country"] == country).mean(), row.value, row.std_error))
    assert whole.value == pytest.approx(sum(share * value for share, value, _ in parts))
    assert whole.std_error == pytest.approx(sum((share * error) ** 2 for share, _, error in parts) ** 0.5)
    plain = answered(columns).estimate(scale="absolute", segment="all")
    assert (whole.std_error or 1) < 0.9 * (plain.std_error or 0)


def test_strata_of_few_clusters_are_doubted() -> None:
    columns = baskets(120)
    columns["country"] = np.array([f"c{store // 6}" for store in columns["store"]])
    check = check_of(answered(columns), "clusters_in_strata")
    assert (check.status, check.severity, check.limit) == ("failed", "doubt", 0.1)
    assert check.value is not None
    assert check.value > 0.9
    assert check_of(answered(baskets(120)), "clusters_in_strata").status == "passed"


def ramped(columns: Columns) -> tuple[Columns, npt.NDArray[np.int32]]:
    """The same with arms and stages as the hash of the store draws them; who came early spends more."""
    one = study(strata=(), assignment="steelyard", ramp=(Stage(share=0.4, arms=FIRST), 1.0))
    found = drawn(allocation_of(one, ROWS), columns["store"])
    stage = found.stages
    return {**columns, "arm": np.array(found.arms.to_pylist()), "spend": columns["spend"] + 6.0 * (stage == 1)}, stage


def by_hash(columns: Mapping[str, Any], **changes: Any) -> Result:
    one = study(**{"strata": (), "assignment": "steelyard", "ramp": (Stage(share=0.4, arms=FIRST), 1.0), **changes})
    kept = {name: values for name, values in columns.items() if name != "arm"}
    return run(one, Setting(warehouse=connect({"data": pa.table(kept)}), stages={"shelves": ROWS}), as_of=NOW)


@pytest.mark.parametrize("strata", [(), ("country",)])
def test_stages_with_splits_of_their_own_are_compared_within(strata: tuple[str, ...]) -> None:
    columns, stage = ramped(baskets(300))
    columns["spend"] += 0.5 * (columns["arm"] == "b")
    stratum = np.char.add(stage.astype(str), columns["country"]) if strata else stage
    found, row = by_rows(columns, stratum), by_hash(columns, strata=strata).estimates[0]
    assert (row.value, row.std_error, row.low, row.high, row.p_value) == pytest.approx(
        (found.value, found.std_error, found.low, found.high, found.p_value), rel=1e-8
    )
    pooled = columns["spend"][columns["arm"] == "b"].mean() - columns["spend"][columns["arm"] != "b"].mean()
    assert pooled < -0.5, "pooled, the effect has the other sign"


def test_the_split_of_stages_is_tested_on_clusters() -> None:
    columns, stage = ramped(baskets(300))
    result = by_hash(columns, segments=("device",))
    _, first = np.unique(columns["store"], return_index=True)
    counts = {
        (s, a): int(((stage == s) & (columns["arm"] == a))[first].sum()) for s in (1, 2) for a in ("control", "b")
    }
    says = check_of(result, "sample_ratio").says
    assert says.startswith("Clusters fell as the splits say: ")
    assert f"stage 2: control {counts[2, 'control']} (expected" in says
    assert check_of(result, "sample_ratio_by_segment").status == "passed"
    (row,) = [row for row in result.tables["stages"].to_pylist() if (row["stage"], row["arm"]) == (1, "b")]
    assert row["analysed"] == ((stage == 1) & (columns["arm"] == "b")).sum()


def test_units_without_a_cluster_are_in_no_stage_and_block() -> None:
    columns, _ = ramped(baskets(300))
    stores = [None if place < 3 else int(store) for place, store in enumerate(columns["store"])]
    result = by_hash({**columns, "store": pa.array(stores, pa.int64())})
    check = check_of(result, "clusters_known")
    assert (check.status, check.severity, check.value) == ("failed", "blocking", 3.0)
    assert result.verdict.answer == "invalid"


def test_what_was_kept_of_clusters_in_stages_gives_the_same_result_again() -> None:
    columns, _ = ramped(baskets(300))
    one = study(assignment="steelyard", ramp=(Stage(share=0.4, arms=FIRST), 1.0), segments=("device",))
    setting = Setting(warehouse=connect({"data": pa.table(columns).drop_columns(["arm"])}), stages={"shelves": ROWS})
    data = read(one, setting.context(one, as_of=NOW), setting).data
    result = run(one, setting, as_of=NOW)
    assert list(numbers_moved(result, conclude(one, data, provenance=result.provenance))) == []


@pytest.mark.postgres
def test_strata_of_clusters_are_the_same_in_postgres(postgres_url: str) -> None:
    columns = {**baskets(120), "old": baskets(120)["store"] % 2 == 0}
    one = study(**EVERY_KIND, table="cluster_baskets", strata=("country", "old"))
    with connect(postgres_url) as warehouse:
        warehouse.write("cluster_baskets", pa.table(columns))
        there = run(one, warehouse, as_of=NOW)
    here = run(one, connect({"cluster_baskets": pa.table(columns)}), as_of=NOW)
    assert list(numbers_moved(here, there)) == []
    assert check_of(there, "clusters_in_one_stratum").status == "passed"
