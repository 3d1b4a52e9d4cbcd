"""Differences of weighted paths: against regression, published values, and the laws that they obey."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steelyard.errors import DataError
from steelyard.stats.cohort import CohortMoments, cohort_from_sums
from steelyard.stats.difference import before_after, difference, joint_test


def cohort(paths: np.ndarray) -> CohortMoments:
    shifts = paths.mean(axis=0).round(3)
    centred = paths - shifts
    return cohort_from_sums(len(paths), centred.sum(axis=0), centred.T @ centred, shifts)


def panel(seed: int, n: int, periods: int = 6, lift: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    paths = random.normal(5.0, 1.0, (n, 1)) + random.normal(0.0, 1.0, (n, periods))
    paths[:, periods // 2 :] += lift
    return paths


values = arrays(np.float64, (7, 4), elements=st.floats(-100, 100, width=32))


def test_it_is_the_coefficient_and_the_clustered_error_of_a_two_way_regression() -> None:
    sm = pytest.importorskip("statsmodels.api")
    treated, control = panel(1, 40, lift=1.0), panel(2, 60)
    found = difference(cohort(treated), cohort(control), before_after(6, [0, 1, 2], [3, 4, 5]))
    change = np.concatenate([paths[:, 3:].mean(axis=1) - paths[:, :3].mean(axis=1) for paths in (treated, control)])
    design = sm.add_constant(np.repeat([1.0, 0.0], [40, 60]))
    fit = sm.OLS(change, design).fit(cov_type="HC2")
    assert found.value == pytest.approx(fit.params[1], rel=1e-12)
    assert found.std_error == pytest.approx(fit.bse[1], rel=1e-10)

    unit = np.repeat(np.arange(100), 6)
    after = np.tile(np.repeat([0.0, 1.0], 3), 100)
    long = np.concatenate([treated, control]).ravel()
    dummies = [(unit == k).astype(float) for k in range(100)]
    times = [(np.tile(np.arange(6), 100) == k).astype(float) for k in range(1, 6)]
    full = np.column_stack([after * (unit < 40), *dummies, *times])
    twoway = sm.OLS(long, full).fit(cov_type="cluster", cov_kwds={"groups": unit, "use_correction": False})
    assert found.value == pytest.approx(twoway.params[0], rel=1e-9)
    without_correction = math.sqrt(
        sum(
            item.of(before_after(6, [0, 1, 2], [3, 4, 5]))[1] * (item.n - 1) / item.n**2
            for item in (cohort(treated), cohort(control))
        )
    )
    assert without_correction == pytest.approx(twoway.bse[0], rel=1e-9)


def test_its_interval_is_that_of_welch() -> None:
    stats = pytest.importorskip("scipy.stats")
    treated, control = panel(3, 12, lift=0.5), panel(4, 30)
    weights = before_after(6, [0, 1, 2], [3, 4, 5])
    found = difference(cohort(treated), cohort(control), weights, level=0.9)
    peer = stats.ttest_ind(treated @ weights, control @ weights, equal_var=False)
    assert found.p_value == pytest.approx(peer.pvalue, rel=1e-9)
    assert found.df == pytest.approx(peer.df, rel=1e-9)
    interval = peer.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_card_and_krueger_1994_table_3(shared: Path) -> None:
    import csv
    import json

    reference = json.loads((shared / "reference" / "causal" / "reference.json").read_text())
    case = next(case for case in reference["cases"] if case["id"] == "card_krueger_balanced")
    text = (shared / "reference" / "causal" / "data" / case["data"]).read_text()
    rows = [row for row in csv.DictReader(text.splitlines()) if row["d"] == "1" and row["demp"] not in ("", "NA")]
    demp = [(row, float(row["demp"])) for row in rows]
    groups = {side: np.array([[0.0, value] for row, value in demp if row["nj"] == side]) for side in ("1", "0")}
    found = difference(cohort(groups["1"]), cohort(groups["0"]), np.array([-1.0, 1.0]))
    assert found.value == pytest.approx(case["verified"]["did"], abs=1e-8)
    assert found.std_error == pytest.approx(case["verified"]["se"], abs=1e-8)


@given(values, values)
def test_swapping_the_groups_flips_the_sign(one: np.ndarray, other: np.ndarray) -> None:
    weights = before_after(4, [0, 1], [2, 3])
    there, back = difference(cohort(one), cohort(other), weights), difference(cohort(other), cohort(one), weights)
    assert there.value == pytest.approx(-back.value, abs=1e-9)
    assert there.std_error == pytest.approx(back.std_error, abs=1e-9)


@given(values, values, st.floats(0.1, 50))
def test_rescaling_the_outcome_rescales_everything(one: np.ndarray, other: np.ndarray, factor: float) -> None:
    weights = before_after(4, [0, 1], [2, 3])
    plain = difference(cohort(one), cohort(other), weights)
    scaled = difference(cohort(one * factor), cohort(other * factor), weights)
    assert scaled.value == pytest.approx(plain.value * factor, rel=1e-6, abs=1e-6)
    assert scaled.std_error == pytest.approx(plain.std_error * factor, rel=1e-5, abs=1e-5)


@given(values, values, arrays(np.float64, 4, elements=st.floats(-1000, 1000)))
def test_a_shock_that_everybody_shares_changes_nothing(one: np.ndarray, other: np.ndarray, shock: np.ndarray) -> None:
    weights = before_after(4, [0, 1], [2, 3])
    plain = difference(cohort(one), cohort(other), weights)
    shaken = difference(cohort(one + shock), cohort(other + shock), weights)
    assert shaken.value == pytest.approx(plain.value, abs=1e-6)
    assert shaken.std_error == pytest.approx(plain.std_error, rel=1e-4, abs=1e-5)


@given(values, st.permutations(range(7)))
def test_the_order_of_units_does_not_matter(paths: np.ndarray, order: list[int]) -> None:
    plain, shuffled = cohort(paths), cohort(paths[order])
    assert np.allclose(plain.covariance, shuffled.covariance, atol=1e-8)


def test_sums_about_a_constant_keep_their_digits_at_a_large_mean() -> None:
    random = np.random.default_rng(5)
    small = random.normal(0.0, 1.0, (500, 4))
    moved = difference(cohort(small[:200] + 1e9), cohort(small[200:] + 1e9), before_after(4, [0, 1], [2, 3]))
    plain = difference(cohort(small[:200]), cohort(small[200:]), before_after(4, [0, 1], [2, 3]))
    assert moved.std_error == pytest.approx(plain.std_error, rel=1e-6)


def test_one_unit_on_a_side_has_a_value_and_no_error() -> None:
    found = difference(cohort(panel(6, 1)), cohort(panel(7, 9)), before_after(6, [0], [5]))
    assert math.isfinite(found.value)
    assert math.isnan(found.std_error)


def test_moments_of_other_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="periods"):
        cohort_from_sums(3, np.zeros(2), np.zeros((3, 3)), np.zeros(2))


def test_a_joint_test_of_one_difference_is_its_t_test_squared() -> None:
    treated, control = cohort(panel(8, 15)), cohort(panel(9, 25))
    weights = before_after(6, [0], [4])
    one, joint = difference(treated, control, weights), joint_test(treated, control, [weights])
    assert joint.statistic == pytest.approx((one.value / one.std_error) ** 2, rel=1e-9)
    assert joint.p_value == pytest.approx(one.p_value, rel=1e-9)


def test_a_joint_test_counts_the_rank_and_not_the_rows() -> None:
    treated, control = cohort(panel(10, 15)), cohort(panel(11, 25))
    weights = [before_after(6, [0], [1]), before_after(6, [1], [2]), before_after(6, [0], [2])]
    assert joint_test(treated, control, weights).df == 2


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000))
def test_joint_tests_of_nothing_reject_about_as_often_as_they_say(seed: int) -> None:
    random = np.random.default_rng(seed)
    leads = [before_after(6, [2], [k]) for k in (0, 1)]
    rejected = 0
    for _ in range(250):
        treated = random.normal(0, 1, (20, 6)) + random.normal(0, 2, (20, 1))
        control = random.normal(0, 2, (60, 6)) + random.normal(0, 1, (60, 1))
        rejected += joint_test(cohort(treated), cohort(control), leads).p_value < 0.05
    assert abs(rejected - 12.5) < 4.5 * math.sqrt(250 * 0.05 * 0.95)


def test_intervals_of_a_known_effect_cover_it_as_often_as_they_say() -> None:
    random = np.random.default_rng(20)
    weights, covered, runs = before_after(6, [0, 1, 2], [3, 4, 5]), 0, 2000
    for _ in range(runs):
        treated = random.normal(0, 1, (25, 6)) + random.normal(3, 2, (25, 1))
        treated[:, 3:] += 0.7
        control = random.exponential(1.0, (80, 6)) + random.normal(0, 1, (80, 1))
        found = difference(cohort(treated), cohort(control), weights)
        covered += found.low <= 0.7 <= found.high
    assert abs(covered - 0.95 * runs) < 3 * math.sqrt(runs * 0.05 * 0.95)
