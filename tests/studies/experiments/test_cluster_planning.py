"""Planning experiments whose clusters are randomised: from given numbers, from history, and by replays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.stats.intraclass import intraclass_correlation
from steelyard.studies.experiments import Assignment, Baseline, Effect, Experiment, Mean
from steelyard.studies.run import plan
from steelyard.studies.study import Plan

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def study(**changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "views",
        "question": "Do they stay longer?",
        "arms": {"control": 0.5, "b": 0.5},
        "table": "data",
        "cluster": "store",
        "assignment": Assignment(),
        "primary": Mean("y"),
    }
    return Experiment(**{**words, **changes})


@pytest.fixture
def stores() -> Callable[..., dict[str, Any]]:
    """Customers of stores that are alike within, with an intraclass correlation of 0.1."""

    def make(clusters: int, seed: int = 1, largest: int = 20) -> dict[str, Any]:
        random = np.random.default_rng(seed)
        sizes = random.integers(1, largest + 1, clusters)
        store = np.repeat(np.arange(clusters), sizes)
        y = 10 + random.normal(0, 0.1**0.5, clusters)[store] + random.normal(0, 0.9**0.5, len(store))
        return {"store": store, "y": y, "arm": np.where(store % 2, "b", "control")}

    return make


def _rate(found: Plan) -> float:
    (table,) = [table for name, table in found.tables.items() if name.startswith("A/A")]
    return float(next(row["rate"] for row in table.to_pylist() if row["scale"] == "absolute"))


def test_a_plan_says_clusters_and_units() -> None:
    known = Baseline(level=10.0, std_dev=1.0, cluster_size=20, icc=0.05, cluster_variation=0.5)
    one = study(primary=Mean("y", baseline=known, expected_effect=Effect(absolute=0.1)))
    facts = plan(one, pa.table({"store": [1], "y": [1.0], "arm": ["b"]}), as_of=NOW).sample
    # Eldridge, Ashby and Kerry (2006): 2.2 times what independent units take.
    assert facts["design effect"] == 2.2
    assert facts["units needed in b"] == pytest.approx(3_454, abs=3)
    assert facts["clusters needed in b"] == -(-facts["units needed in b"] // 20)


def test_few_clusters_and_a_baseline_without_them_are_told() -> None:
    table = pa.table({"store": [1], "y": [1.0], "arm": ["b"]})
    known = Baseline(level=10.0, std_dev=1.0, cluster_size=200, icc=0.05)
    few = study(primary=Mean("y", baseline=known, expected_effect=Effect(absolute=0.5)))
    assert any("clusters in an arm are few" in words for words in plan(few, table, as_of=NOW).warnings)
    silent = study(primary=Mean("y", baseline=Baseline(level=10.0, std_dev=1.0)))
    assert any("give `cluster_size:` and `icc:`" in words for words in plan(silent, table, as_of=NOW).warnings)


def test_a_certificate_splits_clusters_and_finds_what_is_promised(stores: Callable[..., dict[str, Any]]) -> None:
    columns = stores(150)
    found = plan(study(), pa.table(columns), replays=400, as_of=NOW)
    (title,) = [name for name in found.tables if name.startswith("A/A")]
    assert f"150 clusters, {len(columns['y']):,} units," in title
    assert _rate(found) == pytest.approx(0.05, abs=3.5 * (0.05 * 0.95 / 400) ** 0.5)
    assert [check.status for check in found.checks if check.name == "false_positive_rate"] == ["passed"]


def test_buckets_of_clusters_add_up_to_all_of_them(stores: Callable[..., dict[str, Any]]) -> None:
    from steelyard.studies.experiments.cluster_history import ClusterBuckets
    from steelyard.studies.experiments.cluster_sums import cluster_moments
    from steelyard.warehouse import connect

    columns = stores(60)
    relation = "(SELECT store AS cluster, store % 7 AS place, y FROM data)"
    query = cluster_moments(relation, by=("place",), values=("y",), squares=("y",), shifts={"y": 9.5})
    buckets = ClusterBuckets.of(connect(pa.table(columns)).fetch(query), "place", {"y": 9.5})
    whole = buckets.whole()
    assert whole is not None
    assert (buckets.places, buckets.clusters, buckets.units) == (7, 60, len(columns["y"]))
    assert whole.mean("y") == pytest.approx(columns["y"].mean(), rel=1e-12)
    mask = np.arange(7) < 3
    some, nobody = buckets.split(np.stack([mask, np.zeros(7)]))
    assert nobody is None
    assert some is not None
    inside = columns["store"] % 7 < 3
    assert some.mean("y") == pytest.approx(columns["y"][inside].mean(), rel=1e-12)
    assert some.rows == len(np.unique(columns["store"][inside]))


def test_the_intraclass_correlation_of_history_is_the_rows_own(stores: Callable[..., dict[str, Any]]) -> None:
    from steelyard.studies.experiments.cluster_history import cluster_baseline
    from steelyard.studies.experiments.cluster_sums import cluster_moments, moments_of_clusters
    from steelyard.warehouse import connect

    columns = stores(60)
    query = cluster_moments(
        "(SELECT store AS cluster, y FROM data)", by=(), values=("y",), squares=("y",), shifts={"y": 9.0}
    )
    (found,) = moments_of_clusters(connect(pa.table(columns)).fetch(query), (), {"y": 9.0}).values()
    known = cluster_baseline(Mean("y"), found)
    assert known is not None
    sizes = np.bincount(columns["store"]).astype(float)
    sums = np.bincount(columns["store"], weights=columns["y"])
    squares = np.bincount(columns["store"], weights=columns["y"] ** 2)
    assert known.icc == pytest.approx(intraclass_correlation(sizes, sums, squares), rel=1e-6)
    assert known.std_dev == pytest.approx(columns["y"].std(ddof=1), rel=1e-9)
    assert (known.cluster_size, known.level) == pytest.approx((sizes.mean(), columns["y"].mean()))
