"""Moments of clusters by size: CR2 out of them, their merging, and what they collapse to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError
from steelyard.stats.cluster_moments import ClusterMoments, bell_mccaffrey
from steelyard.stats.cluster_robust import cluster_difference
from steelyard.stats.linearise import linear_mean, linear_ratio
from steelyard.stats.moments import Moments
from steelyard.stats.welch import welch


def of_clusters(sizes: np.ndarray, **totals: np.ndarray) -> ClusterMoments:
    by_size = {
        int(size): Moments.of_rows({name: values[sizes == size] for name, values in totals.items()})
        for size in np.unique(sizes)
    }
    return ClusterMoments.of_sizes(by_size, np.zeros(len(totals)))


def drawn(seed: int, clusters: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, largest + 1, clusters).astype(float)
    return sizes, sizes * random.normal(3, 1, clusters) + random.normal(0, np.sqrt(sizes))


Seeds = st.integers(0, 10_000)


@settings(max_examples=60)
@given(seed=Seeds, clusters=st.tuples(st.integers(2, 40), st.integers(2, 40)), largest=st.integers(1, 30))
def test_the_difference_is_that_of_least_squares_with_cr2(seed: int, clusters: tuple[int, int], largest: int) -> None:
    pair = drawn(seed, clusters[0], largest), drawn(seed + 1, clusters[1], largest)
    arms = [of_clusters(sizes, y=sums) for sizes, sums in pair]
    samples = [linear_mean(arm, "y").sample() for arm in arms]
    df = bell_mccaffrey([(arms[0], 1.0), (arms[1], -1.0)])
    found, expected = welch(samples[0], samples[1], df=df), cluster_difference(*pair)
    assert (found.value, found.std_error, found.df) == pytest.approx(
        (expected.value, expected.std_error, expected.df), rel=1e-8
    )


@settings(max_examples=30)
@given(seed=Seeds)
def test_merging_gives_what_all_clusters_give_at_once(seed: int) -> None:
    sizes, sums = drawn(seed, 30, 6)
    whole = of_clusters(sizes, y=sums)
    parts = of_clusters(sizes[:11], y=sums[:11]).merge(of_clusters(sizes[11:], y=sums[11:]))
    assert (parts.units, parts.rows) == (whole.units, whole.rows)
    assert parts.mean("y") == pytest.approx(whole.mean("y"), rel=1e-12)
    assert parts.variance("y") == pytest.approx(whole.variance("y"), rel=1e-9)


@settings(max_examples=30)
@given(seed=Seeds)
def test_clusters_of_one_unit_are_its_plain_moments(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = {"y": random.normal(size=20), "d": random.gamma(2, 1, 20)}
    plain, found = Moments.of_rows(rows), of_clusters(np.ones(20), **rows)
    alone = found.as_units()
    assert alone is not None
    for name in rows:
        assert found.variance(name) == pytest.approx(plain.variance(name), rel=1e-9)
        assert alone.variance(name) == plain.variance(name)
    assert linear_ratio(found, "y", "d").variance == pytest.approx(linear_ratio(plain, "y", "d").variance, rel=1e-9)


def test_a_ratio_s_error_is_the_delta_method_over_clusters_of_one_size() -> None:
    random = np.random.default_rng(3)
    y, d = random.normal(5, 1, 25), random.gamma(9, 1, 25)
    found = linear_ratio(of_clusters(np.full(25, 4.0), y=y, d=d), "y", "d").sample()
    left = (y - y.sum() / d.sum() * d) / d.mean()
    assert found.squared_error == pytest.approx(left.var(ddof=1) / 25, rel=1e-9)


def test_a_total_that_is_missing_leaves_no_mean() -> None:
    found = of_clusters(np.array([1.0, 2.0, 2.0]), y=np.array([1.0, np.nan, 2.0]), d=np.array([1.0, 2.0, 5.0]))
    assert np.isnan(found.mean("y"))
    assert found.mean("d") == 1.6


def test_a_constant_has_no_spread_whatever_it_was_measured_from() -> None:
    sizes = np.array([1.0, 2.0, 7.0, 7.0, 3.0])
    assert of_clusters(sizes, y=sizes * 0.1).variance("y") == 0.0


def test_units_cannot_be_merged_with_clusters() -> None:
    with pytest.raises(DataError, match="cannot be merged"):
        of_clusters(np.ones(3), y=np.arange(3.0)).merge(Moments.of_rows({"y": [1.0]}))
