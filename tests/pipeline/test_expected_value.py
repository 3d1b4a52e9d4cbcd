"""What a day should be by its past: against brute force, and unmoved by a few strange days."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from scipy import stats

from steelyard.pipeline.expected_value import expected_value

DAY = date(2026, 3, 2)


def past(values):
    return {DAY - timedelta(days=len(values) - n): float(value) for n, value in enumerate(values)}


def test_the_slope_is_theil_sens_where_weekdays_are_not_told_apart():
    values = np.random.default_rng(5).normal(50, 3, 18) + np.arange(18)
    slope, intercept, *_ = stats.theilslopes(values, np.arange(-18, 0), method="joint")
    found = expected_value(past(values), DAY)
    assert found is not None
    left = values - slope * np.arange(-18, 0) - intercept
    # With 18 days each weekday has two or three days, so that only those with three have an effect of their own.
    weekdays = [(DAY - timedelta(days=18 - n)).weekday() for n in range(18)]
    mine = [value for value, weekday in zip(left, weekdays, strict=True) if weekday == DAY.weekday()]
    effect = float(np.median(mine)) if len(mine) >= 3 else 0.0
    assert found.expected == pytest.approx(intercept + effect, rel=1e-12)


def test_a_weekly_pattern_on_a_trend_is_foretold_exactly():
    shape = [0, 5, 9, 4, 2, 30, 40]
    days = 70
    values = [100 + 0.5 * n + shape[(DAY - timedelta(days=days - n)).weekday()] for n in range(days)]
    found = expected_value(past(values), DAY, floor=0.1)
    assert found is not None
    assert found.expected == pytest.approx(100 + 0.5 * days + shape[DAY.weekday()])
    assert found.spread == 0.1


def test_a_tenth_of_strange_days_moves_the_forecast_by_less_than_the_noise():
    noise = np.random.default_rng(1).normal(0, 10, 90)
    clean = 1000 + noise
    dirty = clean.copy()
    dirty[5::10] = 0
    one, other = expected_value(past(clean), DAY), expected_value(past(dirty), DAY)
    assert one is not None
    assert other is not None
    assert abs(one.expected - other.expected) < 10
    assert other.spread < 2 * one.spread


def test_noise_of_a_known_size_is_measured():
    spreads = [expected_value(past(np.random.default_rng(n).normal(0, 4, 90)), DAY).spread for n in range(200)]
    # Seven weekday medians take out about a tenth of the variance of ninety days.
    assert np.mean(spreads) == pytest.approx(4, rel=0.12)


def test_a_short_past_foretells_nothing_and_a_constant_one_has_the_floor():
    assert expected_value(past([1.0] * 13), DAY) is None
    constant = expected_value(past([100.0] * 30), DAY, counts=True)
    assert constant is not None
    assert constant.spread == 10.0
    assert expected_value({DAY + timedelta(days=n): 1.0 for n in range(30)}, DAY) is None
