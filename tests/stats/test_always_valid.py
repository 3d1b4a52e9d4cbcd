"""Laws of evidence and bounds that hold whenever one looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.stats import norm

from steelyard.errors import DefinitionError
from steelyard.stats.always_valid import (
    Bound,
    always_valid,
    always_valid_bounds,
    over_looks,
    ratio_for_effects,
    ratio_for_units,
)
from steelyard.stats.normal_mixture import Side, best_ratio, critical_value, log_evidence

ratios = st.floats(1e-3, 1e4)
alphas = st.floats(1e-4, 0.4)
sides = st.sampled_from(["both", "above"])


@given(st.floats(-6, 6), st.floats(0.01, 100), sides)
def test_the_evidence_is_the_average_of_likelihood_ratios(z: float, ratio: float, side: Side) -> None:
    root = math.sqrt(ratio)

    def weighed(effect: float) -> float:
        return float(np.exp(effect * z - effect**2 / 2) * norm.pdf(effect / root) / root)

    span = 12 * root / math.sqrt(1 + ratio)
    centre = z * ratio / (1 + ratio)
    low = centre - span if side == "both" else 0.0
    found, _ = integrate.quad(weighed, min(low, centre + span), max(centre + span, span), limit=400)
    assert math.exp(log_evidence(z, ratio, side)) == pytest.approx(found * (1 if side == "both" else 2), rel=1e-6)


@given(ratios, alphas, sides)
def test_at_the_critical_value_the_evidence_is_one_over_alpha(ratio: float, alpha: float, side: Side) -> None:
    z = critical_value(ratio, alpha, side)
    assert log_evidence(z, ratio, side) == pytest.approx(-math.log(alpha), rel=1e-9)
    assert z > norm.isf(alpha / 2 if side == "both" else alpha)


@given(ratios, alphas)
def test_one_side_is_narrower_than_the_closed_form_of_waudby_smith(ratio: float, alpha: float) -> None:
    closed = math.sqrt((1 + ratio) / ratio * 2 * math.log1p(math.sqrt(1 + ratio) / (2 * alpha)))
    exact = critical_value(ratio, alpha, "above")
    assert exact <= closed
    assert exact <= critical_value(ratio, alpha)


@given(alphas)
def test_the_bound_is_close_to_its_narrowest_at_the_best_ratio(alpha: float) -> None:
    best = best_ratio(alpha)
    least = min(critical_value(best * by, alpha) for by in np.geomspace(0.5, 2, 41))
    assert critical_value(best, alpha) <= least * 1.002


@given(
    st.floats(-50, 50), st.floats(0.01, 10), ratios, st.floats(0.6, 0.999), st.sampled_from(["both", "above", "below"])
)
def test_interval_and_evidence_agree(estimate: float, error: float, ratio: float, level: float, bound: Bound) -> None:
    found = always_valid(estimate, error, ratio, level=level, bound=bound, null=0.5)
    assert found.low <= estimate <= found.high
    excluded = found.low > 0.5 or found.high < 0.5
    if abs(found.log_evidence + math.log(1 - level)) > 1e-9:
        assert excluded == (found.p_value < 1 - level)


@given(st.floats(-50, 50), st.floats(0.01, 10), ratios, st.floats(0.01, 100))
def test_swapping_the_arms_mirrors_and_rescaling_rescales(e: float, error: float, ratio: float, by: float) -> None:
    there, back = always_valid(e, error, ratio), always_valid(-e, error, ratio)
    assert (back.low, back.high, back.p_value) == (-there.high, -there.low, there.p_value)
    above, below = always_valid(e, error, ratio, bound="above"), always_valid(-e, error, ratio, bound="below")
    assert (above.low, above.p_value) == (-below.high, below.p_value)
    scaled = always_valid(e * by, error * by, ratio)
    assert (scaled.low, scaled.p_value) == pytest.approx((there.low * by, there.p_value), rel=1e-9, abs=1e-9)


def test_the_cost_is_said() -> None:
    found = always_valid(0.0, 1.0, ratio_for_units(1_000, 1_000))
    assert found.width_ratio == pytest.approx(3.0352 / 1.95996, rel=1e-4)
    assert found.units_ratio == pytest.approx(2.398, abs=1e-3)


def test_nothing_is_said_where_nothing_is_known() -> None:
    for found in (always_valid(1.0, 1.0, 0.0), always_valid(1.0, math.nan, 3.0)):
        assert (found.low, found.high, found.p_value) == (-math.inf, math.inf, 1.0)


def test_without_variance_the_bounds_have_no_width() -> None:
    ratio = ratio_for_effects(0.0, 1.0)
    moved, still = always_valid(1.0, 0.0, ratio), always_valid(0.0, 0.0, ratio)
    assert (moved.low, moved.high, moved.p_value) == (1.0, 1.0, 0.0)
    assert (still.low, still.high, still.p_value) == (0.0, 0.0, 1.0)
    assert always_valid(-1.0, 0.0, ratio, bound="above").p_value == 1.0


def test_the_p_value_never_rises() -> None:
    assert over_looks([]) == ()
    assert over_looks([2.0, 0.5, 0.7, 0.1]) == (1.0, 0.5, 0.5, 0.1)


def test_planned_bounds_are_those_of_the_looks() -> None:
    bounds = always_valid_bounds([0.5, 1.0], bound="above", tuned_at=0.5)
    assert bounds[0] == pytest.approx(critical_value(best_ratio(0.05, "above"), 0.05, "above"))
    assert critical_value(1e12) < 8, "at a billion times the tuned size it still says something"


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(DefinitionError, match="alpha 0"):
        critical_value(1.0, 0.0)
    with pytest.raises(DefinitionError, match="no bound"):
        always_valid(0.0, 1.0, 1.0, bound="left")  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="tuned for 0"):
        ratio_for_units(100, 0)
