"""Replays of the past as A/A tests: as many errors as unit by unit, the same at every call, and trouble is found."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError
from steelyard.result import Check
from steelyard.stats.moments import Moments
from steelyard.studies.experiments import Effect, Mean, Ratio, Share
from steelyard.studies.experiments.history import PLACES
from steelyard.studies.experiments.replay_buckets import Buckets
from steelyard.studies.run import plan
from steelyard.warehouse import connect
from steelyard.warehouse.bucket import bucket
from steelyard.warehouse.moments import moments

Make = Callable[..., Any]


def rates(planned: Any) -> list[dict[str, Any]]:
    (title,) = [name for name in planned.tables if name.startswith("A/A")]
    return planned.tables[title].to_pylist()  # type: ignore[no-any-return]


def check_of(planned: Any, name: str) -> Check:
    (found,) = [check for check in planned.checks if check.name == name]
    return found


def test_every_metric_differs_as_often_as_promised(units: Make, study: Make, full: Any) -> None:
    columns = units(4_000, lift=0.0)
    found = plan(study(**full), pa.table(columns), replays=600)
    rows = {(row["metric"], row["scale"]): row for row in rates(found)}
    for metric in ("spend", "converted", "orders / sessions", "latency"):
        for scale in ("absolute", "relative"):
            row = rows[metric, scale]
            assert row["expected"] == pytest.approx(0.05)
            assert abs(row["rate"] - 0.05) < 3.5 * math.sqrt(0.05 * 0.95 / 600)
            assert row["low"] < row["rate"] < row["high"]
    passed = check_of(found, "false_positive_rate")
    assert (passed.status, passed.severity) == ("passed", "doubt")
    ships = next(row for row in rates(found) if row["what"] == "ship")
    assert ships["rate"] < 0.05


def test_the_same_history_gives_the_same_certificate(units: Make, study: Make) -> None:
    table = pa.table(units(500))
    one, other = (rates(plan(study(), table, replays=100)) for _ in range(2))
    assert one == other


def test_three_arms_are_split_as_the_study_splits_them(units: Make, study: Make) -> None:
    one = study(arms={"control": 0.8, "a": 0.1, "b": 0.1}, primary=Mean("spend"))
    rows = rates(plan(one, pa.table(units(3_000, arms=("control",))), replays=300))
    assert {row["what"] for row in rows if row["metric"] == "spend"} == {"a - control", "b - control"}
    for row in rows:
        if row["metric"] == "spend":
            assert row["expected"] == pytest.approx(0.025)
            assert abs(row["rate"] - 0.025) < 4 * math.sqrt(0.025 * 0.975 / 300)


def test_units_that_are_several_rows_are_found_out(units: Make, study: Make) -> None:
    """Ten rows of one person fall into one arm together: the interval, which counts rows, is too narrow by far."""
    columns = units(300, lift=0.0)
    again = {name: np.repeat(column, 10) for name, column in columns.items()}
    found = plan(study(), pa.table(again), replays=200)
    failed = check_of(found, "false_positive_rate")
    assert (failed.status, failed.severity) == ("failed", "doubt")
    assert failed.value is not None
    assert failed.value > 0.3
    assert "more often than promised" in failed.says


def test_a_handful_of_units_certifies_nothing(units: Make, study: Make) -> None:
    check = check_of(plan(study(), pa.table(units(20)), replays=50), "false_positive_rate")
    assert check.status == "not_run"
    assert "20 units" in check.says


def test_rows_without_an_id_cannot_be_split(units: Make, study: Make) -> None:
    with pytest.raises(DefinitionError, match="no id to split them by"):
        plan(study(unit=""), pa.table(units(200)), replays=10)


def test_fewer_than_no_replays_are_refused(units: Make, study: Make) -> None:
    with pytest.raises(DefinitionError, match="-1 replays"):
        plan(study(), pa.table(units(200)), replays=-1)


def test_a_plan_that_asks_for_no_replays_reads_no_rows_of_a_unit_table(units: Make, study: Make) -> None:
    found = plan(study(), pa.table(units(200)))
    assert found.checks == ()
    assert not [name for name in found.tables if name.startswith("A/A")]


def buckets_of(columns: dict[str, Any], salt: str, places: int) -> Buckets:
    place = [bucket(salt, int(unit)) % places for unit in columns["id"]]
    table = pa.table({**columns, "place": place})
    query = moments('"data"', by=("place",), values=("x", "y"), products=(("x", "y"),), shifts={"x": 3.0})
    return Buckets.of(connect(table).fetch(query))


def test_a_split_of_buckets_has_the_moments_of_its_rows() -> None:
    random = np.random.default_rng(8)
    columns = {"id": np.arange(900), "x": random.gamma(2.0, 2.0, 900), "y": random.normal(size=900)}
    found = buckets_of(columns, "s", 64)
    taken = random.random((3, len(found.rows))) < 0.4
    place = np.array([bucket("s", unit) % 64 for unit in range(900)])
    there = np.unique(place)
    for choice, split in zip(taken, found.split(taken), strict=True):
        rows = np.isin(place, there[choice])
        peer = Moments.of_rows({name: columns[name][rows] for name in ("x", "y")})
        assert split.rows == peer.rows
        assert split.mean("x") == pytest.approx(peer.mean("x"))
        assert split.covariance("x", "y") == pytest.approx(peer.covariance("x", "y"))
        assert split.variance("y") == pytest.approx(peer.variance("y"))
    assert found.units == 900


def test_a_hole_stays_a_hole_in_the_splits_that_have_it() -> None:
    columns = {"id": np.arange(100), "x": [None, *range(99)], "y": list(range(100))}
    found = buckets_of(columns, "s", 8)
    whole = found.whole()
    assert math.isnan(whole.mean("x"))
    assert whole.mean("y") == pytest.approx(49.5)
    hole = np.unique([bucket("s", unit) % 8 for unit in range(100)]).tolist().index(bucket("s", 0) % 8)
    without = np.ones((1, len(found.rows)))
    without[0, hole] = 0
    assert math.isfinite(found.split(without)[0].mean("x"))


@pytest.mark.parametrize("places", [64, 256])
def test_buckets_vary_as_units_do_but_for_chance_among_buckets(places: int) -> None:
    """Over ways to put units into buckets, a bucket's split has a unit's variance, off by the root of 2 / buckets."""
    random = np.random.default_rng(9)
    values = random.gamma(1.0, 1.0, 4_000)
    centred = values - values.mean()
    found = []
    for _ in range(600):
        sums = np.bincount(random.integers(0, places, len(values)), centred, minlength=places)
        found.append((sums**2).sum() / (centred**2).sum())
    assert np.mean(found) == pytest.approx(1.0, abs=4 * math.sqrt(2 / places / 600))
    assert np.std(found) == pytest.approx(math.sqrt(2 / places), rel=0.15)
    assert math.sqrt(2 / PLACES) < 0.012


@pytest.mark.slow
def test_bucket_splits_reject_as_often_as_unit_splits(units: Make, study: Make) -> None:
    words = {"primary": Ratio("orders", "sessions"), "secondary": (Mean("spend", covariate="spend_before"),),
             "guardrails": (Share("converted", margin=Effect(absolute=0.02)),)}  # fmt: skip
    found = plan(study(**words, arms={"control": 0.95, "b": 0.05}), pa.table(units(40_000, lift=0.0)), replays=2_000)
    for row in rates(found):
        if row["scale"] == "absolute":
            assert abs(row["rate"] - 0.05) < 3.3 * math.sqrt(0.05 * 0.95 / 2_000 + 0.0013**2)
