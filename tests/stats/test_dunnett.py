"""Arms that share a control: the published table, peers' special cases, laws, and simulated arms; and Sidak's rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from steelyard.errors import DefinitionError
from steelyard.stats.bonferroni import bonferroni
from steelyard.stats.dunnett import dunnett, dunnett_level, dunnett_loading
from steelyard.stats.sidak import sidak, sidak_level

p_values = st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=6)


def _critical(level: float, arms: int) -> float:
    return -float(ndtri((1 - dunnett_level(level, [math.sqrt(0.5)] * arms)) / 2))


@pytest.mark.parametrize(
    ("arms", "five", "one"), [(1, 1.96, 2.58), (2, 2.21, 2.79), (3, 2.35, 2.92), (4, 2.44, 3.00), (9, 2.69, 3.22)]
)
def test_critical_values_are_those_of_dunnett_s_table_without_end_of_units(arms: int, five: float, one: float) -> None:
    """Dunnett (1964), Biometrics 20, table II, the line of infinite degrees of freedom."""
    assert _critical(0.95, arms) == pytest.approx(five, abs=0.006)
    assert _critical(0.99, arms) == pytest.approx(one, abs=0.006)


@pytest.mark.parametrize("loadings", [(0.3, 0.9), (0.7071, 0.7071), (0.975, 0.975)])
def test_two_arms_are_the_bivariate_normal_law(loadings: tuple[float, float]) -> None:
    correlation = loadings[0] * loadings[1]
    law = multivariate_normal(cov=[[1, correlation], [correlation, 1]])
    for p in (0.2, 0.03, 1e-4):
        c = -float(ndtri(p / 2))
        within = law.cdf([c, c], lower_limit=[-c, -c])
        assert dunnett([p, 0.9], loadings)[0] == pytest.approx(1 - within, rel=1e-4, abs=1e-7)


@given(p_values, st.data())
def test_it_lies_between_one_test_and_sidak_s_rule_and_that_below_bonferroni_s(
    found: list[float], data: st.DataObject
) -> None:
    loadings = data.draw(st.lists(st.floats(0, 0.975), min_size=len(found), max_size=len(found)))
    rows = zip(found, dunnett(found, loadings), sidak(found), bonferroni(found), strict=True)
    for plain, ours, independent, any_law in rows:
        assert plain <= ours + 1e-9
        assert ours <= independent + 1e-9
        assert independent <= any_law + 1e-12


@given(st.lists(st.floats(0.05, 0.975), min_size=1, max_size=6), st.floats(0.5, 0.999), st.floats(1e-4, 0.9999))
def test_its_interval_excludes_zero_where_it_rejects(loadings: list[float], level: float, p: float) -> None:
    each = dunnett_level(level, loadings)
    adjusted = dunnett([p] * len(loadings), loadings)[0]
    if abs(adjusted - (1 - level)) > 1e-9:
        assert (adjusted < 1 - level) == (p < 1 - each)
    assert level - 1e-9 <= each <= sidak_level(level, len(loadings)) + 1e-9


@given(p_values)
def test_without_a_common_part_it_is_sidak_s_rule_whose_level_matches(found: list[float]) -> None:
    assert dunnett(found, [0.0] * len(found)) == pytest.approx(sidak(found), rel=1e-7)
    each = sidak_level(0.95, len(found))
    assert sidak([1 - each] * len(found))[0] == pytest.approx(0.05)


def test_any_of_three_arms_that_do_nothing_is_told_from_control_one_time_in_twenty() -> None:
    random, trials, shares = np.random.default_rng(3), 4_000, (0.4, 0.1, 0.2, 0.3)
    n = [2_000 * share for share in shares]
    means = random.normal(size=(trials, 4)) / np.sqrt(n)
    z = (means[:, 1:] - means[:, :1]) / np.sqrt(1 / np.array(n[1:]) + 1 / n[0])
    each = dunnett_level(0.95, [dunnett_loading(units, n[0]) for units in n[1:]])
    told = (np.abs(z) > -ndtri((1 - each) / 2)).any(axis=1).sum()
    assert abs(told - 0.05 * trials) <= 3 * math.sqrt(trials * 0.05 * 0.95)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(DefinitionError, match="2 p-values with 1"):
        dunnett([0.1, 0.2], [0.5])
    with pytest.raises(DefinitionError, match="from 0 up to 1"):
        dunnett([0.1], [1.0])
    with pytest.raises(DefinitionError, match="against 0"):
        dunnett_loading(5, 0)
