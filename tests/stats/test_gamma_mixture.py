"""Bounds of sums whose steps are bounded on one side: exact laws, and how bounds stand to each other."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.stats.gamma_mixture import Tail, gamma_bound, gamma_evidence
from steelyard.stats.stitching import stitched_bound

TAILS = get_args(Tail)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("share", [0.5, 0.1, 0.9])
@pytest.mark.parametrize("steps", [1, 2, 7, 40])
def test_evidence_is_at_most_one_on_average_where_nothing_drifts(tail: Tail, share: float, steps: int) -> None:
    """Enumerated over all paths of steps of 0 or 1 less their mean: at most 1 - share above it."""
    expected = 0.0
    for ones in range(steps + 1):
        log_chance = math.log(math.comb(steps, ones)) + ones * math.log(share) + (steps - ones) * math.log1p(-share)
        total, variance = ones - steps * share, steps * share * (1 - share)
        expected += math.exp(log_chance + gamma_evidence(total, variance, 1 - share, 5.0, tail=tail))
    assert 0 < expected <= 1 + 1e-12


@pytest.mark.parametrize("tail", TAILS)
def test_nothing_seen_is_no_evidence(tail: Tail) -> None:
    assert gamma_evidence(0.0, 0.0, 2.0, 50.0, tail=tail) == pytest.approx(0.0, abs=1e-12)


@given(
    variance=st.floats(0.1, 1e4), scale=st.floats(0.01, 10), by=st.floats(0.1, 10), alpha=st.floats(1e-4, 0.3),
    tail=st.sampled_from(TAILS),
)  # fmt: skip
def test_a_bound_is_where_the_evidence_is_and_has_the_scale_of_its_steps(
    variance: float, scale: float, by: float, alpha: float, tail: Tail
) -> None:
    bound = gamma_bound(variance, scale, 100.0, tail=tail, alpha=alpha)
    assert gamma_evidence(bound, variance, scale, 100.0, tail=tail, alpha=alpha) == pytest.approx(-math.log(alpha))
    wider = gamma_bound(variance * by**2, scale * by, 100.0 * by**2, tail=tail, alpha=alpha)
    assert wider == pytest.approx(bound * by, rel=1e-6)


@given(variance=st.floats(1, 1e4), scale=st.floats(0.1, 3))
def test_a_narrower_law_of_steps_has_the_narrower_bound(variance: float, scale: float) -> None:
    poisson, exponential = (gamma_bound(variance, scale, 100.0, tail=tail) for tail in ("poisson", "exponential"))
    assert poisson <= exponential * (1 + 1e-9)
    assert stitched_bound(variance, 1.0) <= stitched_bound(variance, 1.0, scale=scale)


def test_steps_of_a_tiny_scale_have_the_normal_mixture_s_bound() -> None:
    from steelyard.stats.normal_mixture import best_ratio, critical_value

    normal = critical_value(best_ratio(0.05, "above"), 0.05, "above") * 10.0
    for tail in TAILS:
        assert gamma_bound(100.0, 0.02, 100.0, tail=tail) == pytest.approx(normal, rel=2e-3)


@given(variance=st.floats(0, 1e6), more=st.floats(1.01, 100), alpha=st.floats(1e-6, 0.4))
def test_a_stitched_bound_grows_with_the_variance_and_the_certainty(variance: float, more: float, alpha: float) -> None:
    bound = stitched_bound(variance, 10.0, alpha=alpha)
    assert bound <= stitched_bound(max(variance, 10.0) * more, 10.0, alpha=alpha)
    assert bound < stitched_bound(variance, 10.0, alpha=alpha / 2)


@pytest.mark.parametrize(
    "wrong", [{"variance": -1.0}, {"scale": 0.0}, {"tuned_for": 0.0}, {"variance": math.nan}, {"alpha": 0.0}]
)
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DefinitionError):
        gamma_bound(**{"variance": 1.0, "scale": 1.0, "tuned_for": 1.0, **wrong})


@pytest.mark.parametrize("wrong", [{"variance": -1.0}, {"since": 0.0}, {"power": 1.0}, {"step": 1.0}, {"alpha": 1.0}])
def test_stitching_refuses_them_too(wrong: dict[str, float]) -> None:
    with pytest.raises(DefinitionError):
        stitched_bound(**{"variance": 1.0, "since": 1.0, **wrong})
