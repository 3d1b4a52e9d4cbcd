"""Laws of regression adjustment, strata and posteriors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize

from steelyard.errors import DataError, DefinitionError
from steelyard.stats.beta_binomial import beta_binomial
from steelyard.stats.cuped import cuped
from steelyard.stats.gaussian_posterior import gaussian_posterior
from steelyard.stats.heterogeneity import heterogeneity
from steelyard.stats.lin import lin
from steelyard.stats.linearise import Linear, linear_mean
from steelyard.stats.moments import Moments
from steelyard.stats.sample import Sample

Arm = tuple[Linear, list[Linear]]


def _draw(seed: int, n: int, slopes: tuple[float, float], lift: float = 0.0) -> Arm:
    random = np.random.default_rng(seed)
    a, b = random.gamma(2, 2, n), random.normal(size=n)
    y = 5 + lift + slopes[0] * a + slopes[1] * b + random.normal(size=n)
    moments = Moments.of_rows({"y": y, "a": a, "b": b}, origin=(10.0, 4.0, 0.0))
    return linear_mean(moments, "y"), [linear_mean(moments, name) for name in ("a", "b")]


def test_no_other_coefficients_leave_a_smaller_variance_of_the_contrast() -> None:
    treated, control = _draw(1, 100, (3.0, 1.0)), _draw(2, 1_900, (0.2, -1.0))
    found = cuped(treated, control)

    def variance(thetas: np.ndarray) -> float:  # type: ignore[type-arg]
        total = 0.0
        for y, xs in (treated, control):
            weights = np.array([1.0, *(-thetas)])
            parts = [y, *xs]
            cov = np.array([[p.covariance(q) for q in parts] for p in parts])
            total += float(weights @ cov @ weights) / y.moments.rows
        return total

    best = minimize(variance, np.zeros(2), tol=1e-12)
    assert found.thetas == pytest.approx(best.x, abs=1e-4)
    assert found.levels.squared_error(1, 1) == pytest.approx(best.fun, rel=1e-8)
    assert found.kept < 1


def test_a_covariate_given_twice_or_constant_changes_nothing() -> None:
    (y_t, xs_t), (y_c, xs_c) = _draw(1, 300, (1.0, 1.0)), _draw(2, 400, (1.0, 1.0))
    once = cuped((y_t, xs_t), (y_c, xs_c))
    twice = cuped((y_t, [*xs_t, xs_t[0]]), (y_c, [*xs_c, xs_c[0]]))
    assert twice.levels.levels == pytest.approx(once.levels.levels, rel=1e-10)
    assert twice.levels.squared_error(1, 0) == pytest.approx(once.levels.squared_error(1, 0), rel=1e-8)
    doubled = lin((y_t, [*xs_t, xs_t[0]]), (y_c, [*xs_c, xs_c[0]])).levels.difference()
    assert doubled.value == pytest.approx(lin((y_t, xs_t), (y_c, xs_c)).levels.difference().value, rel=1e-10)
    still = Moments.of_rows({"y": [1.0, 2.0, 4.0, 3.0], "x": [7.0] * 4})
    arm = linear_mean(still, "y"), [linear_mean(still, "x")]
    assert cuped(arm, arm).thetas == (0.0,)
    assert lin(arm, arm).levels.difference().value == 0


@pytest.mark.parametrize("adjust", ["lin", "many"])
def test_swapping_the_arms_mirrors_and_rescaling_rescales(adjust: str) -> None:
    def gap(one: Arm, other: Arm):  # type: ignore[no-untyped-def]
        if adjust == "lin":
            return lin(one, other).levels.difference()
        return cuped(one, other).levels.difference()

    treated, control = _draw(3, 200, (1.0, 2.0), lift=0.5), _draw(4, 700, (0.5, 0.0))
    there, back = gap(treated, control), gap(control, treated)
    assert (back.low, back.high, back.p_value) == pytest.approx((-there.high, -there.low, there.p_value), rel=1e-9)
    larger = [
        (Linear(moments=y.moments, mean=3 * y.mean, origin=3 * y.origin, weights={"y": 3.0}), xs)
        for y, xs in (treated, control)
    ]
    assert gap(*larger).low == pytest.approx(3 * there.low, rel=1e-9)


def test_lin_s_adjustment_is_least_squares_with_products() -> None:
    random = np.random.default_rng(8)
    n, arm = 500, np.repeat([1.0, 0.0], [120, 380])
    x = random.normal(size=n)
    y = 1 + 0.4 * arm + (1 + 2 * arm) * x + random.normal(size=n)
    centred = x - x.mean()
    coefficients, *_ = np.linalg.lstsq(np.column_stack([np.ones(n), arm, centred, arm * centred]), y, rcond=None)
    arms = [Moments.of_rows({"y": y[arm == which], "x": x[arm == which]}) for which in (1, 0)]
    found = lin(*((linear_mean(m, "y"), [linear_mean(m, "x")]) for m in arms))
    assert found.levels.difference().value == pytest.approx(coefficients[1], abs=1e-10)
    assert found.thetas[0] - found.control_thetas[0] == pytest.approx(coefficients[3], abs=1e-10)


def test_lin_s_interval_holds_when_slopes_differ_and_arms_are_unequal() -> None:
    """2,000 experiments at 1:9; slopes 3 and -1, so that the part for the covariate's own mean is large."""
    random, held, trials = np.random.default_rng(21), 0, 2_000
    for _ in range(trials):
        arms = []
        for n, slope, lift in ((60, 3.0, 0.3), (540, -1.0, 0.0)):
            x = random.normal(size=n)
            moments = Moments.of_rows({"y": lift + slope * x + random.normal(size=n), "x": x})
            arms.append((linear_mean(moments, "y"), [linear_mean(moments, "x")]))
        found = lin(arms[0], arms[1]).levels.difference()
        held += found.low <= 0.3 <= found.high
    assert abs(held - 0.95 * trials) / math.sqrt(trials * 0.05 * 0.95) < 3


def test_covariates_that_do_not_fit_are_refused() -> None:
    y, xs = _draw(1, 50, (1.0, 1.0))
    for method in (lin, cuped):
        with pytest.raises(DefinitionError, match="2 covariates in one arm and 1"):
            method((y, xs), (y, xs[:1]))
        with pytest.raises(DefinitionError, match="0 covariates"):
            method((y, []), (y, []))
    few = Moments.of_rows({"y": [1.0, 2.0], "x": [1.0, 3.0]})
    with pytest.raises(DataError, match="2 units do not tell"):
        lin((linear_mean(few, "y"), [linear_mean(few, "x")]), (linear_mean(few, "y"), [linear_mean(few, "x")]))


samples = st.builds(
    Sample, n=st.integers(2, 5_000), mean=st.floats(-50, 50), variance=st.floats(0.01, 100), origin=st.just(0.0)
)


def test_segments_without_an_error_are_refused() -> None:
    with pytest.raises(DataError, match="above 0"):
        heterogeneity([1.0], [0.0])


def test_segments_without_a_difference_are_drawn_together_and_others_left() -> None:
    alike = heterogeneity([1.0, 1.1, 0.9], [1.0, 1.0, 1.0])
    assert alike.between == 0
    assert alike.shrunk == pytest.approx([1.0] * 3)
    apart = heterogeneity([0.0, 100.0], [1.0, 1.0])
    assert apart.shrunk == pytest.approx((0.01, 99.99), abs=1e-9)
    assert apart.shrunk_errors == pytest.approx((1.0, 1.0), abs=1e-3)
    assert heterogeneity([2.0], [1.0]).p_value == 1.0


@given(st.floats(-5, 5), st.floats(0.01, 5), st.floats(-1, 1), st.floats(0.01, 10))
def test_the_posterior_s_losses_are_its_integrals(e: float, error: float, mean: float, std_dev: float) -> None:
    found = gaussian_posterior(e, error, prior_mean=mean, prior_std_dev=std_dev)
    assert found.loss_if_kept - found.loss_if_shipped == pytest.approx(found.mean, abs=1e-9)
    law = stats.norm(found.mean, found.std_dev)
    assert found.probability_better == pytest.approx(law.sf(0), rel=1e-9, abs=1e-12)
    assert found.std_dev <= min(error, std_dev)
    flat = gaussian_posterior(e, error)
    assert (flat.mean, flat.std_dev) == (e, error)
    grid = found.mean + found.std_dev * np.linspace(-9, 9, 20_001)
    numeric = np.trapezoid(np.maximum(-grid, 0) * law.pdf(grid), grid)
    assert found.loss_if_shipped == pytest.approx(numeric, abs=1e-6 * (1 + found.std_dev))


def test_a_posterior_without_error_is_refused() -> None:
    with pytest.raises(DefinitionError, match="error of 0"):
        gaussian_posterior(1.0, 0.0)


def _miller(counts: list[tuple[int, int]]) -> float:
    """The closed sum for the second arm above the first, uniform priors."""
    from scipy.special import betaln

    (x1, n1), (x2, n2) = counts
    a1, b1, a2, b2 = x1 + 1, n1 - x1 + 1, x2 + 1, n2 - x2 + 1
    i = np.arange(a2)
    return float(np.exp(betaln(a1 + i, b1 + b2) - np.log(b2 + i) - betaln(1 + i, b2) - betaln(a1, b1)).sum())


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 3_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=2)
)
def test_the_probability_to_beat_is_the_closed_sum(counts: list[tuple[int, int]]) -> None:
    first, second = beta_binomial(counts)
    assert second.probability_best == pytest.approx(_miller(counts), abs=1e-9)
    assert first.probability_best + second.probability_best == pytest.approx(1, abs=1e-9)
    # What one choice costs less than the other is the difference of the means.
    assert first.expected_loss - second.expected_loss == pytest.approx(second.mean - first.mean, abs=1e-9)


def test_three_arms_are_as_likely_the_best_as_in_draws() -> None:
    counts = [(30, 200), (38, 220), (33, 180)]
    found = beta_binomial(counts, prior=(2.0, 8.0))
    random = np.random.default_rng(6)
    draws = np.array([random.beta(2 + x, 8 + n - x, 400_000) for x, n in counts])
    best = draws.argmax(axis=0)
    for place, arm in enumerate(found):
        assert arm.probability_best == pytest.approx((best == place).mean(), abs=0.003)
        others = np.delete(draws, place, axis=0).max(axis=0)
        assert arm.expected_loss == pytest.approx(np.maximum(others - draws[place], 0).mean(), abs=2e-4)
    assert sum(arm.probability_best for arm in found) == pytest.approx(1, abs=1e-9)


def test_huge_counts_none_and_all_are_weighed_too() -> None:
    near = beta_binomial([(100_000_000, 10**9), (100_020_000, 10**9)])
    z = 2e-5 / math.sqrt(2 * 0.1 * 0.9 / 1e9)
    assert near[1].probability_best == pytest.approx(stats.norm.cdf(z), abs=1e-4)
    far = beta_binomial([(0, 1_000), (1_000, 1_000)])
    assert far[1].probability_best == pytest.approx(1.0)
    assert far[0].expected_loss == pytest.approx(1 - 2 / 1_002, rel=1e-6)
    assert beta_binomial([(0, 0), (0, 0)])[0].probability_best == pytest.approx(0.5)
    with pytest.raises(DefinitionError, match="counts"):
        beta_binomial([(5, 4), (1, 2)])
