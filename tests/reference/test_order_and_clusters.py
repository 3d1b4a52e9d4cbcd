"""Ranks of quantiles, adjusted p-values and cluster-robust errors against R, statsmodels, SciPy and GrowthBook."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtr

from steelyard.stats.bonferroni import bonferroni
from steelyard.stats.cluster_robust import Clusters, cluster_difference, cluster_robust
from steelyard.stats.dunnett import dunnett, dunnett_loading
from steelyard.stats.hochberg import hochberg
from steelyard.stats.hommel import hommel
from steelyard.stats.quantile_difference import QuantileSample, quantile_difference, quantile_relative
from steelyard.stats.quantile_ranks import quantile_ranks
from steelyard.stats.sidak import sidak

CLOSE = 1e-6


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "data" / name).read_text().splitlines()))


def test_ranks_equal_the_binomial_law(peers: dict[str, Any]) -> None:
    entries = [name for name in peers if name.startswith("quantile.exact_ranks.")]
    assert len(entries) == 3
    for name in entries:
        n, quantile = name.removeprefix("quantile.exact_ranks.n").split(".q")
        found = quantile_ranks(int(n), float(quantile))
        assert (found.low, found.high) == (peers[name]["lower_rank_1based"], peers[name]["upper_rank_1based"])
        assert found.coverage == pytest.approx(peers[name]["coverage"], rel=CLOSE)


@pytest.mark.parametrize(("quantile", "name"), [(0.9, "p90"), (0.99, "p99")])
def test_quantile_differences_are_growthbook_s_up_to_its_conventions(
    quantile: float, name: str, peers: dict[str, Any], folder: Path
) -> None:
    """It takes ranks from the normal law: one or two beside ours, so that errors differ by a twentieth or so."""
    peer = peers[f"gb.quantile_unit.latency.{name}.absolute"]
    found = quantile_difference(*_latencies(folder, quantile))
    assert found is not None
    assert found.value == pytest.approx(peer["estimate"], rel=CLOSE)
    assert found.std_error == pytest.approx(peer["se"], rel=0.1)
    # With its own ranks and convention our formula gives its error.
    error2 = sum(((high - low) / (2 * 1.959963985)) ** 2 * (n - 1) / n for n, _, low, high in peer["inputs"])
    assert error2**0.5 == pytest.approx(peer["se"], rel=CLOSE)
    lift = quantile_relative(*_latencies(folder, quantile))
    assert lift is not None
    if name == "p99":
        assert lift.value == pytest.approx(peers["inc.p99"]["lift"], rel=CLOSE)
        assert lift.std_error / (1 + lift.value) == pytest.approx(peers["inc.p99"]["log_se"], rel=0.1)


def _latencies(folder: Path, quantile: float) -> tuple[QuantileSample, QuantileSample]:
    rows = _rows(folder, "users.csv")
    arms = []
    for variant in ("1", "0"):
        values = np.array([float(row["latency_ms"]) for row in rows if row["variant"] == variant])
        ranks = quantile_ranks(len(values), quantile)
        low, value, high = np.quantile(values, ranks.levels)
        arms.append(QuantileSample(ranks=ranks, value=value, low=low, high=high))
    return arms[0], arms[1]


def test_adjusted_p_values_equal_r_and_statsmodels(peers: dict[str, Any], reference: dict[str, Any]) -> None:
    (published,) = [item for item in reference["published"] if item["id"] == "bh1995"]
    p_values = published["inputs"]["p"]
    for ours, r, statsmodels in (
        (bonferroni, "bonferroni", "bonferroni"),
        (hochberg, "hochberg", "simes-hochberg"),
        (hommel, "hommel", "hommel"),
    ):
        assert ours(p_values) == pytest.approx(peers[f"p.adjust.BH1995.{r}"]["adj"], rel=CLOSE), r
        peer = peers[f"sm.multitest.BH1995.{statsmodels}"]
        assert ours(p_values) == pytest.approx(peer["adj"], rel=CLOSE), r
        assert sum(p <= 0.05 for p in ours(p_values)) == peer["n_reject"]
    (three,) = [item for item in reference["published"] if item["id"] == "bh1995.bonferroni"]
    assert sum(p <= 0.05 for p in bonferroni(p_values)) == three["expected"]
    peer = peers["sm.multitest.BH1995.sidak"]
    assert sidak(p_values) == pytest.approx(peer["adj"], rel=CLOSE)
    assert sum(p <= 0.05 for p in sidak(p_values)) == peer["n_reject"]


def test_arms_against_one_control_equal_scipy_s_dunnett(peers: dict[str, Any], folder: Path) -> None:
    """Revenue of arms B and C against A with the variance of all three; scipy's p-values are drawn, good to 1e-3."""
    rows, peer = _rows(folder, "users.csv"), peers["scipy.dunnett.revenue"]
    arms = [np.array([float(row["revenue"]) for row in rows if row["arm3"] == arm]) for arm in "ABC"]
    df = len(rows) - 3
    variance = sum(((values - values.mean()) ** 2).sum() for values in arms) / df
    control, treated = arms[0], arms[1:]
    t = [(v.mean() - control.mean()) / np.sqrt(variance * (1 / len(v) + 1 / len(control))) for v in treated]
    assert t == pytest.approx(peer["statistic"], rel=CLOSE)
    loadings = [dunnett_loading(len(values), len(control)) for values in treated]
    p_values = [2 * float(stdtr(df, -abs(statistic))) for statistic in t]
    assert dunnett(p_values, loadings) == pytest.approx(peer["p"], abs=1e-3)


def _clusters(folder: Path, columns: tuple[str, ...]) -> Clusters:
    groups: dict[str, list[list[float]]] = {}
    rows = _rows(folder, "clusters.csv")
    for row in rows:
        groups.setdefault(row["cluster_id"], []).append([1.0, *(float(row[name]) for name in columns), float(row["y"])])
    blocks = [np.array(block) for block in groups.values()]
    return Clusters(
        cross=np.array([block[:, :-1].T @ block[:, :-1] for block in blocks]),
        moment=np.array([block[:, :-1].T @ block[:, -1] for block in blocks]),
        rows=len(rows),
    )


@pytest.mark.parametrize(
    ("entry", "kind", "columns"),
    [
        ("CR0.raw", "CR0", ("variant",)),
        ("stata.raw", "CR1", ("variant",)),
        ("CR2.raw", "CR2", ("variant",)),
        ("stata.adj", "CR1", ("variant", "x_pre")),
        ("CR2.adj", "CR2", ("variant", "x_pre")),
    ],
)
def test_cluster_robust_errors_equal_r(
    entry: str, kind: Any, columns: tuple[str, ...], peers: dict[str, Any], folder: Path
) -> None:
    peer = peers[f"clusters.lm_robust.{entry}"]
    found = cluster_robust(_clusters(folder, columns), np.eye(len(columns) + 1)[1], kind=kind)
    ours = {
        "est": found.value, "se": found.std_error, "t": found.value / found.std_error, "p": found.p_value,
        "lo": found.low, "hi": found.high, "df": found.df,
    }  # fmt: skip
    assert ours == pytest.approx(peer, rel=CLOSE)


def test_the_difference_of_two_arms_needs_only_counts_and_sums(peers: dict[str, Any], folder: Path) -> None:
    sums: dict[tuple[str, str], list[float]] = {}
    for row in _rows(folder, "clusters.csv"):
        sums.setdefault((row["variant"], row["cluster_id"]), []).append(float(row["y"]))
    treated, control = (
        (
            np.array([len(values) for (arm, _), values in sums.items() if arm == which], dtype=float),
            np.array([sum(values) for (arm, _), values in sums.items() if arm == which]),
        )
        for which in ("1", "0")
    )
    for kind, entry in (("CR0", "CR0.raw"), ("CR1", "stata.raw"), ("CR2", "CR2.raw")):
        found = cluster_difference(treated, control, kind=kind)  # type: ignore[arg-type]
        peer = peers[f"clusters.lm_robust.{entry}"]
        assert (found.value, found.std_error, found.df) == pytest.approx((peer["est"], peer["se"], peer["df"]))
    assert peers["sm.cluster.CR0"]["se"] == pytest.approx(cluster_difference(treated, control, kind="CR0").std_error)
