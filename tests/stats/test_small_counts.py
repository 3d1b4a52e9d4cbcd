"""Laws of intervals and tests of shares, brute force where tables are few."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from steelyard.errors import DefinitionError
from steelyard.stats.agresti import agresti_caffo, agresti_coull
from steelyard.stats.clopper_pearson import clopper_pearson
from steelyard.stats.exact_tests import barnard, boschloo, fisher
from steelyard.stats.odds_ratio import odds_ratio
from steelyard.stats.score_interval import restricted_shares, score_difference, score_ratio, score_test
from steelyard.stats.share_comparison import share_comparison

counted = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
small = st.integers(1, 14).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.6, 0.999)
Count = tuple[int, int]


@given(counted, counted, levels)
def test_swapping_the_groups_mirrors_the_bounds(one: Count, other: Count, level: float) -> None:
    for method in (score_difference, agresti_caffo):
        low, high = method(*one, *other, level)
        back = method(*other, *one, level)
        assert (-back[1], -back[0]) == pytest.approx((low, high), abs=1e-9)
        assert -1 <= low <= high <= 1
    low, high = score_ratio(*one, *other, level)
    back_low, back_high = score_ratio(*other, *one, level)
    assert low == pytest.approx(1 / back_high if back_high else math.inf, rel=1e-6)
    assert high == pytest.approx(1 / back_low if back_low else math.inf, rel=1e-6)


@given(counted, counted)
def test_the_difference_seen_is_in_the_score_interval(one: Count, other: Count) -> None:
    seen = one[0] / one[1] - other[0] / other[1]
    low, high = score_difference(*one, *other)
    assert low - 1e-9 <= seen <= high + 1e-9
    narrow = score_difference(*one, *other, corrected=False)
    assert low <= narrow[0] + 1e-9
    assert narrow[1] <= high + 1e-9


@given(counted, counted, st.floats(-0.9, 0.9))
def test_the_restricted_shares_are_the_most_likely_ones(one: Count, other: Count, difference: float) -> None:
    (x1, n1), (x2, n2) = one, other
    share, base = restricted_shares(x1, n1, x2, n2, difference)
    assert share - base == pytest.approx(difference)

    ends = max(0.0, difference), min(1.0, 1.0 + difference)
    tried = np.array([min(max(share, ends[0]), ends[1]), *np.linspace(*ends, 400)])
    likelihood = stats.binom.logpmf(x1, n1, tried) + stats.binom.logpmf(x2, n2, np.clip(tried - difference, 0, 1))
    # At a double root the cubic is solved to half the digits.
    assert likelihood[0] >= likelihood[1:].max() - 1e-7 * (n1 + n2)


@given(counted, counted, st.floats(0.8, 0.99))
def test_the_score_test_rejects_what_the_interval_leaves_out(one: Count, other: Count, level: float) -> None:
    low, high = score_difference(*one, *other, level)
    for value in (low, high):
        if -0.999 < value < 0.999:
            z, _ = score_test(*one, *other, value, corrected=True)
            assert abs(z) == pytest.approx(stats.norm.ppf((1 + level) / 2), rel=1e-4)


def test_against_no_difference_the_score_test_is_the_pooled_z() -> None:
    z, p = score_test(15, 50, 25, 50)
    assert z == pytest.approx(-2.041241452)
    assert p == pytest.approx(stats.norm.sf(z))


@given(counted, levels)
def test_the_exact_interval_holds_as_many_tails_as_it_says(count: Count, level: float) -> None:
    x, n = count
    low, high = clopper_pearson(x, n, level)
    if x > 0:
        assert stats.binom.sf(x - 1, n, low) == pytest.approx((1 - level) / 2, rel=1e-6)
    if x < n:
        assert stats.binom.cdf(x, n, high) == pytest.approx((1 - level) / 2, rel=1e-6)
    mirrored = clopper_pearson(n - x, n, level)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)
    assert 0 <= agresti_coull(x, n, level)[0] <= agresti_coull(x, n, level)[1] <= 1


@settings(max_examples=60)
@given(small, small)
def test_fisher_is_a_sum_over_all_tables(one: Count, other: Count) -> None:
    (x1, n1), (x2, n2) = one, other
    chance = {
        k: math.comb(n1, k) * math.comb(n2, x1 + x2 - k) / math.comb(n1 + n2, x1 + x2)
        for k in range(max(0, x1 + x2 - n2), min(n1, x1 + x2) + 1)
    }
    seen = chance[x1]
    tied = sum(p for p in chance.values() if abs(p - seen) <= 1e-7 * seen)
    two = tied + sum(p for p in chance.values() if p < seen * (1 - 1e-7))
    assert fisher(x1, n1, x2, n2) == pytest.approx(min(two, 1.0))
    assert fisher(x1, n1, x2, n2, mid_p=True) == pytest.approx(two - tied / 2)
    assert fisher(x1, n1, x2, n2, one_sided=True) == pytest.approx(sum(p for k, p in chance.items() if k >= x1))
    assert fisher(x1, n1, x2, n2) == pytest.approx(stats.fisher_exact([[x1, x2], [n1 - x1, n2 - x2]])[1], rel=1e-6)


def test_boschloo_and_barnard_never_reject_true_nulls_too_often() -> None:
    """Brute force: all tables of 7 and 9, at common shares from 0.05 to 0.95."""
    n1, n2 = 7, 9
    for test in (boschloo, barnard):
        rejects = [(a, b) for a, b in product(range(n1 + 1), range(n2 + 1)) if test(a, n1, b, n2) <= 0.05]
        assert rejects
        for p in np.linspace(0.05, 0.95, 19):
            chance = sum(stats.binom.pmf(a, n1, p) * stats.binom.pmf(b, n2, p) for a, b in rejects)
            assert chance <= 0.05 + 1e-9


def test_an_exact_test_of_too_many_tables_is_refused_with_another_way() -> None:
    with pytest.raises(DefinitionError, match="takes too long"):
        boschloo(3, 10_000, 9, 10_000)
    assert fisher(3, 10_000_000, 9, 10_000_000, mid_p=True) == pytest.approx(
        2 * stats.binom.cdf(3, 12, 0.5) - stats.binom.pmf(3, 12, 0.5), rel=1e-4
    )
    with pytest.raises(DefinitionError, match="are no counts"):
        fisher(5, 4, 1, 4)


def test_none_and_all_are_no_trouble() -> None:
    assert boschloo(0, 5, 0, 6) == barnard(5, 5, 6, 6) == fisher(0, 5, 0, 6) == 1.0
    assert score_ratio(0, 10, 0, 10) == (0.0, math.inf)
    assert score_difference(10, 10, 0, 10)[1] == 1.0
    assert score_difference(0, 10, 10, 10)[0] == -1.0
    assert score_difference(1, 1, 0, 1)[0] > -1
    found = odds_ratio(0, 10, 3, 10)
    assert 0 < found.low < found.value < 1 < found.high


@given(counted, counted)
def test_the_odds_ratio_is_turned_over_with_the_groups(one: Count, other: Count) -> None:
    there, back = odds_ratio(*one, *other), odds_ratio(*other, *one)
    assert there.value * back.value == pytest.approx(1)
    assert there.low * back.high == pytest.approx(1)
    assert there.p_value == pytest.approx(back.p_value)


@settings(max_examples=25)
@given(counted, counted)
def test_the_method_is_chosen_by_the_margins_alone(one: Count, other: Count) -> None:
    (x1, n1), (x2, n2) = one, other
    found, back = share_comparison(x1, n1, x2, n2), share_comparison(x2, n2, x1, n1)
    assert (found.interval, found.test) == (back.interval, back.test)
    assert found.p_value == pytest.approx(back.p_value, abs=1e-6)
    shifted = x1 - 1, x2 + 1
    assume(x1 >= 1)
    assume(x2 < n2)
    assert share_comparison(shifted[0], n1, shifted[1], n2).test == found.test
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9


def test_each_branch_of_the_rule() -> None:
    assert share_comparison(50, 1_000, 60, 1_000).interval == "newcombe"
    assert share_comparison(2, 40, 0, 40).test == "boschloo"
    assert share_comparison(2, 4_000, 0, 4_000).test == "fisher_mid_p"
    assert share_comparison(2, 4_000, 0, 4_000).interval == "miettinen_nurminen"


@pytest.mark.parametrize(("n1", "n2", "p1", "p2"), [(12, 15, 0.1, 0.1), (30, 10, 0.05, 0.3), (40, 40, 0.02, 0.08)])
def test_the_score_interval_covers_over_all_tables(n1: int, n2: int, p1: float, p2: float) -> None:
    """Exact coverage by enumeration, no simulation."""
    held = 0.0
    for a, b in product(range(n1 + 1), range(n2 + 1)):
        low, high = score_difference(a, n1, b, n2)
        if low <= p1 - p2 <= high:
            held += stats.binom.pmf(a, n1, p1) * stats.binom.pmf(b, n2, p2)
    assert 0.93 < held < 0.999


@pytest.mark.parametrize(("x1", "x2"), [(0, 20), (0, 1), (1, 90)])
def test_the_upper_end_of_a_ratio_of_none_is_where_the_score_is_z(x1: int, x2: int) -> None:
    """By brute force: the shares that the ratio allows are found by searching the likelihood."""
    n = 100
    high = score_ratio(x1, n, x2, n)[1]
    assert math.isfinite(high)
    shares = np.linspace(1e-6, min(1.0, 1 / high) - 1e-9, 400_001)
    likely = x1 * np.log(shares * high) + (n - x1) * np.log1p(-shares * high)
    likely += x2 * np.log(shares) + (n - x2) * np.log1p(-shares)
    p2 = shares[np.argmax(likely)]
    variance = (p2 * high * (1 - p2 * high) + high**2 * p2 * (1 - p2)) / n * 2 * n / (2 * n - 1)
    assert (x1 / n - high * x2 / n) / math.sqrt(variance) == pytest.approx(-1.959964, abs=1e-3)
