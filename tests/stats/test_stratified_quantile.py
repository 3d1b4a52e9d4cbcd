"""Laws of the levels that bound a quantile of weighted strata."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from steelyard.errors import DefinitionError
from steelyard.stats.quantile_ranks import design_effect, quantile_ranks
from steelyard.stats.stratified_quantile import StratumCounts, quantile_levels

REACH = -float(ndtri(0.025))
of_strata = st.lists(
    st.tuples(st.floats(0.05, 5.0), st.integers(2, 400), st.floats(0.02, 0.98)), min_size=1, max_size=5
).map(lambda rows: [StratumCounts.of_units(w, n, min(max(round(n * share), 1), n - 1)) for w, n, share in rows])


@given(of_strata, st.floats(0.05, 0.95))
def test_of_units_the_variance_is_the_weighted_sum_of_p_times_one_less_p(
    strata: list[StratumCounts], quantile: float
) -> None:
    found, whole = quantile_levels(strata, quantile), sum(one.weight for one in strata)
    variance = 0.0
    for one in strata:
        p = one.below / one.units
        variance += (one.weight / whole) ** 2 * p * (1 - p) / (one.units - 1)
    assert found is not None
    assert found.high - found.low == pytest.approx(2 * REACH * math.sqrt(variance), rel=1e-9)
    assert found.high + found.low == pytest.approx(2 * quantile)
    assert found.even <= found.n * (1 + 1e-12)


@given(of_strata, st.floats(0.1, 10.0))
def test_only_the_ratios_of_weights_matter(strata: list[StratumCounts], by: float) -> None:
    scaled = [StratumCounts.of_units(by * one.weight, one.units, one.below) for one in strata]
    one, other = quantile_levels(strata, 0.5), quantile_levels(scaled, 0.5)
    assert one is not None
    assert other is not None
    assert (one.low, one.effect, one.even) == pytest.approx((other.low, other.effect, other.even))


def test_one_stratum_is_the_arm_without_strata() -> None:
    """Up to n / (n - 1) and to the share that was counted, which is not quite the quantile."""
    found, plain = quantile_levels([StratumCounts.of_units(1.0, 10_000, 5_000)], 0.5), quantile_ranks(10_000, 0.5)
    assert found is not None
    assert found.effect == pytest.approx(10_000 / 9_999)
    assert (found.low, found.high) == pytest.approx((plain.low / 10_000, plain.high / 10_000), abs=1.5e-4)
    assert found.even == pytest.approx(10_000)


def test_one_stratum_of_units_with_many_values_has_the_design_effect_of_clusters() -> None:
    random = np.random.default_rng(1)
    sizes = random.poisson(4.0, 500) + 1
    below = random.binomial(sizes, random.beta(1.0, 1.0, 500))
    one = StratumCounts(
        weight=3.0,
        units=500,
        sizes=int(sizes.sum()),
        sizes_squared=int((sizes**2).sum()),
        below=int(below.sum()),
        below_squared=int((below**2).sum()),
        product=int((below * sizes).sum()),
    )
    share = one.below / one.sizes
    found = quantile_levels([one], share)
    assert found is not None
    assert found.effect == pytest.approx(design_effect(below.tolist(), sizes.tolist()), rel=1e-9)
    assert found.variance_df == pytest.approx(499)


def test_the_freedom_of_a_variance_of_shares_is_what_drawing_them_shows() -> None:
    """Satterthwaite: twice the squared mean of the variance over its own variance."""
    random, (n, m, p, q) = np.random.default_rng(2), (120, 300, 0.85, 0.2)
    drawn = zip(random.binomial(n, p, 4_000), random.binomial(m, q, 4_000), strict=True)
    made = [quantile_levels([StratumCounts.of_units(1, n, a), StratumCounts.of_units(1, m, b)], 0.5) for a, b in drawn]
    variances = np.array([found.effect for found in made if found is not None])
    middle = quantile_levels([StratumCounts.of_units(1, n, 102), StratumCounts.of_units(1, m, 60)], 0.5)
    assert middle is not None
    assert 2 * variances.mean() ** 2 / variances.var() == pytest.approx(middle.variance_df, rel=0.1)


def test_what_tells_no_error_is_none_and_what_cannot_be_is_refused() -> None:
    apart = [StratumCounts.of_units(1.0, 20, 20), StratumCounts.of_units(1.0, 30, 0)]
    assert quantile_levels(apart, 0.5) is None
    few = quantile_levels([StratumCounts.of_units(1.0, 20, 19)], 0.95)
    assert few is not None
    assert few.bounds_below
    assert not few.bounds_above
    with pytest.raises(DefinitionError, match="quantile 1"):
        quantile_levels(apart, 1.0)
    with pytest.raises(DefinitionError, match="two units"):
        quantile_levels([StratumCounts.of_units(1.0, 1, 1)], 0.5)
    with pytest.raises(DefinitionError):
        quantile_levels([], 0.5)
