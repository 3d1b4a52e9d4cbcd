"""Lin's regression of clusters against a search by rows, and what it collapses to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from steelyard.errors import DataError
from steelyard.stats.cluster_moments import ClusterMoments, bell_mccaffrey
from steelyard.stats.cluster_robust import Clusters, cluster_robust
from steelyard.stats.cuped import Arm
from steelyard.stats.lin import lin, lin_can_fit
from steelyard.stats.linearise import linear_mean
from steelyard.stats.moments import Moments

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def drawn(seed: int, clusters: int, largest: int, slope: float) -> Rows:
    """Cluster, outcome and covariate of each row."""
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(clusters), random.integers(1, largest + 1, clusters))
    x = random.normal(size=clusters)[of] + random.normal(size=len(of))
    return of, slope * x + random.normal(size=clusters)[of] + random.normal(size=len(of)), x


def moments_of(rows: Rows) -> ClusterMoments:
    of, y, x = rows
    sizes = np.bincount(of)
    totals = {"y": np.bincount(of, weights=y), "x": np.bincount(of, weights=x)}
    by_size = {int(m): Moments.of_rows({n: t[sizes == m] for n, t in totals.items()}) for m in np.unique(sizes)}
    return ClusterMoments.of_sizes(by_size, np.zeros(2))


def arm_of(moments: Moments) -> Arm:
    return linear_mean(moments, "y"), [linear_mean(moments, "x")]


def of_mean(of: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """The mean of rows with CR2's error and degrees of freedom, as a regression on a constant."""
    sizes, sums = np.bincount(of).astype(float), np.bincount(of, weights=values)
    found = cluster_robust(Clusters(cross=sizes[:, None, None], moment=sums[:, None], rows=len(of)), np.array([1.0]))
    return found.value, found.std_error, found.df


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), largest=st.integers(1, 12), slopes=st.tuples(st.floats(-2, 2), st.floats(-2, 2)))
def test_each_arm_s_slope_is_that_of_least_error_and_pays_for_itself(
    seed: int, largest: int, slopes: tuple[float, float]
) -> None:
    arms = [drawn(seed, 25, largest, slopes[0]), drawn(seed + 1, 40, largest, slopes[1])]
    found = lin(*(arm_of(moments_of(rows)) for rows in arms))
    centre = np.concatenate([x for _, _, x in arms]).mean()
    share = [len(of) / sum(len(of) for of, _, _ in arms) for of, _, _ in arms]
    levels, squared, used = [], 0.0, []
    for of, y, x in arms:
        best = minimize_scalar(lambda b, of=of, y=y, x=x: of_mean(of, y - b * x)[1], bracket=(-3, 3), tol=1e-10).x
        level, error, df = of_mean(of, y - best * (x - centre))
        levels.append(level)
        used.append(best)
        squared += error**2 * df / (df - 1) * (1 + 1 / (df - 2))
    squared += (used[0] - used[1]) ** 2 * sum(
        s**2 * of_mean(of, x)[1] ** 2 for s, (of, _, x) in zip(share, arms, strict=True)
    )
    interval = found.levels.difference()
    assert (found.thetas[0], found.control_thetas[0]) == pytest.approx(tuple(used), rel=1e-5, abs=1e-6)
    assert found.levels.levels == pytest.approx(tuple(levels), rel=1e-5, abs=1e-6)
    assert interval.std_error == pytest.approx(squared**0.5, rel=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_clusters_of_one_unit_differ_from_units_by_the_slopes_noise_alone(seed: int) -> None:
    rows = [drawn(seed + place, n, 1, 1.0) for place, n in enumerate((30, 50))]
    plain = [Moments.of_rows({"y": y, "x": x}) for _, y, x in rows]
    one, other = lin(*map(arm_of, plain)), lin(*(arm_of(moments_of(own)) for own in rows))
    assert other.levels.levels == pytest.approx(one.levels.levels)
    assert (other.thetas, other.control_thetas) == (pytest.approx(one.thetas), pytest.approx(one.control_thetas))
    noise = [1 + 1 / (n - 3) for n in (30, 50)]
    for mine, theirs, factor in zip(other.levels.parts, one.levels.parts, (*noise, 1.0), strict=True):
        assert mine.squared_error(1, 1) == pytest.approx(theirs.squared_error(1, 1) * factor)
        assert mine.df == pytest.approx(theirs.df)


def test_clusters_that_do_not_tell_a_slope_are_refused() -> None:
    few, many = moments_of(drawn(1, 3, 6, 1.0)), moments_of(drawn(2, 30, 6, 1.0))
    assert bell_mccaffrey([(few, 1.0)]) <= 2
    assert (lin_can_fit(few, 1), lin_can_fit(many, 1)) == (False, True)
    with pytest.raises(DataError, match="3 clusters do not tell the slopes of 1 covariates"):
        lin(arm_of(few), arm_of(many))
