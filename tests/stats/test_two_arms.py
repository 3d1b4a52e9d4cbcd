"""Laws of comparisons: what must stay the same when arms are swapped, metrics rescaled, rows repeated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest

from steelyard.errors import DefinitionError
from steelyard.stats.cuped import cuped
from steelyard.stats.holm import holm
from steelyard.stats.interval import Interval
from steelyard.stats.linearise import linear_mean, linear_ratio
from steelyard.stats.moments import Moments
from steelyard.stats.proportions import newcombe, pooled_z, share_ratio, wilson
from steelyard.stats.sample import Sample
from steelyard.stats.sample_ratio import sample_ratio
from steelyard.stats.two_levels import RelativeMethod, TwoLevels
from steelyard.stats.welch import welch

levels = st.floats(0.5, 0.999)
samples = st.builds(
    Sample, n=st.integers(2, 10_000), mean=st.floats(0.1, 100), variance=st.floats(1e-6, 1e4), origin=st.just(0.0)
)
counted = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def relative(treated: Sample, control: Sample, level: float = 0.95, method: RelativeMethod = "log") -> Interval | None:
    return TwoLevels.of_samples(treated, control).relative(level, method)


@given(samples, samples, levels)
def test_welch_is_scipys_welch(one: Sample, other: Sample, level: float) -> None:
    found = welch(one, other, level)
    peer = stats.ttest_ind_from_stats(
        one.mean, math.sqrt(one.variance), one.n, other.mean, math.sqrt(other.variance), other.n, equal_var=False
    )
    assert found.p_value == pytest.approx(peer.pvalue, rel=1e-8, abs=1e-300)
    reach = stats.t.ppf((1 + level) / 2, found.df) * found.std_error
    assert (found.low, found.high) == pytest.approx((found.value - reach, found.value + reach), rel=1e-8, abs=1e-8)


@given(samples, samples)
def test_swapping_the_arms_flips_the_sign_and_keeps_the_p_value(one: Sample, other: Sample) -> None:
    there, back = welch(one, other), welch(other, one)
    assert back.value == pytest.approx(-there.value, abs=1e-12)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low), rel=1e-12, abs=1e-12)
    assert back.p_value == pytest.approx(there.p_value)


@given(samples, samples)
def test_swapping_the_arms_gives_the_reciprocal_relative_interval(one: Sample, other: Sample) -> None:
    there, back = relative(one, other), relative(other, one)
    assert there is not None
    assert back is not None
    assume(there.high < 1e6)
    assume(there.low > -0.999999)
    assert (1 + there.low) * (1 + back.high) == pytest.approx(1)
    assert (1 + there.value) * (1 + back.value) == pytest.approx(1)


@given(samples, samples, st.floats(1e-3, 1e3))
def test_rescaling_the_metric_rescales_the_absolute_and_leaves_the_relative(a: Sample, b: Sample, by: float) -> None:
    one, other = (Sample(n=s.n, mean=s.mean * by, variance=s.variance * by**2) for s in (a, b))
    before, after = welch(a, b), welch(one, other)
    assert after.value == pytest.approx(before.value * by, rel=1e-9, abs=1e-9 * by)
    assert after.p_value == pytest.approx(before.p_value, rel=1e-6, abs=1e-12)
    was, now = relative(a, b), relative(one, other)
    assert was is not None
    assert now is not None
    assert (now.value, now.low) == pytest.approx((was.value, was.low), rel=1e-9, abs=1e-9)


@given(samples, samples, levels)
def test_the_value_is_inside_its_interval(one: Sample, other: Sample, level: float) -> None:
    for found in (welch(one, other, level), relative(one, other, level), relative(one, other, level, "delta")):
        assert found is not None
        assert found.low <= found.value <= found.high


@given(samples, samples)
def test_fieller_holds_the_value_or_is_unbounded(one: Sample, other: Sample) -> None:
    found = relative(one, other, method="fieller")
    assert found is not None
    if math.isinf(found.low):
        assert found.high == math.inf
    else:
        assert found.low <= one.mean / other.mean - 1 + 1e-9
        assert one.mean / other.mean - 1 <= found.high + 1e-9


def test_a_mean_that_is_not_positive_has_no_relative_difference() -> None:
    up, down = Sample(n=10, mean=1.0, variance=1.0), Sample(n=10, mean=-1.0, variance=1.0)
    assert relative(up, down) is None
    assert relative(down, up) is None
    assert relative(up, down, method="delta") is None


def test_two_means_without_variance_have_an_interval_without_width() -> None:
    still = Sample(n=10, mean=1.0, variance=0.0)
    assert welch(still, still).p_value == 1.0
    assert welch(Sample(n=10, mean=2.0, variance=0.0), still).p_value == 0.0


@given(counted, st.floats(0.6, 0.999))
def test_wilson_is_statsmodels_wilson(count: tuple[int, int], level: float) -> None:
    peer = proportion_confint(*count, alpha=1 - level, method="wilson")
    assert wilson(*count, level) == pytest.approx(peer, rel=1e-9, abs=1e-9)


@given(counted, counted)
def test_newcombe_is_statsmodels_newcomb(one: tuple[int, int], other: tuple[int, int]) -> None:
    peer = confint_proportions_2indep(*one, *other, method="newcomb")
    assert newcombe(*one, *other) == pytest.approx(peer, rel=1e-9, abs=1e-9)


@given(counted, counted)
def test_the_pooled_z_is_statsmodels_pooled_z(one: tuple[int, int], other: tuple[int, int]) -> None:
    assume(0 < one[0] + other[0] < one[1] + other[1])
    z, p = proportions_ztest([one[0], other[0]], [one[1], other[1]])
    assert pooled_z(*one, *other) == pytest.approx((z, p), rel=1e-9, abs=1e-12)


@given(counted, counted, levels)
def test_shares_stay_between_minus_one_and_one(one: tuple[int, int], other: tuple[int, int], level: float) -> None:
    value, (low, high) = one[0] / one[1] - other[0] / other[1], newcombe(*one, *other, level)
    assert -1 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1
    assert newcombe(*other, *one, level) == pytest.approx((-high, -low), abs=1e-12)


def test_shares_that_none_or_all_have_do_not_differ() -> None:
    assert pooled_z(0, 10, 0, 20) == (0.0, 1.0)
    assert pooled_z(10, 10, 20, 20) == (0.0, 1.0)
    assert share_ratio(0, 10, 3, 20) is None


def _arm(random: np.random.Generator, n: int, slope: float, lift: float = 0.0) -> Moments:
    x = random.gamma(2.0, 2.0, n)
    y = 3 + lift + slope * x + random.normal(size=n)
    return Moments.of_rows({"y": y.tolist(), "x": x.tolist()}, origin=(5.0, 4.0))


def _adjust(t: Moments, c: Moments):  # type: ignore[no-untyped-def]
    return cuped((linear_mean(t, "y"), [linear_mean(t, "x")]), (linear_mean(c, "y"), [linear_mean(c, "x")]))


def test_no_other_coefficient_leaves_a_smaller_variance_of_the_contrast() -> None:
    random = np.random.default_rng(3)
    t, c = _arm(random, 100, slope=3.0), _arm(random, 1_900, slope=0.2)
    best = _adjust(t, c)

    def contrast_variance(theta: float) -> float:
        return sum(
            (m.variance("y") - 2 * theta * m.covariance("y", "x") + theta**2 * m.variance("x")) / m.rows for m in (t, c)
        )

    grid = [contrast_variance(best.thetas[0] + step) for step in np.linspace(-2, 2, 81)]
    assert contrast_variance(best.thetas[0]) == pytest.approx(min(grid))
    assert best.kept <= 1
    pooled = (99 * t.covariance("y", "x") + 1_899 * c.covariance("y", "x")) / (
        99 * t.variance("x") + 1_899 * c.variance("x")
    )
    raw = contrast_variance(0.0)
    assert contrast_variance(pooled) > 3 * contrast_variance(best.thetas[0])
    assert contrast_variance(best.thetas[0]) < raw


def test_cuped_is_the_least_squares_fit_of_each_arm_when_slopes_are_one() -> None:
    """With the same covariate slope in both arms, the adjusted difference is that of analysis of covariance."""
    random = np.random.default_rng(4)
    t, c = _arm(random, 4_000, 1.5, lift=0.3), _arm(random, 4_000, 1.5)
    found = _adjust(t, c)
    gap = found.levels.difference()
    assert gap.low < 0.3 < gap.high
    assert found.thetas[0] == pytest.approx(1.5, abs=0.05)
    assert gap.std_error == pytest.approx(math.sqrt(2 / 4_000), rel=0.05)


def test_a_covariate_that_does_not_vary_changes_nothing() -> None:
    still = Moments.of_rows({"y": [1.0, 2.0, 4.0], "x": [7.0, 7.0, 7.0]})
    found = _adjust(still, still)
    assert found.thetas[0] == 0
    assert found.levels.levels[0] == still.mean("y")


def test_a_ratio_over_a_constant_is_the_mean_itself() -> None:
    m = Moments.of_rows({"y": [1.0, 2.0, 4.0, 9.0], "one": [1.0, 1.0, 1.0, 1.0]})
    ratio, mean = linear_ratio(m, "y", "one").sample(), linear_mean(m, "y").sample()
    assert (ratio.level, ratio.variance) == pytest.approx((mean.level, mean.variance))


def test_the_ratio_s_error_is_that_of_a_brute_force_resampling() -> None:
    random = np.random.default_rng(5)
    sessions = random.poisson(3, 2_000) + 1
    orders = random.binomial(sessions, 0.3)
    m = Moments.of_rows({"o": orders.astype(float).tolist(), "s": sessions.astype(float).tolist()})
    error = math.sqrt(linear_ratio(m, "o", "s").sample().squared_error)
    draws = random.integers(0, 2_000, (2_000, 2_000))
    resampled = orders[draws].sum(axis=1) / sessions[draws].sum(axis=1)
    assert error == pytest.approx(resampled.std(), rel=0.06)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_statsmodels_holm_and_never_below_the_p_value(p_values: list[float]) -> None:
    found = holm(p_values)
    assert found == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)
    assert all(adjusted >= p for adjusted, p in zip(found, p_values, strict=True))


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=5))
def test_the_sample_ratio_is_scipys_chi_square(counts: list[int]) -> None:
    peer = stats.chisquare(counts)
    found = sample_ratio(counts, [1.0] * len(counts))
    assert (found.statistic, found.p_value) == pytest.approx((peer.statistic, peer.pvalue), rel=1e-9, abs=1e-12)


def test_an_arm_with_no_share_is_no_arm() -> None:
    with pytest.raises(DefinitionError, match="split nothing"):
        sample_ratio([5, 5, 0], [0.5, 0.5, 0.0])
