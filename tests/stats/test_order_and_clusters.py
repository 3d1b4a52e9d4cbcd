"""Laws of quantile ranks, adjusted p-values and cluster-robust errors."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from steelyard.errors import DataError, DefinitionError
from steelyard.stats.bonferroni import bonferroni, bonferroni_level
from steelyard.stats.cluster_robust import Clusters, cluster_difference, cluster_robust
from steelyard.stats.hochberg import hochberg
from steelyard.stats.holm import holm
from steelyard.stats.holm_bounds import holm_bounds
from steelyard.stats.hommel import hommel
from steelyard.stats.quantile_difference import QuantileSample, quantile_difference, quantile_relative
from steelyard.stats.quantile_ranks import design_effect, quantile_ranks
from steelyard.stats.sample import Sample
from steelyard.stats.welch import welch

several = st.lists(st.floats(0, 1), min_size=1, max_size=8)
quantiles = st.floats(0.01, 0.99)


@given(st.integers(1, 5_000), quantiles, st.floats(0.5, 0.99))
def test_ranks_leave_out_no_more_than_they_may(n: int, quantile: float, level: float) -> None:
    found = quantile_ranks(n, quantile, level)
    tail = (1 - level) / 2
    assert 0 <= found.low < found.high <= n + 1
    # Outside by chance: fewer than `low` values below the quantile, or `high` or more.
    below = stats.binom.cdf(found.low - 1, n, quantile)
    above = stats.binom.sf(found.high - 1, n, quantile)
    assert below <= tail + 1e-12
    assert above <= tail + 1e-12
    assert found.coverage == pytest.approx(1 - below - above, abs=1e-10)
    assert found.coverage >= level - 1e-9


@given(st.integers(2, 3_000), quantiles)
def test_the_levels_fetch_exactly_the_ranks(n: int, quantile: float) -> None:
    found = quantile_ranks(n, quantile)
    values = np.arange(1.0, n + 1)
    low, _, high = np.quantile(values, found.levels)
    assert low == pytest.approx(max(found.low, 1), rel=1e-12)
    assert high == pytest.approx(min(found.high, n), rel=1e-12)


def test_too_few_values_bound_nothing() -> None:
    few = quantile_ranks(10, 0.99)
    assert few.high == 11
    arm = QuantileSample(ranks=few, value=1.0, low=0.5, high=1.0)
    assert arm.interval == (0.5, math.inf)
    assert quantile_difference(arm, arm) is None
    assert quantile_ranks(1, 0.5).levels == (0.0, 0.5, 1.0)
    one = quantile_ranks(1, 0.5)
    assert (one.low, one.high, one.coverage) == (0, 2, 1.0)


def test_a_huge_number_of_values_takes_no_time() -> None:
    found = quantile_ranks(10**9, 0.999)
    assert found.coverage == pytest.approx(0.95, abs=1e-4)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * math.sqrt(1e9 * 0.999 * 0.001), rel=1e-3)


def test_a_design_effect_of_four_doubles_the_distance_of_the_ranks() -> None:
    plain, four = quantile_ranks(10_000, 0.5, effect=1.0), quantile_ranks(10_000, 0.5, effect=4.0)
    assert (four.high - four.low) / (plain.high - plain.low) == pytest.approx(2, abs=0.02)
    assert quantile_ranks(10_000, 0.5, effect=1.0000001).low == pytest.approx(plain.low, abs=1)
    with pytest.raises(DefinitionError, match="design effect 0"):
        quantile_ranks(10, 0.5, effect=0)


def test_the_design_effect_of_identical_values_is_their_number() -> None:
    random = np.random.default_rng(2)
    flag = (random.random(4_000) < 0.3).astype(float)
    assert design_effect(list(5 * flag), [5.0] * 4_000) == pytest.approx(5, rel=1e-3)
    mixed = random.binomial(5, 0.3, 4_000)
    assert design_effect(list(mixed), [5.0] * 4_000) == pytest.approx(1, abs=0.08)
    assert math.isnan(design_effect([1], [2]))
    assert design_effect([2, 2], [2, 2]) == 1.0


def _sample(values: np.ndarray, quantile: float) -> QuantileSample:  # type: ignore[type-arg]
    ranks = quantile_ranks(len(values), quantile)
    low, value, high = np.quantile(values, ranks.levels)
    return QuantileSample(ranks=ranks, value=float(value), low=float(low), high=float(high))


def test_swapping_the_arms_and_rescaling_a_quantile() -> None:
    random = np.random.default_rng(4)
    one, other = random.gamma(2, 3, 900), random.gamma(2, 4, 1_100)
    there, back = (quantile_difference(_sample(a, 0.9), _sample(b, 0.9)) for a, b in ((one, other), (other, one)))
    scaled = quantile_difference(_sample(7 * one, 0.9), _sample(7 * other, 0.9))
    assert there is not None
    assert back is not None
    assert scaled is not None
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert scaled.low == pytest.approx(7 * there.low)
    lift, again = (quantile_relative(_sample(by * one, 0.9), _sample(by * other, 0.9)) for by in (1, 7))
    assert lift is not None
    assert again is not None
    assert lift.low == pytest.approx(again.low)
    assert quantile_relative(_sample(one - 100, 0.9), _sample(other, 0.9)) is None


@given(several)
def test_each_rule_is_at_least_as_powerful_as_the_one_before(p_values: list[float]) -> None:
    rules = [rule(p_values) for rule in (bonferroni, holm, hochberg, hommel)]
    for weaker, stronger in pairwise(rules):
        assert all(s <= w + 1e-12 for w, s in zip(weaker, stronger, strict=True))
    assert all(a >= p - 1e-12 for a, p in zip(rules[-1], p_values, strict=True))


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_hommel_is_the_closure_of_simes(p_values: list[float]) -> None:
    """Brute force: a hypothesis is rejected when Simes rejects every intersection that it is part of."""
    count = len(p_values)

    def simes(members: tuple[int, ...]) -> float:
        ordered = sorted(p_values[i] for i in members)
        return min(len(ordered) * p / rank for rank, p in enumerate(ordered, 1))

    subsets = [s for size in range(1, count + 1) for s in combinations(range(count), size)]
    closed = [max(simes(s) for s in subsets if i in s) for i in range(count)]
    assert hommel(p_values) == pytest.approx([min(p, 1.0) for p in closed], abs=1e-12)


def test_no_tests_are_no_trouble() -> None:
    assert bonferroni([]) == hochberg([]) == hommel([]) == ()
    assert bonferroni_level(0.95, 0) == 0.95


@given(st.lists(st.floats(-3, 6), min_size=1, max_size=6))
def test_lower_bounds_agree_with_holm(z: list[float]) -> None:
    bounds = holm_bounds(z, [1.0] * len(z))
    rejected = [p <= 0.05 for p in holm([stats.norm.sf(value) for value in z])]
    for bound, gone, value in zip(bounds, rejected, z, strict=True):
        assert (bound >= 0) == gone
        assert bound <= value


def test_lower_bounds_hold_together() -> None:
    random = np.random.default_rng(12)
    truth = np.array([0.0, 0.5, 3.0])
    z = random.normal(truth, 1.0, (6_000, 3))
    held = sum(all(b <= t for b, t in zip(holm_bounds(list(row), [1.0] * 3), truth, strict=True)) for row in z)
    assert held / 6_000 > 0.95 - 3 * math.sqrt(0.05 * 0.95 / 6_000)


def _fit(groups: list[np.ndarray], outcomes: list[np.ndarray]) -> Clusters:  # type: ignore[type-arg]
    return Clusters(
        cross=np.array([x.T @ x for x in groups]),
        moment=np.array([x.T @ y for x, y in zip(groups, outcomes, strict=True)]),
        rows=sum(len(x) for x in groups),
    )


def test_cr2_and_its_degrees_of_freedom_are_those_of_the_full_matrices() -> None:
    """Brute force with N by N matrices: the definition of Bell and McCaffrey, word for word."""
    random = np.random.default_rng(9)
    sizes = [1, 4, 2, 7, 3, 5]
    groups = [np.column_stack([np.ones(n), np.full(n, i % 2), random.normal(size=n)]) for i, n in enumerate(sizes)]
    outcomes = [random.normal(size=n) + random.normal() for n in sizes]
    x, y = np.vstack(groups), np.concatenate(outcomes)
    bread = np.linalg.inv(x.T @ x)
    residual_maker = np.eye(len(x)) - x @ bread @ x.T
    residual, contrast = residual_maker @ y, np.array([0.0, 1.0, 0.0])
    edges = np.cumsum([0, *sizes])
    meat, columns = 0.0, []
    for a, b, block in zip(edges, edges[1:], groups, strict=False):
        values, vectors = np.linalg.eigh(residual_maker[a:b, a:b])
        root = vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T
        weight = root @ block @ bread @ contrast
        meat += float(weight @ residual[a:b]) ** 2
        columns.append(residual_maker[:, a:b] @ weight)
    p = np.array(columns)
    inner = p @ p.T
    found = cluster_robust(_fit(groups, outcomes), contrast)
    assert found.std_error == pytest.approx(math.sqrt(meat), rel=1e-9)
    assert found.df == pytest.approx(np.trace(inner) ** 2 / (inner**2).sum(), rel=1e-9)


@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 1_000))
def test_clusters_of_one_row_are_welch_s_test(n1: int, n2: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    one, other = random.normal(1, 2, n1), random.normal(0, 1, n2)
    found = cluster_difference((np.ones(n1), one), (np.ones(n2), other))
    peer = welch(*(Sample(n=len(v), mean=float(v.mean()), variance=float(v.var(ddof=1))) for v in (one, other)))
    assert (found.value, found.std_error) == pytest.approx((peer.value, peer.std_error), rel=1e-9)


def test_swapping_the_arms_rescaling_and_repeating_rows() -> None:
    random = np.random.default_rng(1)
    n1, n2 = random.integers(1, 9, 12).astype(float), random.integers(1, 9, 15).astype(float)
    one, other = (n1, n1 * random.normal(3, 1, 12)), (n2, n2 * random.normal(2, 1, 15))
    for kind in ("CR0", "CR1", "CR2"):
        there = cluster_difference(one, other, kind=kind)  # type: ignore[arg-type]
        back = cluster_difference(other, one, kind=kind)  # type: ignore[arg-type]
        by = cluster_difference((n1, 5 * one[1]), (n2, 5 * other[1]), kind=kind)  # type: ignore[arg-type]
        assert (back.low, back.high, back.df) == pytest.approx((-there.high, -there.low, there.df))
        assert (by.low, by.p_value) == pytest.approx((5 * there.low, there.p_value))
    # Ten copies of each row are no news: the error stays where it was.
    copied = cluster_difference((10 * n1, 10 * one[1]), (10 * n2, 10 * other[1]), kind="CR0")
    assert copied.std_error == pytest.approx(cluster_difference(one, other, kind="CR0").std_error)


def test_what_tells_no_error_is_refused() -> None:
    one = np.array([2.0]), np.array([3.0])
    two = np.array([2.0, 2.0]), np.array([3.0, 3.0])
    with pytest.raises(DataError, match="1 and 2 clusters"):
        cluster_difference(one, two)
    still = cluster_difference(two, two)
    assert (still.value, still.std_error, still.p_value) == (0.0, 0.0, 1.0)
    with pytest.raises(DataError, match="not independent"):
        cluster_robust(Clusters(cross=np.ones((3, 2, 2)), moment=np.ones((3, 2)), rows=3), np.array([1.0, 0.0]))
    with pytest.raises(DefinitionError, match="CR9"):
        cluster_robust(Clusters(cross=np.ones((3, 1, 1)), moment=np.ones((3, 1)), rows=3), np.ones(1), kind="CR9")  # type: ignore[arg-type]
