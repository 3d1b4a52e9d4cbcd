"""The chance of a whole rule: special cases, bounds, laws, and simulated rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from steelyard.errors import DefinitionError
from steelyard.stats.decision_power import Hurdle, decision_power, smallest_gap, units_for_decision
from steelyard.stats.intraclass import planned_design_effect
from steelyard.stats.normal_orthant import normal_below
from steelyard.stats.quantile_noise import quantile_std_dev

ratios = st.sampled_from([1.0, 1 / 9, 1 / 19, 9.0, 19.0])


def hurdle(metric: str, gap: float, std_dev: float = 1.0, *, normal: bool = True) -> Hurdle:
    return Hurdle(metric=metric, gap=gap, std_dev=std_dev, std_dev_treated=std_dev, normal=normal)


# --- the orthant


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.5, 0.99])
def test_two_values_below_zero_are_sheppard_s_formula(rho: float) -> None:
    assert normal_below([0.0, 0.0], [[1, rho], [rho, 1]]) == pytest.approx(
        0.25 + math.asin(rho) / (2 * math.pi), abs=1e-4
    )


def gap_to_scipy(k: int, seed: int) -> float:
    random = np.random.default_rng(seed)
    root = random.normal(size=(k, k + 1))
    covariance = root @ root.T
    spread = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(spread, spread)
    limits = random.normal(0.8, 1.0, k)
    peer = multivariate_normal(cov=correlation, abseps=2e-6, releps=2e-6, seed=1).cdf(limits)
    return abs(normal_below(limits.tolist(), correlation) - float(peer))


@settings(max_examples=10)
@given(st.integers(2, 6), st.integers(0, 10_000))
def test_any_correlation_is_scipy_s_integral(k: int, seed: int) -> None:
    """Nearly singular matrices are the hardest; the docstring has how far off they were."""
    assert gap_to_scipy(k, seed) < 4e-3


def test_most_correlations_are_within_a_ten_thousandth() -> None:
    gaps = [gap_to_scipy(2 + seed % 5, seed) for seed in range(40)]
    assert np.median(gaps) < 5e-5
    assert np.quantile(gaps, 0.9) < 3e-4


def test_independent_values_multiply_and_equal_ones_take_the_least() -> None:
    limits = [0.3, 0.9, -0.2]
    assert normal_below(limits, np.eye(3)) == pytest.approx(float(np.prod(ndtr(limits))), abs=1e-12)
    assert normal_below(limits, np.ones((3, 3))) == pytest.approx(float(ndtr(-0.2)), abs=1e-4)
    assert normal_below([math.inf, 0.3], np.eye(2)) == pytest.approx(float(ndtr(0.3)))
    assert normal_below([0.84], [[1.0]]) == pytest.approx(float(ndtr(0.84)))


@pytest.mark.parametrize(
    "correlation", [[[1.0]], [[1.0, 0.5], [0.4, 1.0]], [[1.0, -0.9, -0.9], [-0.9, 1.0, -0.9], [-0.9, -0.9, 1.0]]]
)
def test_what_is_no_correlation_is_refused(correlation: list[list[float]]) -> None:
    with pytest.raises(DefinitionError, match=r"correlate"):
        normal_below([0.0] * (3 if len(correlation) == 3 else 2), correlation)


# --- the rule


@settings(max_examples=40)
@given(st.floats(0.02, 0.5), st.floats(0.02, 0.5), st.integers(50, 5_000), ratios, st.floats(-0.95, 0.95))
def test_the_bound_without_correlation_is_below_every_correlation(
    one: float, other: float, n: int, ratio: float, rho: float
) -> None:
    both = [hurdle("a", one), hurdle("b", other)]
    least = decision_power(both, n, ratio=ratio)
    joint = decision_power(both, n, ratio=ratio, correlation=[[1, rho], [rho, 1]])
    alone = min(decision_power([each], n, ratio=ratio) for each in both)
    assert least - 1e-4 <= joint <= alone + 1e-4


@settings(max_examples=40)
@given(st.floats(0.02, 0.5), ratios, st.floats(0.5, 0.99))
def test_the_units_have_the_power(gap: float, ratio: float, power: float) -> None:
    rule = [hurdle("a", gap, normal=False), hurdle("b", gap / 2, 0.4)]
    n = units_for_decision(rule, power=power, ratio=ratio)
    assert decision_power(rule, n, ratio=ratio) >= power - 1e-6
    assert decision_power(rule, n * 0.98, ratio=ratio) < power or n <= 2 / min(ratio, 1)


def test_hurdles_of_one_metric_cost_what_the_hardest_does() -> None:
    easy, hard = hurdle("a", 0.3), hurdle("a", 0.1)
    assert decision_power([easy, hard], 500) == decision_power([hard], 500)


def test_looking_early_multiplies_the_units() -> None:
    rule = [hurdle("a", 0.1)]
    assert units_for_decision(rule, inflation=1.11) == pytest.approx(1.11 * units_for_decision(rule))
    with pytest.raises(DefinitionError, match="inflation"):
        units_for_decision(rule, inflation=0.9)


def test_what_lies_within_its_limit_takes_no_number_of_units() -> None:
    assert units_for_decision([hurdle("a", 0.1), hurdle("b", 0.0)]) == math.inf
    with pytest.raises(DefinitionError, match="without hurdles"):
        decision_power([], 10)


def test_an_effect_that_no_size_reaches_is_infinite() -> None:
    assert smallest_gap(lambda effect: min(effect, 0.5), start=0.1, most=100.0) == math.inf
    assert smallest_gap(lambda effect: effect, start=50.0) == pytest.approx(0.8)


@pytest.mark.parametrize("ratio", [1.0, 1 / 9])
def test_simulated_rules_hold_as_often_as_stated(ratio: float) -> None:
    """Two correlated metrics, one non-inferior: drawn unit by unit, tested as intervals are."""
    random = np.random.default_rng(4)
    correlation = [[1.0, 0.6], [0.6, 1.0]]
    rule = [hurdle("a", 0.25), hurdle("b", 0.3)]
    n, times = round(300 / min(ratio, 1) ** 0.5), 4_000
    held = np.ones(times, bool)
    errors = math.sqrt(1 / n + 1 / (n * ratio))
    gaps = random.multivariate_normal([0.25, 0.3], np.array(correlation) * errors**2, times)
    held = (gaps / errors > 1.959964).all(axis=1)
    assert held.mean() == pytest.approx(decision_power(rule, n, ratio=ratio, correlation=correlation), abs=0.02)


# --- noise


def test_simulated_clusters_vary_as_the_design_effect_says() -> None:
    random = np.random.default_rng(5)
    size, icc, clusters, times = 8, 0.3, 50, 2_000
    shared = random.normal(0, math.sqrt(icc), (times, clusters, 1))
    own = random.normal(0, math.sqrt(1 - icc), (times, clusters, size))
    means = (shared + own).reshape(times, -1).mean(axis=1)
    assert means.var() * clusters * size == pytest.approx(planned_design_effect(size, icc), rel=0.12)


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_a_simulated_quantile_varies_as_its_density_says(quantile: float) -> None:
    random = np.random.default_rng(6)
    n, rate = 2_000, 2.0
    density = rate * (1 - quantile)  # of an exponential, at its quantile
    found = np.quantile(random.exponential(1 / rate, (1_500, n)), quantile, axis=1)
    assert found.std() * math.sqrt(n) == pytest.approx(quantile_std_dev(quantile, density), rel=0.08)


@pytest.mark.parametrize(("quantile", "density"), [(0.0, 1.0), (1.0, 1.0), (0.5, 0.0), (0.5, math.inf)])
def test_a_quantile_without_a_density_has_no_error(quantile: float, density: float) -> None:
    with pytest.raises(DefinitionError, match="of "):
        quantile_std_dev(quantile, density)
