"""Power, sizes and smallest effects agree with statsmodels and with each other, at any allocation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestIndPower

from steelyard.errors import DefinitionError
from steelyard.stats.power import (
    power_of_means,
    power_of_shares,
    smallest_mean_effect,
    smallest_share_effect,
    units_for_means,
    units_for_shares,
)

ratios = st.sampled_from([1.0, 1 / 9, 1 / 19, 9.0, 0.25, 3.0])


@given(st.floats(0.02, 1.0), st.integers(10, 5_000), ratios)
def test_the_power_of_means_is_statsmodels(effect: float, n: int, ratio: float) -> None:
    assume(n * ratio >= 3)
    peer = TTestIndPower().power(effect, n, 0.05, ratio=ratio)
    assume(not math.isnan(peer))  # statsmodels gives no number far out in the tail
    assert power_of_means(effect, 1.0, n, ratio=ratio) == pytest.approx(peer, abs=1e-8)


@given(st.floats(0.01, 2.0), ratios, st.floats(0.5, 0.99), st.floats(0.8, 0.999))
def test_the_size_has_the_power_that_was_asked_for(effect: float, ratio: float, power: float, level: float) -> None:
    n = units_for_means(effect, 1.0, power=power, ratio=ratio, level=level)
    assert power_of_means(effect, 1.0, n, ratio=ratio, level=level) >= power - 1e-9


@given(st.integers(100, 100_000), ratios)
def test_the_smallest_effect_has_the_power_that_was_asked_for(n: int, ratio: float) -> None:
    effect = smallest_mean_effect(2.0, n, ratio=ratio)
    assert power_of_means(effect, 2.0, n, ratio=ratio) == pytest.approx(0.8, abs=1e-9)


@given(st.floats(0.01, 0.9), st.floats(0.005, 0.09), ratios)
def test_shares_invert_too(control: float, rise: float, ratio: float) -> None:
    n = units_for_shares(control, control + rise, ratio=ratio)
    assert power_of_shares(control, control + rise, n, ratio=ratio) == pytest.approx(0.8, abs=1e-9)
    assert smallest_share_effect(control, n, ratio=ratio) == pytest.approx(rise, rel=1e-6)


def test_a_threshold_costs_as_many_units_as_the_smaller_effect() -> None:
    assert units_for_shares(0.1, 0.12, beyond=0.01) > 3 * units_for_shares(0.1, 0.12)


def test_unequal_variances_want_unequal_arms() -> None:
    even = units_for_means(0.1, 1.0, std_dev_treated=3.0) * 2
    n = units_for_means(0.1, 1.0, ratio=3.0, std_dev_treated=3.0)
    assert n * 4 < even


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_nothing_or_everything_cannot_be_planned_for(share: float) -> None:
    with pytest.raises(DefinitionError, match="cannot be planned for"):
        units_for_shares(share, 0.5)


def test_no_effect_needs_no_number_of_units() -> None:
    with pytest.raises(DefinitionError, match="effect of 0"):
        units_for_means(0.0, 1.0)
    with pytest.raises(DefinitionError, match="no number of units"):
        units_for_shares(0.1, 0.1)


def test_a_rise_that_cannot_be_seen_is_infinite() -> None:
    assert smallest_share_effect(0.9, 3) == math.inf


def test_the_planned_power_is_what_simulated_experiments_have() -> None:
    from steelyard.stats.sample import Sample
    from steelyard.stats.welch import welch

    random = np.random.default_rng(11)
    n = math.ceil(units_for_means(0.5, 2.0, ratio=0.5))
    found = 0
    for _ in range(800):
        t, c = random.normal(0.5, 2, n // 2), random.normal(0, 2, n)
        arms = [Sample(n=len(a), mean=float(a.mean()), variance=float(a.var(ddof=1))) for a in (t, c)]
        found += welch(*arms).p_value < 0.05
    assert found / 800 == pytest.approx(0.8, abs=0.045)
