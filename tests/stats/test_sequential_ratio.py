"""Laws of the sequential sample-ratio test and of e-values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import dirichlet_multinomial, multinomial

from steelyard.errors import DefinitionError
from steelyard.stats.e_benjamini_hochberg import e_benjamini_hochberg
from steelyard.stats.sequential_ratio import CONCENTRATIONS, sequential_ratio

counts = st.lists(st.integers(0, 10_000), min_size=2, max_size=5)


@given(counts, st.sampled_from([2.0, 100.0, 1e4]))
def test_it_is_the_ratio_of_two_likelihoods(found: list[int], concentration: float) -> None:
    shares = np.arange(1, len(found) + 1) / sum(range(1, len(found) + 1))
    ours = sequential_ratio([found], [list(shares)], concentrations=[concentration]).log_evidence
    law = dirichlet_multinomial.logpmf(found, concentration * shares, sum(found))
    assert ours == pytest.approx(law - multinomial.logpmf(found, sum(found), shares), abs=1e-6)


@given(counts)
def test_the_order_of_the_arms_and_the_unit_of_the_shares_do_not_matter(found: list[int]) -> None:
    shares = list(range(1, len(found) + 1))
    one = sequential_ratio([found], [shares])
    other = sequential_ratio([found[::-1]], [[share / 7 for share in shares[::-1]]])
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-7)


def test_its_mean_without_a_mismatch_is_one() -> None:
    """Over all outcomes of 40 units in two arms at 30:70: an e-value, exactly."""
    n, share = 40, 0.3
    mean = sum(
        math.comb(n, k) * share**k * (1 - share) ** (n - k)
        * math.exp(sequential_ratio([[k, n - k]], [[share, 1 - share]]).log_evidence)
        for k in range(n + 1)
    )  # fmt: skip
    assert mean == pytest.approx(1.0, rel=1e-6)


def test_both_famous_mismatches_are_caught_and_no_single_concentration_is_enough() -> None:
    book, few = [[821_588, 815_482]], [[5_200, 4_800]]
    assert sequential_ratio(book, [[1, 1]]).p_value < 0.001
    assert sequential_ratio(few, [[1, 1]]).p_value < 0.01
    best = [max(CONCENTRATIONS, key=lambda c: sequential_ratio(n, [[1, 1]], concentrations=[c]).log_evidence)
            for n in (book, few)]  # fmt: skip
    assert best[0] / best[1] >= 100


def test_stages_with_splits_of_their_own_add_up() -> None:
    stages, shares = [[950, 50], [520, 480]], [[0.95, 0.05], [0.5, 0.5]]
    together = sequential_ratio(stages, shares, concentrations=[100.0]).log_evidence
    parts = [
        sequential_ratio([n], [s], concentrations=[100.0]).log_evidence for n, s in zip(stages, shares, strict=True)
    ]
    assert together == pytest.approx(sum(parts))
    # Pooled over the ramp the counts look like a mismatch with either split; stage by stage they are as promised.
    assert sequential_ratio(stages, shares).p_value == 1.0
    assert sequential_ratio([[1_470, 530]], [[0.5, 0.5]]).p_value < 1e-50


def test_nothing_counted_is_no_evidence() -> None:
    for found in (sequential_ratio([], []), sequential_ratio([[0, 0]], [[1, 1]]), sequential_ratio([[9, 0]], [[1, 0]])):
        assert found.log_evidence == pytest.approx(0.0, abs=1e-9)
        assert found.p_value == 1.0
    assert sequential_ratio([[9, 8, 3]], [[1, 1, 0]]).left_out == 3


def test_a_milliard_units_are_weighed_as_well() -> None:
    even = sequential_ratio([[500_000_000, 500_000_000]], [[1, 1]])
    assert even.log_evidence < 0
    off = sequential_ratio([[500_200_000, 499_800_000]], [[1, 1]])
    z2 = 400_000**2 / 1e9
    assert 0 < off.log_evidence < z2 / 2


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DefinitionError, match="1 stages of counts, 2 of shares"):
        sequential_ratio([[1, 1]], [[1, 1], [1, 1]])
    with pytest.raises(DefinitionError, match="with shares"):
        sequential_ratio([[1, -1]], [[1, 1]])
    with pytest.raises(DefinitionError, match="concentrations"):
        sequential_ratio([[1, 1]], [[1, 1]], concentrations=[])


@given(st.lists(st.floats(-5, 20), max_size=12), st.floats(0.001, 0.5))
def test_e_values_are_rejected_as_the_definition_says(logs: list[float], rate: float) -> None:
    adjusted = e_benjamini_hochberg(logs)
    ordered = sorted((math.exp(x) for x in logs), reverse=True)
    most = max(
        (k for k in range(1, len(logs) + 1) if ordered[k - 1] >= len(logs) / (k * rate) * (1 - 1e-12)), default=0
    )
    assert sum(value <= rate * (1 + 1e-12) for value in adjusted) == most


def test_e_values_of_nothing() -> None:
    assert e_benjamini_hochberg([]) == ()
    assert e_benjamini_hochberg([math.inf, -math.inf]) == (0.0, 1.0)
