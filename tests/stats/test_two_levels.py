"""Laws of two levels: they collapse to the two-sample methods, and say the same of arms that are swapped."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.stats.cuped import cuped
from steelyard.stats.lin import lin
from steelyard.stats.linearise import linear_mean
from steelyard.stats.moments import Moments
from steelyard.stats.relative import log_contrast
from steelyard.stats.sample import Sample
from steelyard.stats.two_levels import TwoLevels
from steelyard.stats.welch import welch


def _moments(seed: int, n: int, level: float = 5.0) -> Moments:
    random = np.random.default_rng(seed)
    x = random.gamma(2.0, 2.0, n)
    return Moments.of_rows({"y": level + x + random.normal(size=n), "x": x}, origin=(3.0, 2.0))


def _pair(seed: int, n: int, m: int) -> tuple[Moments, Moments]:
    return _moments(seed, n, 5.5), _moments(seed + 1, m)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 400), m=st.integers(3, 400), level=st.floats(0.5, 0.999))
def test_without_covariates_they_are_the_two_sample_methods(seed: int, n: int, m: int, level: float) -> None:
    arms = [linear_mean(moments, "y") for moments in _pair(seed, n, m)]
    t, c = (arm.sample() for arm in arms)
    levels = TwoLevels.of(*arms)
    plain, found = welch(t, c, level), levels.difference(level)
    assert (found.value, found.low, found.p_value) == pytest.approx((plain.value, plain.low, plain.p_value), rel=1e-9)
    ours = levels.relative(level)
    theirs = log_contrast(
        *(Sample(n=s.n, mean=math.log(s.level), variance=s.variance / s.level**2) for s in (t, c)), level
    )
    assert ours is not None
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(6, 300), m=st.integers(6, 300), adjust=st.sampled_from([cuped, lin]))
def test_swapped_arms_have_the_reciprocal_ratio_on_the_log_scale_and_by_fieller(  # type: ignore[no-untyped-def]
    seed: int, n: int, m: int, adjust
) -> None:
    arms = [(linear_mean(moments, "y"), [linear_mean(moments, "x")]) for moments in _pair(seed, n, m)]
    there, back = adjust(*arms).levels, adjust(*reversed(arms)).levels
    for method in ("log", "fieller"):
        one, other = there.relative(0.95, method), back.relative(0.95, method)
        assert one is not None
        assert other is not None
        if math.isfinite(one.high) and math.isfinite(other.high):
            assert 1 / (1 + other.high) == pytest.approx(1 + one.low, rel=1e-6)
            assert one.p_value == pytest.approx(other.p_value, rel=1e-6, abs=1e-12)


def test_a_covariate_that_explains_everything_leaves_no_error_on_any_scale() -> None:
    x = np.random.default_rng(1).gamma(2.0, 2.0, 60)
    arms = [Moments.of_rows({"y": 4 + x[part], "x": x[part]}) for part in (slice(0, 20), slice(20, 60))]
    forms = [(linear_mean(arm, "y"), [linear_mean(arm, "x")]) for arm in arms]
    assert cuped(*forms).levels.difference().std_error == 0.0  # type: ignore[arg-type]


def test_fieller_s_interval_agrees_with_the_test_of_no_difference() -> None:
    """It holds zero just where the difference is not told from zero, also with a shared covariate."""
    agreed = 0
    for seed in range(60):
        arms = [(linear_mean(m, "y"), [linear_mean(m, "x")]) for m in _pair(seed, 80, 200)]
        levels = cuped(*arms).levels  # type: ignore[arg-type]
        found, gap = levels.relative(0.95, "fieller"), levels.difference()
        assert found is not None
        assert (found.low <= 0 <= found.high) == (gap.low <= 0 <= gap.high)
        agreed += not gap.low <= 0 <= gap.high
    assert 0 < agreed < 60
