"""Moments merge, survive a mean far from zero, and say when a value is missing."""

from __future__ import annotations

import math
from statistics import fmean, variance

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError
from steelyard.stats.moments import Moments, merged

numbers = st.floats(-1e6, 1e6, allow_nan=False)
columns = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=40)


def of(rows: list[tuple[float, float]], origin: tuple[float, float] = (0.0, 0.0)) -> Moments:
    return Moments.of_rows({"x": [x for x, _ in rows], "y": [y for _, y in rows]}, origin=origin)


def of_sums(rows: list[tuple[float, float]], shift: tuple[float, float]) -> Moments:
    about = np.array(rows).T - np.array(shift)[:, None]
    return Moments.of_sums(
        names=("x", "y"),
        rows=len(rows),
        counts=(len(rows),) * 2,
        shifts=np.array(shift),
        sums=about.sum(axis=1),
        products=about @ about.T,
    )


@given(columns)
def test_they_are_the_textbook_mean_and_variance(rows: list[tuple[float, float]]) -> None:
    found = of(rows)
    xs = [x for x, _ in rows]
    scale = max(1.0, *map(abs, xs))
    assert found.mean("x") == pytest.approx(fmean(xs), abs=1e-9 * scale)
    assert found.variance("x") == pytest.approx(variance(xs), rel=1e-9, abs=1e-9 * scale**2)


@given(columns, columns)
def test_merging_two_halves_equals_the_whole(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> None:
    whole, halves = of(one + other), of(one).merge(of(other))
    assert halves.rows == whole.rows
    scale = max(1.0, *(abs(v) for row in one + other for v in row)) ** 2
    assert halves.offset == pytest.approx(whole.offset, abs=1e-9 * scale)
    assert halves.cross == pytest.approx(whole.cross, rel=1e-9, abs=1e-8 * scale)


@given(columns, st.tuples(numbers, numbers))
def test_the_shift_does_not_matter(rows: list[tuple[float, float]], shift: tuple[float, float]) -> None:
    plain, shifted = of_sums(rows, (0.0, 0.0)), of_sums(rows, shift)
    scale = max(1.0, *(abs(v) for row in [*rows, shift] for v in row)) ** 2
    assert shifted.mean("x") == pytest.approx(plain.mean("x"), abs=1e-9 * scale)
    assert shifted.covariance("x", "y") == pytest.approx(plain.covariance("x", "y"), rel=1e-6, abs=1e-8 * scale)


def test_a_mean_a_milliard_deviations_away_costs_no_digits() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=5_000)
    near = of_sums([(float(v), 0.0) for v in values], (0.0, 0.0))
    far_values = values + 1e9
    far = of_sums([(float(v), 0.0) for v in far_values], (float(far_values[:50].mean()), 0.0))
    assert far.variance("x") == pytest.approx(near.variance("x"), rel=1e-6)
    assert far.mean("x") - 1e9 == pytest.approx(near.mean("x"), abs=1e-6)


def test_a_missing_value_makes_the_column_unusable_and_is_counted() -> None:
    found = Moments.of_sums(
        names=("x",), rows=3, counts=(2,), shifts=np.zeros(1), sums=np.array([3.0]), products=np.array([[5.0]])
    )
    assert found.missing("x") == 1
    assert math.isnan(found.mean("x"))
    assert math.isnan(found.variance("x"))


def test_a_product_that_was_not_asked_for_is_an_error_not_a_zero() -> None:
    found = Moments.of_sums(
        names=("x", "y"),
        rows=3,
        counts=(3, 3),
        shifts=np.zeros(2),
        sums=np.ones(2),
        products=np.array([[5.0, np.nan], [np.nan, 5.0]]),
    )
    with pytest.raises(DefinitionError, match="not asked for"):
        found.covariance("x", "y")


def test_moments_about_another_origin_are_not_merged() -> None:
    rows = [(1.0, 2.0), (3.0, 4.0)]
    with pytest.raises(DataError, match="origin"):
        of(rows).merge(of(rows, origin=(1.0, 0.0)))


def test_an_empty_group_changes_nothing() -> None:
    rows = [(1.0, 2.0), (3.0, 4.0)]
    empty = Moments.of_sums(
        names=("x", "y"), rows=0, counts=(0, 0), shifts=np.zeros(2), sums=np.zeros(2), products=np.zeros((2, 2))
    )
    assert merged([empty, of(rows), empty]).mean("x") == 2.0
    assert math.isnan(empty.variance("x"))
