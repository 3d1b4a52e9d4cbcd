"""Laws of planning: margins, clusters, whole rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError
from steelyard.stats.always_valid import always_valid_bounds
from steelyard.stats.boundaries import boundaries
from steelyard.stats.crossings import crossings
from steelyard.stats.intraclass import intraclass_correlation, planned_design_effect
from steelyard.stats.non_inferiority import power_of_non_inferior_shares, units_for_non_inferior_shares
from steelyard.stats.score_interval import score_test
from steelyard.stats.spending import Spending


@given(st.floats(0.05, 0.9), st.floats(0.005, 0.04), st.sampled_from([1 / 19, 1 / 9, 1.0, 9.0]))
def test_units_and_power_invert_each_other(share: float, margin: float, ratio: float) -> None:
    n = units_for_non_inferior_shares(share, share, margin, power=0.9, ratio=ratio)
    assert power_of_non_inferior_shares(share, share, margin, n, ratio=ratio) == pytest.approx(0.9, abs=1e-9)
    assert units_for_non_inferior_shares(share, share, 2 * margin, ratio=ratio) < n


def test_the_planned_power_is_that_of_simulated_score_tests() -> None:
    random, trials = np.random.default_rng(3), 2_000
    n = math.ceil(units_for_non_inferior_shares(0.2, 0.2, 0.05))
    shown = sum(
        score_test(int(random.binomial(n, 0.2)), n, int(random.binomial(n, 0.2)), n, -0.05)[1] < 0.025
        for _ in range(trials)
    )
    assert shown / trials == pytest.approx(0.8, abs=0.03)


def test_what_lies_outside_the_margin_cannot_be_planned_for() -> None:
    with pytest.raises(DefinitionError, match="not inside a margin"):
        units_for_non_inferior_shares(0.2, 0.1, 0.05)
    with pytest.raises(DefinitionError, match="cannot be planned for"):
        units_for_non_inferior_shares(0.0, 0.1, 0.05)


def test_the_correlation_of_clusters_is_found_again() -> None:
    random, clusters, truth = np.random.default_rng(13), 3_000, 0.2
    sizes = random.integers(1, 30, clusters)
    base = np.repeat(random.normal(0, math.sqrt(truth), clusters), sizes)
    rows = base + random.normal(0, math.sqrt(1 - truth), int(sizes.sum()))
    member = np.repeat(np.arange(clusters), sizes)
    sums, squares = np.bincount(member, rows), np.bincount(member, rows**2)
    found = intraclass_correlation(sizes.astype(float), sums, squares)
    assert found == pytest.approx(truth, abs=0.02)
    moved = intraclass_correlation(sizes.astype(float), 5 * sums + 3 * sizes, 25 * squares + 30 * sums + 9.0 * sizes)
    assert moved == pytest.approx(found, rel=1e-9)


def test_clusters_that_tell_nothing() -> None:
    ones = np.ones(5)
    with pytest.raises(DataError, match="how alike"):
        intraclass_correlation(ones, ones, ones)
    assert math.isnan(intraclass_correlation(2 * ones, 2 * ones, 2 * ones))
    assert planned_design_effect(1, 0.5) == 1.0
    with pytest.raises(DefinitionError, match="correlation 2"):
        planned_design_effect(5, 2)


def test_a_lower_bound_above_a_threshold_is_a_smaller_drift() -> None:
    """The clause `low > min_effect` of simulated daily looks crosses the same bounds at the drift beyond it."""
    random, days = np.random.default_rng(19), np.arange(1, 8) / 7
    expected, least, error = 0.03, 0.008, 0.008  # the error at the end
    steps = random.normal(expected / error / 7, math.sqrt(1 / 7), (100_000, 7))
    z = steps.cumsum(axis=1) / np.sqrt(days)
    errors = error / np.sqrt(days)
    for upper in (boundaries(list(days), Spending(kind="pocock")).upper, always_valid_bounds(list(days))):
        low = z * errors - np.array(upper) * errors
        planned = crossings(list(days), upper, drift=(expected - least) / error).power
        assert (low > least).any(axis=1).mean() == pytest.approx(planned, abs=0.006)
