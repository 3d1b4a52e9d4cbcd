"""Equal rates: the chi-square of R and scipy, and its edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from steelyard.errors import DefinitionError
from steelyard.stats.equal_rates import equal_rates


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 500)), min_size=2, max_size=5))
def test_it_is_the_chi_square_of_the_table(groups: list[tuple[int, int]]) -> None:
    counts, rest = [x for x, _ in groups], [y for _, y in groups]
    if not sum(counts):
        return
    peer = chi2_contingency(np.array([counts, rest]), correction=False)
    assert equal_rates(counts, [x + y for x, y in groups]) == pytest.approx(peer.pvalue, rel=1e-9, abs=1e-300)


def test_all_or_nobody_says_nothing() -> None:
    assert equal_rates([0, 0], [10, 20]) == 1.0
    assert equal_rates([10, 20], [10, 20]) == 1.0


@pytest.mark.parametrize(("counts", "totals"), [([1], [2]), ([3, 1], [2, 2]), ([0, 0], [0, 1])])
def test_what_is_no_rate_is_refused(counts: list[int], totals: list[int]) -> None:
    with pytest.raises(DefinitionError, match="no rates"):
        equal_rates(counts, totals)
