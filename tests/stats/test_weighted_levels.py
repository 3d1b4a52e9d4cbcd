"""Levels over strata: compared within them and never between, whatever the mixture."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.stats.heterogeneity import heterogeneity
from steelyard.stats.sample import Sample
from steelyard.stats.two_levels import TwoLevels, weighted_levels
from steelyard.stats.welch import welch

Strata = Sequence[tuple[Sample, Sample]]

# Crook, Frasca, Kohavi and Longbotham (2009), table 1: a ramp from 1 % on Friday to 50 % on Saturday.
# Converted and visitors, control first.
CROOK = [((20_000, 990_000), (230, 10_000)), ((5_000, 500_000), (6_000, 500_000))]


def share(converted: int, visitors: int) -> Sample:
    """A share as a sample, its variance with the divisor n as the closed forms have it."""
    p = converted / visitors
    return Sample(n=visitors, mean=p, variance=p * (1 - p))


def crook() -> list[tuple[Sample, Sample]]:
    return [(share(*treated), share(*control)) for control, treated in CROOK]


def _harmonic(t: Sample, c: Sample) -> float:
    return t.n * c.n / (t.n + c.n)


WEIGHTS: dict[str, Callable[[Sample, Sample], float]] = {
    "population": lambda t, c: t.n + c.n,
    "inverse_variance": lambda t, c: 1 / (t.squared_error + c.squared_error),
    "mantel_haenszel": _harmonic,
}


def over(strata: Strata, weights: str = "population") -> TwoLevels:
    raw = [WEIGHTS[weights](*pair) for pair in strata]
    return weighted_levels([TwoLevels.of_samples(*pair) for pair in strata], [item / sum(raw) for item in raw])


@pytest.mark.parametrize("weights", WEIGHTS)
def test_crook_s_ramp_reverses_when_it_is_pooled_and_not_when_it_is_stratified(weights: str) -> None:
    pooled = [sum(day[arm][0] for day in CROOK) / sum(day[arm][1] for day in CROOK) for arm in (1, 0)]
    assert pooled[0] < pooled[1], "1.20 % against 1.68 %"
    assert [round(rate, 4) for rate in pooled] == [0.0122, 0.0168]
    found = over(crook(), weights).difference()
    assert found.value > 0
    assert found.low > 0


def test_all_three_weights_are_those_of_the_closed_forms(shared: Path) -> None:
    """statsmodels' Mantel-Haenszel, and closed forms of the others, kept with the project's references."""
    stored = json.loads((shared / "reference" / "experiments" / "reference.json").read_text())
    value = stored["peer_values"]["ramp.simpson.kohavi"]["value"]
    expected: dict[str, tuple[float, float | None]] = {
        "population": (value["poststratified_diff_population_weights"], value["poststratified_se"]),
        "inverse_variance": (value["inverse_variance_diff"], value["inverse_variance_se"]),
        "mantel_haenszel": (value["mantel_haenszel_risk_difference"], None),
    }
    for weights, (difference, error) in expected.items():
        found = over(crook(), weights).difference()
        assert found.value == pytest.approx(difference, rel=1e-9)
        if error is not None:
            assert found.std_error == pytest.approx(error, rel=1e-9)


def test_one_stratum_is_welch_s_test() -> None:
    pair = Sample(n=20, mean=1.0, variance=4.0), Sample(n=30, mean=0.0, variance=9.0)
    found, expected = over([pair]).difference(), welch(*pair)
    for name in ("value", "std_error", "low", "high", "p_value", "df"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-12)


def test_a_relative_effect_is_that_of_the_weighted_means() -> None:
    lift = over(crook()).relative()
    assert lift is not None
    sizes = [control[1] + treated[1] for control, treated in CROOK]
    levels = [
        sum(n * day[arm][0] / day[arm][1] for n, day in zip(sizes, CROOK, strict=True)) / sum(sizes) for arm in (1, 0)
    ]
    assert lift.value == pytest.approx(levels[0] / levels[1] - 1, rel=1e-12)


@given(
    st.lists(
        st.tuples(st.integers(2, 50), st.integers(2, 50), st.floats(-100, 100), st.floats(0.1, 9), st.floats(-9, 9)),
        min_size=1,
        max_size=6,
    ),
    st.floats(-5, 5),
    st.sampled_from(sorted(WEIGHTS)),
)
def test_a_constant_effect_is_found_whatever_the_strata_s_levels_and_origins(
    strata: list[tuple[int, int, float, float, float]], effect: float, weights: str
) -> None:
    pairs = [
        (
            Sample(n=t, mean=level + effect - origin, variance=v, origin=origin),
            Sample(n=c, mean=level - origin, variance=v, origin=origin),
        )
        for t, c, level, v, origin in strata
    ]
    found = over(pairs, weights)
    assert found.difference().value == pytest.approx(effect, abs=1e-9)
    raw = [WEIGHTS[weights](*pair) for pair in pairs]
    control = sum(w * level for w, (_, _, level, _, _) in zip(raw, strata, strict=True)) / sum(raw)
    assert found.levels[1] == pytest.approx(control, abs=1e-9)
    gaps = [TwoLevels.of_samples(*pair).difference() for pair in pairs]
    alike = heterogeneity([gap.value for gap in gaps], [gap.std_error for gap in gaps])
    assert alike.statistic == pytest.approx(0.0, abs=1e-9)
    assert over([(c, t) for t, c in pairs], weights).difference().value == pytest.approx(-effect, abs=1e-9)


def test_effects_that_differ_are_told() -> None:
    """Cochran's Q by hand: two differences of 0 and 4, each with variance 2: (0 - 2)**2 / 2 + (4 - 2)**2 / 2 = 4."""
    one, more = Sample(n=100, mean=0.0, variance=100.0), Sample(n=100, mean=4.0, variance=100.0)
    gaps = [TwoLevels.of_samples(*pair).difference() for pair in ((one, one), (more, one))]
    found = heterogeneity([gap.value for gap in gaps], [gap.std_error for gap in gaps])
    assert found.statistic == pytest.approx(4.0)
    assert found.p_value == pytest.approx(math.erfc(math.sqrt(4.0 / 2)))


def test_intervals_of_a_ramp_with_changing_splits_cover_the_truth() -> None:
    """Two stages of different levels and splits: the pooled difference is far off, the stratified covers 95 %."""
    random = np.random.default_rng(11)
    covered, pooled = 0, []
    for _ in range(1_000):
        strata, arms = [], ([], [])
        for level, sizes in ((10.0, (20, 180)), (6.0, (90, 60))):
            values = [random.normal(level + 0.5 * (arm == 0), 2.0, size) for arm, size in enumerate(sizes)]
            strata.append(tuple(Sample(n=len(v), mean=v.mean(), variance=v.var(ddof=1)) for v in values))
            for arm, column in enumerate(values):
                arms[arm].extend(column)
        found = over(strata).difference()
        covered += found.low <= 0.5 <= found.high
        pooled.append(np.mean(arms[0]) - np.mean(arms[1]))
    assert abs(covered - 950) <= 3 * math.sqrt(1_000 * 0.95 * 0.05)
    assert np.mean(pooled) < -1.5
