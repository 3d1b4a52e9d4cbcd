"""Benjamini-Hochberg and -Yekutieli against statsmodels and R's worked values, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from steelyard.errors import DefinitionError
from steelyard.stats.false_discovery import benjamini_hochberg, benjamini_yekutieli

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(P_VALUES)
def test_both_are_what_statsmodels_gives(p_values: list[float]) -> None:
    for ours, method in ((benjamini_hochberg, "fdr_bh"), (benjamini_yekutieli, "fdr_by")):
        np.testing.assert_allclose(ours(p_values), multipletests(p_values, method=method)[1], rtol=1e-12, atol=1e-15)


@given(P_VALUES, st.randoms())
def test_the_order_of_the_p_values_changes_nothing(p_values: list[float], random: object) -> None:
    order = list(range(len(p_values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    adjusted, shuffled = benjamini_hochberg(p_values), benjamini_hochberg([p_values[place] for place in order])
    assert [adjusted[place] for place in order] == list(shuffled)


@given(P_VALUES)
def test_nothing_becomes_smaller_and_yekutieli_is_never_below_hochberg(p_values: list[float]) -> None:
    bh, by = benjamini_hochberg(p_values), benjamini_yekutieli(p_values)
    assert all(p <= q + 1e-15 and q <= y + 1e-15 and y <= 1 for p, q, y in zip(p_values, bh, by, strict=True))


def test_the_table_of_benjamini_and_hochberg_1995_rejects_four() -> None:
    # Section 3.1 of the paper: fifteen p-values, of which the procedure rejects four at q = .05, and Bonferroni three.
    p_values = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
        1.0,
    ]  # fmt: skip
    assert sum(p <= 0.05 for p in benjamini_hochberg(p_values)) == 4


def test_no_tests_are_no_trouble_and_what_is_no_probability_is_refused() -> None:
    assert benjamini_hochberg([]) == ()
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(DefinitionError):
            benjamini_yekutieli([0.5, wrong])
