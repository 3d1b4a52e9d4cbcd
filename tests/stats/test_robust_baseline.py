"""The robust baseline: exact on exact series, blind to outliers, and sure of as much as it says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.stats.count_scale import CountScale
from steelyard.stats.deviations import deviations
from steelyard.stats.robust_baseline import robust_baseline

F64 = npt.NDArray[np.float64]
DAYS = np.arange(56)
WEEK = np.array([10.0, 12.0, 9.0, 11.0, 14.0, 20.0, 3.0])


def normal_series(random: np.random.Generator, phi: float, days: int = 64) -> F64:
    shocks = random.normal(size=days + 50)
    errors = np.zeros(days + 50)
    for day in range(1, days + 50):
        errors[day] = phi * errors[day - 1] + np.sqrt(1 - phi**2) * shocks[day]
    return errors[50:]


def test_a_series_of_weekdays_and_a_trend_is_continued_exactly() -> None:
    later = np.arange(56, 70)
    found = robust_baseline(WEEK[DAYS % 7] + 0.25 * DAYS, DAYS, DAYS % 7, later=later, later_season=later % 7)
    np.testing.assert_allclose(found.expected, WEEK[later % 7] + 0.25 * later, rtol=1e-9)


def test_it_is_the_least_squares_fit_where_no_residual_is_large() -> None:
    # With residuals of one size no weight differs, so the robust fit must be the ordinary one.
    noise = np.where(np.random.default_rng(1).random(56) < 0.5, 1.0, -1.0)
    y, later = 100 + noise, np.array([63])
    found = robust_baseline(y, DAYS, DAYS % 7, later=later, later_season=later % 7)
    design = np.column_stack([place == DAYS % 7 for place in range(7)] + [DAYS]).astype(float)
    fitted = np.linalg.lstsq(design, y, rcond=None)[0]
    assert found.expected[0] == pytest.approx(float(fitted[0] + 63 * fitted[7]), abs=0.25)


@given(st.lists(st.integers(0, 55), min_size=1, max_size=6, unique=True), st.floats(-1e4, 1e4))
def test_a_few_outliers_of_any_size_hardly_move_it(places: list[int], size: float) -> None:
    if max(np.bincount([place % 7 for place in places])) > 2:
        return
    y = WEEK[DAYS % 7] * 10 + np.random.default_rng(2).normal(size=56)
    spoilt = y.copy()
    spoilt[places] = size
    later = np.arange(63, 70)
    clean, found = (robust_baseline(v, DAYS, DAYS % 7, later=later, later_season=later % 7) for v in (y, spoilt))
    assert np.abs(found.expected - clean.expected).max() < 3.0
    assert found.scale < 2.5 * clean.scale


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_its_scale_is_right_on_average_with_and_without_correlated_days(phi: float) -> None:
    random = np.random.default_rng(3)
    scales = [
        robust_baseline(normal_series(random, phi)[:56], DAYS, DAYS % 7, later=[63], later_season=[0]).scale
        for _ in range(400)
    ]
    assert np.mean(scales) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("phi", [0.0, 0.4])
def test_a_quiet_day_lies_beyond_two_and_three_deviates_as_often_as_a_normal_does(phi: float) -> None:
    random = np.random.default_rng(4)
    last = []
    for _ in range(1500):
        found = deviations(100 + normal_series(random, phi), recent=8, season=7, kind="level")
        assert found is not None
        last.append(found.standard[-1])
    sizes = np.abs(last)
    assert 0.025 < float((sizes > 2).mean()) < 0.065  # .0455 for a normal
    assert float((sizes > 3).mean()) < 0.007  # .0027


@given(st.floats(0, 1e9), st.floats(0, 0.9), st.floats(0.01, 1e4))
def test_the_count_scale_goes_there_and_back(value: float, dispersion: float, unit: float) -> None:
    scale = CountScale(dispersion=dispersion, unit=unit)
    assert float(scale.backward(scale.forward(value))) == pytest.approx(value, rel=1e-6, abs=1e-6 * unit)


@pytest.mark.parametrize("mean", [20, 200, 5_000])
@pytest.mark.parametrize("dispersion", [0.0, 0.1, 0.3])
def test_on_the_count_scale_counts_of_any_mean_have_a_spread_of_one(mean: int, dispersion: float) -> None:
    random = np.random.default_rng(5)
    means = mean if dispersion == 0 else random.gamma(1 / dispersion**2, mean * dispersion**2, 100_000)
    scaled = CountScale(dispersion=dispersion).forward(random.poisson(means, 100_000))
    assert float(scaled.std()) == pytest.approx(1.0, abs=0.06)


def test_small_even_counts_are_held_to_the_spread_of_chance() -> None:
    # 100 a day, to the unit even by luck: a day of 90 is one Poisson deviate off, whatever the history's evenness.
    y = 100.0 + np.tile([9.0, -9.0], 32)
    y[-1] = 88.0
    found = deviations(y, recent=8, season=7, kind="amount")
    assert found is not None
    assert -1.6 < found.standard[-1] < -0.9


def test_days_that_come_again_and_again_are_not_news() -> None:
    # Four zeros in eight weeks, on different weekdays: another zero has been seen before.
    random = np.random.default_rng(6)
    y = random.poisson(400, 64).astype(float)
    y[[3, 19, 30, 44]] = 0
    y[-1] = 0
    found = deviations(y, recent=8, season=7, kind="amount")
    assert found is not None
    assert -1.7 < found.standard[-1] < 0
    y[[3, 19, 30]] = 400
    once = deviations(y, recent=8, season=7, kind="amount")
    assert once is not None
    assert once.standard[-1] < -6


def test_a_share_of_few_things_varies_as_a_binomial_does() -> None:
    days = np.arange(64)
    share = 0.3 + 0.001 * np.tile([1, -1], 32)
    volume = np.where(days == 63, 25.0, 10_000.0)
    share[-1] = 0.12
    found = deviations(share, recent=8, season=7, kind="level", volume=volume)
    assert found is not None
    assert found.standard[-1] == pytest.approx(-0.18 / np.sqrt(0.3 * 0.7 / 25), abs=0.4)


def test_what_is_left_out_and_what_is_missing_says_nothing() -> None:
    y = 100 + np.random.default_rng(8).normal(size=64)
    spoilt, out = y.copy(), np.zeros(64, dtype=bool)
    out[[10, 11, 58]] = True
    spoilt[[10, 11, 58]] = [0.0, 5000.0, 0.0]
    gone = np.where(out, np.nan, y)
    left, missing = (
        deviations(v, recent=8, season=7, kind="level", left_out=o) for v, o in ((spoilt, out), (gone, None))
    )
    assert left is not None
    assert missing is not None
    np.testing.assert_allclose(left.standard, missing.standard)
    assert np.isnan(left.standard[2])


def test_too_few_such_days_are_no_baseline() -> None:
    short = np.full(64, np.nan)
    short[-25:] = 100.0
    assert deviations(short, recent=8, season=7, kind="level") is None
    y = np.full(64, 100.0)
    out = (np.arange(64) % 7) == (63 % 7)
    out[-1] = False
    assert deviations(y, recent=8, season=7, kind="level", left_out=out) is None


@pytest.mark.parametrize("growth", [-0.02, 0.01, 0.03])
def test_a_slow_trend_is_what_is_expected(growth: float) -> None:
    days, random = np.arange(64), np.random.default_rng(9)
    means = 5_000 * (1 + growth) ** (days / 7) * (1 + 0.3 * (days % 7 == 5))
    found = [deviations(random.poisson(means).astype(float), recent=8, season=7, kind="amount") for _ in range(100)]
    last = np.array([item.standard[-1] for item in found if item is not None])
    assert abs(float(last.mean())) < 0.5
    assert float((np.abs(last) > 3).mean()) < 0.03
