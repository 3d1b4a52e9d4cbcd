"""One share, and two compared, at every moment: a martingale by enumeration, the region by a grid, laws, simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from steelyard.errors import DefinitionError
from steelyard.stats.normal_mixture import best_ratio, critical_value
from steelyard.stats.share_sequence import concentration_for, share_evidence, share_sequence, share_slope
from steelyard.stats.shares_sequence import shares_critical, shares_evidence, shares_sequence

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
shares = st.floats(0.001, 0.999)
tuned = st.floats(1, 5_000)


@given(st.integers(1, 60), shares, st.floats(0.01, 500))
def test_the_evidence_against_a_true_share_is_one_on_average(n: int, share: float, concentration: float) -> None:
    """What makes it hold at every look, summed over all that can be seen."""
    chances = binom.pmf(np.arange(n + 1), n, share)
    evidence = [math.exp(share_evidence(x, n, share, concentration)) for x in range(n + 1)]
    assert float(chances @ np.array(evidence)) == pytest.approx(1.0, rel=1e-8)


@given(st.integers(0, 30), st.integers(0, 30), shares, st.floats(0.01, 500))
def test_the_next_unit_leaves_the_evidence_as_it_is_on_average(
    ones: int, rest: int, share: float, concentration: float
) -> None:
    n = ones + rest
    now = math.exp(share_evidence(ones, n, share, concentration))
    after = [math.exp(share_evidence(ones + one, n + 1, share, concentration)) for one in (0, 1)]
    assert (1 - share) * after[0] + share * after[1] == pytest.approx(now, rel=1e-8)


@given(counts, shares, shares, st.floats(0.01, 500))
def test_the_evidence_is_convex_and_its_slope_is_its_derivative(
    seen: tuple[int, int], one: float, other: float, concentration: float
) -> None:
    low, high = sorted((one, other))
    left, right = (share_evidence(*seen, share, concentration) for share in (low, high))
    middle = share_evidence(*seen, (low + high) / 2, concentration)
    assert middle <= (left + right) / 2 + 1e-7 * (1 + abs(left) + abs(right))
    step = 1e-5 * min(one, 1 - one)
    rise = share_evidence(*seen, one + step, concentration) - share_evidence(*seen, one - step, concentration)
    slope = share_slope(*seen, one, concentration)
    assert rise / (2 * step) == pytest.approx(slope, rel=1e-3, abs=1e-2 * (1 + seen[1]))


@given(counts, tuned, st.floats(0.5, 0.999))
def test_the_interval_of_a_share_holds_what_was_seen_and_is_mirrored(
    seen: tuple[int, int], tuned_for: float, level: float
) -> None:
    count, n = seen
    low, high = share_sequence(count, n, tuned_for, level=level)
    assert 0 <= low <= count / n <= high <= 1
    mirrored = share_sequence(n - count, n, tuned_for, level=level)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)
    limit, concentration = -math.log(1 - level), concentration_for(tuned_for)
    for end in {low, high} - {0.0, 1.0}:
        assert share_evidence(count, n, end, concentration) == pytest.approx(limit, abs=1e-6)


@given(counts, counts, st.tuples(tuned, tuned), st.floats(0.5, 0.999))
def test_two_shares_compared_are_mirrored_hold_what_was_seen_and_agree_with_their_p_value(
    one: tuple[int, int], other: tuple[int, int], tuned_for: tuple[float, float], level: float
) -> None:
    found = shares_sequence(*one, *other, tuned_for, level=level)
    swapped = shares_sequence(*other, *one, tuned_for[::-1], level=level)
    gap = one[0] / one[1] - other[0] / other[1]
    assert -1 <= found.low <= gap + 1e-9
    assert gap - 1e-9 <= found.high <= 1
    assert (-swapped.high, -swapped.low) == pytest.approx((found.low, found.high), abs=1e-8)
    if found.ratio_low > 0:
        assert 1 / found.ratio_low == pytest.approx(swapped.ratio_high, rel=1e-6)
    if abs(found.p_value - (1 - level)) > 1e-6:
        assert (found.p_value < 1 - level) == (found.low > 0 or found.high < 0)
        assert (found.p_value < 1 - level) == (found.ratio_low > 1 or found.ratio_high < 1)


@given(counts, counts, tuned)
def test_more_confidence_is_wider(one: tuple[int, int], other: tuple[int, int], tuned_for: float) -> None:
    narrow, wide = (shares_sequence(*one, *other, (tuned_for,) * 2, level=level) for level in (0.9, 0.99))
    assert wide.low <= narrow.low + 1e-9
    assert narrow.high <= wide.high + 1e-9
    assert wide.ratio_low <= narrow.ratio_low * (1 + 1e-9)


@pytest.mark.parametrize("seen", [(9, 60, 1, 55), (30, 60, 20, 55), (0, 40, 0, 50), (3, 90, 0, 30), (50, 50, 1, 50)])
def test_the_bounds_are_those_of_a_grid_of_pairs(seen: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = seen
    fine = np.geomspace(1e-9, 0.01, 300)
    points = np.concatenate([fine, np.linspace(0.01, 0.99, 900), 1 - fine])
    concentration = concentration_for(200, math.sqrt(0.05))
    first, second = (
        np.array([share_evidence(x, n, share, concentration) for share in points]) for x, n in ((x1, n1), (x2, n2))
    )
    rows, columns = np.nonzero(first[:, None] + second[None, :] <= math.log(20))
    found = shares_sequence(*seen, (200, 200))
    assert (found.low, found.high) == pytest.approx(
        ((points[rows] - points[columns]).min(), (points[rows] - points[columns]).max()), abs=2.5e-3
    )
    ratios = points[rows] / points[columns]
    assert found.ratio_low == pytest.approx(ratios.min(), rel=0.03, abs=1e-6)
    assert min(found.ratio_high, 1e6) == pytest.approx(min(ratios.max(), 1e6), rel=0.03)


def test_many_units_come_to_two_normal_mixtures() -> None:
    n, share = 1_000_000, 0.1
    for part in (0.2, 1.0, 3.0):
        found = shares_sequence(100_000, n, 100_000, n, (n / part,) * 2)
        reach = shares_critical(part, 0.05) * math.sqrt(2 * share * (1 - share) / n)
        assert (found.low, found.high) == pytest.approx((-reach, reach), rel=2e-3)
    # One sequence of the difference alone, where its normal law is believed, is a tenth narrower.
    assert 1.1 < shares_critical(1.0, 0.05) / critical_value(best_ratio(0.05)) < 1.13


def test_the_evidence_against_the_bounds_is_that_of_the_level() -> None:
    found = shares_sequence(2, 900, 14, 1_100, (2_000, 2_000))
    for end in (found.low, found.high):
        assert shares_evidence(2, 900, 14, 1_100, (2_000, 2_000), end) == pytest.approx(math.log(20), abs=1e-8)
    assert shares_evidence(2, 900, 14, 1_100, (2_000, 2_000)) == found.log_evidence


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5])
def test_shares_that_are_equal_are_seldom_told_apart_however_often_one_looks(share: float) -> None:
    """Ten units against ninety at each of thirty looks; where nothing ever occurs, never."""
    random, trials, told = np.random.default_rng(5), 150, 0
    for _ in range(trials):
        first = random.binomial(10, share, 30).cumsum()
        second = random.binomial(90, share, 30).cumsum()
        told += any(
            shares_evidence(int(first[k]), 10 * (k + 1), int(second[k]), 90 * (k + 1), (300, 2_700)) > math.log(20)
            for k in range(30)
        )
    assert told / trials <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)
    assert share > 0 or told == 0


@pytest.mark.parametrize(
    ("seen", "tuned_for", "level", "says"),
    [
        ((5, 4, 1, 4), (9, 9), 0.95, "5 of 4"),
        ((0, 0, 1, 4), (9, 9), 0.95, "0 of 0"),
        ((1, 4, 1, 4), (0, 9), 0.95, "narrowest at 0"),
        ((1, 4, 1, 4), (9, 9), 1.0, "level of 1"),
    ],
)
def test_counts_that_cannot_be_are_refused(
    seen: tuple[int, int, int, int], tuned_for: tuple[float, float], level: float, says: str
) -> None:
    with pytest.raises(DefinitionError, match=says):
        shares_sequence(*seen, tuned_for, level=level)


def test_a_difference_or_a_share_that_cannot_be_is_refused() -> None:
    with pytest.raises(DefinitionError, match="difference of shares of 1"):
        shares_evidence(1, 4, 1, 4, (9, 9), 1.0)
    with pytest.raises(DefinitionError, match="5 of 4 units"):
        share_sequence(5, 4, 9)
