"""Contributions add up, and agree with other derivations."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics.attribution import lmdi, mix_and_rate, settled, shapley

NUMBER = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6))
SMALL = st.one_of(st.just(0.0), NUMBER)
SIDES = st.integers(1, 5).flatmap(
    lambda n: st.tuples(st.lists(SMALL, min_size=n, max_size=n), st.lists(SMALL, min_size=n, max_size=n))
)
POSITIVE = st.integers(1, 6).flatmap(
    lambda n: st.tuples(*(st.lists(st.floats(1e-3, 1e6), min_size=n, max_size=n) for _ in range(2)))
)


def adds_up(parts: tuple[float, ...], change: float) -> bool:
    size = max(abs(change), *(abs(part) for part in parts))
    return math.isclose(math.fsum(parts), change, rel_tol=1e-12, abs_tol=4e-16 * size)


@given(SIDES)
def test_shapley_adds_up_to_the_change(sides: tuple[list[float], list[float]]) -> None:
    before, after = sides
    assert adds_up(shapley(before, after), math.prod(after) - math.prod(before))


@given(SIDES)
def test_lmdi_adds_up_to_the_change_or_is_undefined(sides: tuple[list[float], list[float]]) -> None:
    before, after = sides
    parts = lmdi(before, after)
    if parts is None:
        assert any(old * new < 0 for old, new in zip(before, after, strict=True))
    else:
        assert adds_up(parts, math.prod(after) - math.prod(before))


@given(SIDES)
def test_shapley_is_the_mean_over_every_order(sides: tuple[list[float], list[float]]) -> None:
    before, after = sides
    totals = [0.0] * len(before)
    orders = list(permutations(range(len(before))))
    for order in orders:
        now = list(before)
        for factor in order:
            was = math.prod(now)
            now[factor] = after[factor]
            totals[factor] += (math.prod(now) - was) / len(orders)
    size = max(1.0, *(abs(total) for total in totals), abs(math.prod(before)), abs(math.prod(after)))
    assert all(abs(a - b) <= 1e-9 * size for a, b in zip(shapley(before, after), totals, strict=True))


@given(POSITIVE)
def test_lmdi_runs_backwards_with_the_sign_turned(sides: tuple[list[float], list[float]]) -> None:
    before, after = sides
    there, back = lmdi(before, after), lmdi(after, before)
    assert there is not None
    assert back is not None
    size = max(math.prod(before), math.prod(after))
    assert all(abs(a + b) <= 1e-9 * size for a, b in zip(there, back, strict=True))


@given(POSITIVE, st.randoms())
def test_the_order_of_factors_does_not_matter(sides: tuple[list[float], list[float]], random: object) -> None:
    before, after = sides
    turned = lmdi(before[::-1], after[::-1])
    there = lmdi(before, after)
    assert turned is not None
    assert there is not None
    size = max(math.prod(before), math.prod(after))
    assert all(abs(a - b) <= 1e-9 * size for a, b in zip(turned[::-1], there, strict=True))


def test_a_factor_that_does_not_move_adds_nothing() -> None:
    assert lmdi([2.0, 3.0], [4.0, 3.0]) == (6.0, 0.0)
    assert shapley([2.0, 3.0], [4.0, 3.0]) == (6.0, 0.0)


def test_two_factors_by_hand() -> None:
    """L(6, 20) = 14 / ln(20/6); the contributions are L ln(2) and L ln(5/3)."""
    mean = 14 / math.log(20 / 6)
    assert lmdi([2.0, 3.0], [4.0, 5.0]) == pytest.approx((mean * math.log(2), mean * math.log(5 / 3)), rel=1e-14)


def test_lmdi_is_the_limit_of_ever_smaller_values() -> None:
    limit = lmdi([0.0, 5.0, 2.0], [4.0, 5.0, 3.0])
    near = lmdi([1e-250, 5.0, 2.0], [4.0, 5.0, 3.0])
    assert limit == (60.0, 0.0, 0.0)
    assert near is not None
    assert near[0] == pytest.approx(60.0, rel=0.01)


def test_a_change_too_small_for_the_quotient_of_logs_is_exact() -> None:
    parts = lmdi([1e6, 3.0], [1e6 + 1e-6, 3.0])
    assert parts is not None
    assert parts[0] == pytest.approx(3e-6, rel=1e-3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_has_no_contribution(bad: float) -> None:
    for weigh in (lmdi, shapley):
        with pytest.raises(DefinitionError):
            weigh([1.0, bad], [1.0, 2.0])
        with pytest.raises(DefinitionError):
            weigh([1.0], [1.0, 2.0])
        with pytest.raises(DefinitionError):
            weigh([], [])


def test_parts_that_do_not_add_up_are_no_rounding() -> None:
    with pytest.raises(DataError, match=r"the parts add up to 3\.0"):
        settled([1.0, 2.0], 4.0)


CELLS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1)


@given(CELLS, CELLS)
def test_mix_and_rate_add_up_to_the_change_of_the_ratio(
    before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]
) -> None:
    sums = [[sum(cell[part] for cell in side.values()) for part in (0, 1)] for side in (before, after)]
    assume(sums[0][1] > 0)
    assume(sums[1][1] > 0)
    parts = mix_and_rate(before, after)
    change = sums[1][0] / sums[1][1] - sums[0][0] / sums[0][1]
    assert math.fsum(part.total for part in parts.values()) == pytest.approx(change, abs=1e-9 * max(1, *map(max, sums)))


@given(CELLS)
def test_equal_rates_leave_only_mix_and_equal_shares_only_rate(cells: dict[str, tuple[float, float]]) -> None:
    before = {name: (den * 0.25, den + 1.0) for name, (_, den) in cells.items()}
    doubled = {name: (2 * num, den) for name, (num, den) in before.items()}
    assert all(abs(part.mix) < 1e-12 for part in mix_and_rate(before, doubled).values())
    grown = {name: (num * (1 + place), den * (1 + place)) for place, (name, (num, den)) in enumerate(before.items())}
    assert all(part.rate == pytest.approx(0, abs=1e-12) for part in mix_and_rate(before, grown).values())


def test_a_segment_without_a_denominator_keeps_its_numerator() -> None:
    parts = mix_and_rate({"a": (1, 10)}, {"a": (1, 10), "b": (4, 0)})
    assert parts["b"].mix == pytest.approx(0.4)
    assert parts["b"].rate == 0
    assert parts["b"].rate_after is None
