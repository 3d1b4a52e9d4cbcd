"""Laws of group-sequential tests, whatever the looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from steelyard.errors import DefinitionError
from steelyard.stats.after_stopping import after_stopping
from steelyard.stats.boundaries import boundaries
from steelyard.stats.classic_boundaries import haybittle_peto, wang_tsiatis
from steelyard.stats.conditional_power import conditional_power, predictive_power
from steelyard.stats.crossings import crossings
from steelyard.stats.repeated import repeated
from steelyard.stats.sequential_power import sequential_power
from steelyard.stats.spending import Spending

spendings = st.one_of(
    st.just(Spending(kind="obrien_fleming")),
    st.just(Spending(kind="pocock")),
    st.builds(Spending, kind=st.just("kim_demets"), shape=st.floats(0.5, 4.0)),
    st.builds(Spending, kind=st.just("hwang_shih_decani"), shape=st.floats(-6.0, 3.0)),
)
looks = st.lists(st.floats(0.02, 1.0), min_size=1, max_size=8).map(
    lambda steps: [float(total / sum(steps)) for total in np.cumsum(steps)]
)
few = settings(max_examples=30)
OF, P = Spending(kind="obrien_fleming"), Spending(kind="pocock")


@few
@given(looks, spendings, st.floats(0.005, 0.2), st.sampled_from([1, 2]))
def test_what_is_spent_is_what_the_bounds_let_through(
    fractions: list[float], spending: Spending, alpha: float, sides: int
) -> None:
    made = boundaries(fractions, spending, alpha=alpha, sides=sides, last=True)
    found = made.crossings()
    assert found.power == pytest.approx(alpha / sides, rel=1e-9)
    assert np.cumsum(found.above) == pytest.approx(made.spent, rel=1e-7, abs=1e-15)
    assert made.spent[-1] == pytest.approx(alpha / sides)


@few
@given(looks, spendings)
def test_a_later_look_moves_no_earlier_bound(fractions: list[float], spending: Spending) -> None:
    whole = boundaries(fractions, spending)
    for k in range(1, len(fractions)):
        assert boundaries(fractions[:k], spending).upper == whole.upper[:k]


@given(spendings, st.floats(1e-4, 0.5), st.floats(0.0, 1.5), st.floats(0.0, 1.5))
def test_spending_rises_from_nothing_to_all(spending: Spending, error: float, one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert 0 <= spending.spent(error, early) <= spending.spent(error, late) * (1 + 1e-12) <= error * (1 + 1e-9)
    assert spending.spent(error, 0.0) == 0.0
    assert spending.spent(error, 1.0) == error


@few
@given(looks, st.floats(-4, 4), st.floats(0.5, 3.0))
def test_swapping_the_arms_swaps_the_sides(fractions: list[float], drift: float, bound: float) -> None:
    upper, lower = [bound] * len(fractions), [-bound - 0.3] * len(fractions)
    there = crossings(fractions, upper, lower, drift=drift)
    back = crossings(fractions, [-z for z in lower], [-z for z in upper], drift=-drift)
    assert there.above == pytest.approx(back.below, abs=1e-12)
    assert there.below == pytest.approx(back.above, abs=1e-12)


@few
@given(looks, st.floats(-3, 5), st.floats(0.1, 1e6))
def test_the_unit_of_information_does_not_matter(fractions: list[float], drift: float, unit: float) -> None:
    upper = [2.5] * len(fractions)
    one = crossings(fractions, upper, drift=drift)
    other = crossings([f * unit for f in fractions], upper, drift=drift / math.sqrt(unit))
    assert one.above == pytest.approx(other.above, abs=1e-11)


def test_crossings_are_the_integrals_of_the_joint_normal_law() -> None:
    fractions, upper, drift = [0.3, 0.55, 1.0], [2.4, 2.2, 1.9], 1.3
    means = [drift * math.sqrt(f) for f in fractions]
    law = [[math.sqrt(min(a, b) / max(a, b)) for b in fractions] for a in fractions]
    stay = multivariate_normal(means, law, abseps=1e-10, releps=1e-10, maxpts=5_000_000, seed=1).cdf(upper)
    assert crossings(fractions, upper, drift=drift).power == pytest.approx(1 - stay, abs=1e-6)


def test_looks_that_almost_coincide_are_integrated_all_the_same() -> None:
    one = boundaries([0.5, 1.0], OF)
    for apart in (1e-5, 1e-6):
        near = boundaries([0.5, 0.5 + apart, 1.0], OF)
        assert near.crossings().power == pytest.approx(0.025, rel=1e-8)
        assert near.upper[-1] == pytest.approx(one.upper[-1], abs=1e-5)
        assert near.crossings(2.5).power == pytest.approx(one.crossings(2.5).power, abs=1e-4)
    with pytest.raises(DefinitionError, match="less than a millionth apart"):
        boundaries([0.5, 0.5 + 1e-8], OF)


def test_thirty_looks_on_the_first_per_cent_have_bounds_too() -> None:
    made = boundaries([look / 3000 for look in range(1, 31)], OF)
    assert made.upper == (math.inf,) * 30, "less than 1e-30 is spent"
    alone = [norm.isf(2 * norm.sf(norm.isf(0.0125) / math.sqrt(t))) for t in (0.04, 0.05)]
    assert boundaries([0.04, 0.05], OF).upper == pytest.approx(alone, abs=1e-5)
    assert boundaries([0.5, 1.0, 1.2], P).upper[-1] == math.inf, "all was spent at 1"


def test_simulated_paths_cross_as_often_as_computed() -> None:
    random = np.random.default_rng(7)
    fractions = np.array([0.1, 0.3, 0.6, 1.0])
    steps = np.diff(fractions, prepend=0.0)
    paths = np.cumsum(random.normal(2.0 * steps, np.sqrt(steps), (200_000, 4)), axis=1) / np.sqrt(fractions)
    made = boundaries(list(fractions), P)
    over, under = paths >= made.upper, paths <= [-b for b in made.upper]
    first = np.where((over | under).any(axis=1), (over | under).argmax(axis=1), -1)
    found = made.crossings(2.0)
    for k in range(4):
        assert (over[first == k, k]).sum() / 200_000 == pytest.approx(found.above[k], abs=0.004)


@few
@given(looks, st.floats(0.6, 0.95), st.sampled_from([1, 2]), st.booleans())
def test_futility_keeps_both_errors(fractions: list[float], power: float, sides: int, binding: bool) -> None:
    made = boundaries(fractions, OF, alpha=0.05, sides=sides, last=True, futility=P, power=power, binding=binding)
    truth = made.crossings(made.drift)
    missed = sum(truth.futile) if sides == 2 else sum(truth.below)
    # The two sides of what is missed: beyond the last bound, nothing is left.
    assert missed == pytest.approx(1 - power, abs=1e-7)
    error = made.crossings(0.0, futility=binding).power
    assert error == pytest.approx(0.05 / sides, rel=1e-7)
    assert all(inner <= upper for inner, upper in zip(made.futility, made.upper, strict=True))


def test_more_looks_and_earlier_spending_cost_more_units() -> None:
    def inflation(spending: Spending, k: int) -> float:
        made = boundaries([look / k for look in range(1, k + 1)], spending)
        return sequential_power(made.fractions, made.upper, made.lower).inflation

    assert 1 < inflation(OF, 2) < inflation(OF, 10) < inflation(P, 2) < inflation(P, 10) < 1.4
    assert inflation(P, 1) == pytest.approx(1.0)


def test_a_single_look_is_the_fixed_test() -> None:
    made = boundaries([1.0], OF)
    assert made.upper[0] == pytest.approx(norm.ppf(0.975))
    found = after_stopping(made, 2.5, 1.0)
    assert found.p_value == pytest.approx(2 * norm.sf(2.5))
    assert (found.low, found.value, found.high) == pytest.approx((2.5 - 1.959963985, 2.5, 2.5 + 1.959963985))
    assert repeated(made, OF, 2.5, 1.0).p_value == pytest.approx(2 * norm.sf(2.5))


@few
@given(looks, spendings, st.floats(-5, 5), st.floats(0.01, 100))
def test_after_stopping_the_parts_agree(fractions: list[float], spending: Spending, z: float, error: float) -> None:
    made = boundaries(fractions, spending, last=True)
    assume(abs(abs(z) - made.upper[-1]) > 1e-6)
    found, back = after_stopping(made, z * error, error), after_stopping(made, -z * error, error)
    assert found.low <= found.value <= found.high
    assert (found.low, found.value) == pytest.approx((-back.high, -back.value), abs=1e-6 * error)
    assert found.p_value == pytest.approx(back.p_value, abs=1e-9)
    rejects = abs(z) > made.upper[-1]
    assert (found.p_value < 0.05) == rejects
    assert (found.low > 0 or found.high < 0) == rejects
    again = repeated(made, spending, z * error, error, last=True)
    assert (again.p_value < 0.05) == rejects
    assert (again.low > 0 or again.high < 0) == rejects


def test_an_estimate_after_an_early_stop_is_pulled_towards_nothing() -> None:
    made = boundaries([0.25, 0.5], P)
    found = after_stopping(made, 3.0, 1.0, last=False)
    assert 0 < found.value < found.naive
    with pytest.raises(DefinitionError, match="crossed no bound"):
        after_stopping(made, 1.0, 1.0, last=False)


def test_the_median_unbiased_estimate_is_too_high_as_often_as_too_low_and_its_interval_holds() -> None:
    """1,200 two-look tests of a true drift of 2: the naive estimate is too high when stopped early, ours is not."""
    random = np.random.default_rng(5)
    fractions, drift, trials = [0.5, 1.0], 2.0, 1_200
    made = [boundaries(fractions[:k], P) for k in (1, 2)]
    one = random.normal(drift * 0.5, math.sqrt(0.5), trials)
    two = one + random.normal(drift * 0.5, math.sqrt(0.5), trials)
    low = high = held = 0
    for s1, s2 in zip(one, two, strict=True):
        early = abs(s1 / math.sqrt(0.5)) >= made[0].upper[0]
        k, score = (0, s1) if early else (1, s2)
        found = after_stopping(made[k], score / fractions[k], 1 / math.sqrt(fractions[k]))
        low, high = low + (found.value < drift), high + (found.value > drift)
        held += found.low <= drift <= found.high
    assert abs(low - high) / math.sqrt(trials) < 3
    assert abs(held - 0.95 * trials) / math.sqrt(trials * 0.95 * 0.05) < 3


def test_conditional_power_at_the_start_is_power() -> None:
    made = boundaries([0.25, 0.5, 1.0], OF)
    lower = list(made.lower)
    begin = conditional_power(0.0, 1e-9, made.fractions, made.upper, lower, drift=2.8)
    assert begin == pytest.approx(made.crossings(2.8).power, abs=1e-5)


@few
@given(st.floats(-3, 3), st.floats(0.1, 0.9))
def test_predictive_power_of_one_look_has_a_closed_form(z: float, t: float) -> None:
    # Given z at t and a flat prior, the final score is normal with mean z / root t and variance (1 - t) / t.
    closed = norm.sf((1.96 - z / math.sqrt(t)) / math.sqrt((1 - t) / t))
    assert predictive_power(z, t, [1.0], [1.96]) == pytest.approx(closed, abs=2e-3)
    sure = predictive_power(z, t, [1.0], [1.96], prior=(2.8, 1e-6))
    assert sure == pytest.approx(conditional_power(z, t, [1.0], [1.96], drift=2.8), abs=1e-4)


def test_bounds_of_a_fixed_form_keep_their_error_at_uneven_looks() -> None:
    uneven = [0.1, 0.15, 0.7, 1.0]
    for made in (wang_tsiatis(uneven, 0.5), wang_tsiatis(uneven, 0.0), haybittle_peto(uneven)):
        assert made.crossings().power == pytest.approx(0.025, rel=1e-9)
    with pytest.raises(DefinitionError, match="use up alpha"):
        haybittle_peto(uneven, early=1.5)


@pytest.mark.parametrize(
    ("fractions", "says"), [([], "does not rise"), ([0.5, 0.5], "does not rise"), ([0.0, 1.0], "does not rise"),
                            ([math.nan], "does not rise")]
)  # fmt: skip
def test_looks_that_do_not_rise_are_refused(fractions: list[float], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        boundaries(fractions, OF)


def test_what_cannot_be_planned_is_refused_with_its_reason() -> None:
    with pytest.raises(DefinitionError, match="sides 3"):
        boundaries([1.0], OF, sides=3)
    with pytest.raises(DefinitionError, match="do not tell the drift"):
        boundaries([0.5], OF, futility=P)
    with pytest.raises(DefinitionError, match="shape None"):
        Spending(kind="kim_demets")
    with pytest.raises(DefinitionError, match="never reached"):
        sequential_power([1.0], [math.inf])
    with pytest.raises(DefinitionError, match="last look is at"):
        wang_tsiatis([0.5], 0.5)
