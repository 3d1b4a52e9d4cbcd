"""On simulated truth: with an intraclass correlation of 0.1, A/A tests of clusters reject one time in twenty."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from steelyard.stats.cluster_moments import ClusterMoments
from steelyard.stats.moments import Moments, merged
from steelyard.studies.experiments import Mean, MetricUse
from steelyard.studies.experiments.cluster_sums import squared
from steelyard.studies.experiments.comparison import Comparison, compare, compare_within

F64 = npt.NDArray[np.float64]
QUICK, FULL = 400, 2_000
ICC = 0.1
LIFT = 0.3

Columns = dict[str, F64]
Draw = Callable[[np.random.Generator, npt.NDArray[np.intp], int], Columns]


def _normal(random: np.random.Generator, of: npt.NDArray[np.intp], clusters: int) -> tuple[F64, F64]:
    """Two columns of units whose correlation within clusters is ICC, and a half with each other."""
    own = random.normal(0, math.sqrt(ICC), (2, clusters))
    alone = random.normal(0, math.sqrt(1 - ICC), (2, len(of)))
    mix = np.array([[1.0, 0.0], [0.5, math.sqrt(0.75)]])
    first, second = mix @ own[:, of] + mix @ alone
    return first, second


def _mean(random: np.random.Generator, of: npt.NDArray[np.intp], clusters: int) -> Columns:
    return {"m": 10 + _normal(random, of, clusters)[0]}


def _adjusted(random: np.random.Generator, of: npt.NDArray[np.intp], clusters: int) -> Columns:
    value, before = _normal(random, of, clusters)
    return {"m": 10 + value, "m:before": before}


def _share(random: np.random.Generator, of: npt.NDArray[np.intp], clusters: int) -> Columns:
    """Beta-binomial: a share's intraclass correlation is 1 / (a + b + 1)."""
    both = 1 / ICC - 1
    return {"m": (random.random(len(of)) < random.beta(0.3 * both, 0.7 * both, clusters)[of]).astype(float)}


def _ratio(random: np.random.Generator, of: npt.NDArray[np.intp], clusters: int) -> Columns:
    chances = 1 + random.poisson(2 * random.gamma(9, 1 / 9, clusters)[of]).astype(float)
    rate = random.beta(0.3 * 9, 0.7 * 9, clusters)[of]
    return {"m": random.binomial(chances.astype(int), rate).astype(float), "m:per": chances}


WORLDS: dict[str, tuple[MetricUse, Draw]] = {
    "mean": (MetricUse(metric="m", kind="mean"), _mean),
    "mean with a covariate": (MetricUse(metric="m", kind="mean"), _adjusted),
    "mean with Lin's regression": (Mean("m", covariate="before", adjustment="lin"), _adjusted),
    "share": (MetricUse(metric="m", kind="share"), _share),
    "ratio": (MetricUse(metric="m", kind="ratio"), _ratio),
}
SPLITS = {"half": (150, 150), "one in twenty": (200, 3_800)}
FEW = {"twenty beside 380": (20, 380)}


def drawn(random: np.random.Generator, draw: Draw, clusters: int) -> tuple[npt.NDArray[np.intp], Columns]:
    """Clusters of 1 to some 30 units, and the units' columns."""
    sizes = 1 + random.negative_binomial(3, 0.25, clusters)
    of = np.repeat(np.arange(clusters), sizes)
    return of, draw(random, of, clusters)


def moments_of(of: npt.NDArray[np.intp], columns: Columns) -> ClusterMoments:
    sizes = np.bincount(of)
    near = dict.fromkeys(columns, 0.5)
    totals = {name: np.bincount(of, weights=values - near[name]) for name, values in columns.items()}
    totals[squared("m")] = np.bincount(of, weights=(columns["m"] - near["m"]) ** 2)
    by_size = {
        int(size): Moments.of_rows({name: values[sizes == size] for name, values in totals.items()})
        for size in np.unique(sizes)
    }
    return ClusterMoments.of_sizes(by_size, np.array([near.get(name, 0.0) for name in totals]))


def rates(world: str, split: str, times: int) -> dict[str, float]:
    """How often an A/A test rejects on each scale, and how often intervals hold a lift of LIFT where it is a mean's."""
    use, draw = WORLDS[world]
    arms = {**SPLITS, **FEW}[split]
    random = np.random.default_rng([len(world), *arms])
    counts = {"absolute": 0, "relative": 0, "lift": 0}
    for _ in range(times):
        (one, treated), (other, control) = (drawn(random, draw, clusters) for clusters in arms)
        right = moments_of(other, control)
        found = compare(use, moments_of(one, treated), right, 0.95)
        counts["absolute"] += _rejects(found, "absolute")
        counts["relative"] += _rejects(found, "relative")
        if use.kind == "mean":
            moved = compare(use, moments_of(one, {**treated, "m": treated["m"] + LIFT}), right, 0.95).absolute
            assert moved is not None
            counts["lift"] += moved.low <= LIFT <= moved.high
    return {name: count / times for name, count in counts.items()}


def _rejects(found: Comparison, scale: str) -> bool:
    interval = getattr(found, scale)
    assert interval is not None
    return bool(interval.low > 0 or interval.high < 0)


def assert_as_promised(world: str, split: str, times: int) -> None:
    found = rates(world, split, times)
    reach = 3 * math.sqrt(0.05 * 0.95 / times)
    for scale in ("absolute", "relative"):
        assert abs(found[scale] - 0.05) < reach, (scale, found)
    if WORLDS[world][0].kind == "mean":
        assert abs(found["lift"] - 0.95) < reach, found


@pytest.mark.parametrize("world", WORLDS)
def test_tests_of_clusters_reject_as_often_as_promised(world: str) -> None:
    assert_as_promised(world, "half", QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("world", WORLDS)
def test_tests_of_clusters_reject_as_often_as_promised_at_length(world: str, split: str) -> None:
    assert_as_promised(world, split, FULL)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_few_unequal_clusters_reject_little_more_than_promised(world: str) -> None:
    """Which a check doubts: the degrees of freedom take rows as independent, and a fitted coefficient is paid for."""
    found = rates(world, "twenty beside 380", FULL)
    most = 0.062  # of a ratio, in 20,000 draws
    assert found["absolute"] < most + 3 * math.sqrt(most * (1 - most) / FULL), found


def stages_of(random: np.random.Generator) -> list[tuple[ClusterMoments, ClusterMoments]]:
    """The arms in two stages: one in ten of a first with a high level, half of a second with a low one."""
    return [
        (moments_of(*_moved(random, level, treated)), moments_of(*_moved(random, level, control)))
        for level, treated, control in ((2.0, 30, 270), (0.0, 100, 100))
    ]


def _moved(random: np.random.Generator, level: float, clusters: int) -> tuple[npt.NDArray[np.intp], Columns]:
    of, columns = drawn(random, _mean, clusters)
    return of, {"m": columns["m"] + level}


def assert_stages_as_promised(times: int) -> None:
    use, random = WORLDS["mean"][0], np.random.default_rng(8)
    within = pooled = 0
    for _ in range(times):
        pairs = stages_of(random)
        within += _rejects(compare_within(use, pairs, 0.95, "stage"), "absolute")
        pooled += _rejects(compare(use, merged(a for a, _ in pairs), merged(b for _, b in pairs), 0.95), "absolute")
    assert abs(within / times - 0.05) < 3 * math.sqrt(0.05 * 0.95 / times), within / times
    assert pooled / times > 0.9, "an early stage of a high level with few treated passes for harm"


def test_clusters_in_stages_of_unlike_splits_reject_as_often_as_promised() -> None:
    assert_stages_as_promised(150)


@pytest.mark.slow
def test_clusters_in_stages_of_unlike_splits_reject_as_often_as_promised_at_length() -> None:
    assert_stages_as_promised(FULL)


def test_units_taken_as_independent_would_reject_much_more_often() -> None:
    """What the analysis of clusters is for: the same draws, with each unit counted as one."""
    random = np.random.default_rng(5)
    wrong = 0
    for _ in range(QUICK):
        arms = [Moments.of_rows(drawn(random, _mean, 60)[1]) for _ in range(2)]
        wrong += _rejects(compare(WORLDS["mean"][0], *arms, 0.95), "absolute")
    assert wrong / QUICK > 0.12
