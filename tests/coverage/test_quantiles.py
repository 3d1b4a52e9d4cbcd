"""On simulated truth: quantiles over units and over rows of units, at one look and at several."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest

from steelyard.stats.moments import Moments
from steelyard.stats.quantile_difference import QuantileSample
from steelyard.stats.quantile_ranks import QuantileRanks, design_effect_of, quantile_ranks
from steelyard.studies.experiments.look_bounds import LookBounds, at_look
from steelyard.studies.experiments.quantile_comparison import compare_quantiles
from steelyard.studies.experiments.sources import Stopping

F64 = npt.NDArray[np.float64]
QUICK, FULL = 400, 2_000
SPLITS = {"50_50": (1_000, 1_000), "5_95": (400, 7_600)}


@lru_cache(maxsize=4_096)
def ranks_of(n: int, quantile: float) -> QuantileRanks:
    return quantile_ranks(n, quantile)


def sample_of(values: F64, quantile: float, effect: float = 1.0) -> QuantileSample:
    ranks = ranks_of(len(values), quantile) if effect == 1 else quantile_ranks(len(values), quantile, effect=effect)
    ordered = np.sort(values)
    at = (len(values) - 1) * quantile
    low, part = math.floor(at), at - math.floor(at)
    value = ordered[low] + (part * (ordered[low + 1] - ordered[low]) if part else 0.0)
    bounds = [ordered[min(max(rank, 1), len(values)) - 1] for rank in (ranks.low, ranks.high)]
    return QuantileSample(ranks=ranks, value=float(value), low=float(bounds[0]), high=float(bounds[1]))


@dataclass(frozen=True)
class World:
    """A law of units, their quantile, and what the treated arm's values are multiplied by."""

    quantile: float
    draw: Callable[[np.random.Generator, int, float], QuantileSample]
    truth: float


def _latency(quantile: float) -> Callable[[np.random.Generator, int, float], QuantileSample]:
    return lambda random, n, by: sample_of(by * random.lognormal(5.0, 0.6, n), quantile)


def _views(quantile: float) -> Callable[[np.random.Generator, int, float], QuantileSample]:
    """A few views of many visitors, many views of a few, alike within a visitor."""

    def draw(random: np.random.Generator, n: int, by: float) -> QuantileSample:
        count = 1 + random.poisson(random.gamma(0.8, 6.0, n))
        owner = np.repeat(np.arange(n), count)
        values = by * random.lognormal(5.0, 0.4, n)[owner] * random.lognormal(0.0, 0.3, len(owner))
        at = np.partition(values, round((len(values) - 1) * quantile))[round((len(values) - 1) * quantile)]
        below = np.bincount(owner, values <= at, n)
        effect = design_effect_of(Moments.of_rows({"b": below, "n": count.astype(float)}), "b", "n")
        return sample_of(values, quantile, effect)

    return draw


def _at(quantile: float, scale: float) -> float:
    from scipy.special import ndtri

    return math.exp(5.0 + scale * float(ndtri(quantile)))


WORLDS = {
    "units_p50": World(0.5, _latency(0.5), _at(0.5, 0.6)),
    "units_p90": World(0.9, _latency(0.9), _at(0.9, 0.6)),
    "units_p98": World(0.98, _latency(0.98), _at(0.98, 0.6)),
    "rows_p50": World(0.5, _views(0.5), _at(0.5, 0.5)),
    "rows_p90": World(0.9, _views(0.9), _at(0.9, 0.5)),
}
LIFT = 1.1


def runs(world: World, sizes: tuple[int, int], times: int, lift: float, seed: int) -> tuple[float, float, float, float]:
    """Shares of runs that reject no effect (absolute, relative), and that hold the true one (absolute, relative)."""
    random = np.random.default_rng(seed)
    counts = np.zeros(4)
    for _ in range(times):
        treated, control = world.draw(random, sizes[0], lift), world.draw(random, sizes[1], 1.0)
        found = compare_quantiles(treated, control, 0.95)
        assert found.absolute is not None
        assert found.relative is not None
        truth = world.truth * (lift - 1)
        counts += (
            found.absolute.p_value < 0.05,
            found.relative.p_value < 0.05,
            found.absolute.low <= truth <= found.absolute.high,
            found.relative.low <= lift - 1 <= found.relative.high,
        )
    return tuple(float(share) for share in counts / times)  # type: ignore[return-value]


def z_of(share: float, times: int, expected: float = 0.05) -> float:
    return (share - expected) / math.sqrt(expected * (1 - expected) / times)


@pytest.mark.parametrize("name", ["units_p90", "rows_p50"])
def test_an_a_a_test_of_a_quantile_rejects_about_one_time_in_twenty(name: str) -> None:
    absolute, relative, *_ = runs(WORLDS[name], (500, 500), QUICK, 1.0, 30)
    assert abs(z_of(absolute, QUICK)) < 3
    assert abs(z_of(relative, QUICK)) < 3


FAR = "units_p98"
"""Eight to twenty values lie beyond it: the chord over its ranks is longer than the density at it says."""


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", sorted(WORLDS.keys() - {FAR}))
def test_two_thousand_a_a_tests_of_a_quantile_reject_five_in_a_hundred(name: str, split: str) -> None:
    absolute, relative, *_ = runs(WORLDS[name], SPLITS[split], FULL, 1.0, 31)
    assert abs(z_of(absolute, FULL)) < 3
    assert abs(z_of(relative, FULL)) < 3


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_a_quantile_far_out_errs_on_the_safe_side(split: str) -> None:
    absolute, relative, *_ = runs(WORLDS[FAR], SPLITS[split], FULL, 1.0, 31)
    assert 0.02 < absolute < 0.05
    assert 0.02 < relative < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", sorted(WORLDS.keys() - {FAR}))
def test_95_percent_intervals_hold_a_true_effect_on_a_quantile(name: str, split: str) -> None:
    *_, absolute, relative = runs(WORLDS[name], SPLITS[split], FULL, LIFT, 32)
    assert 0.935 <= absolute <= 0.965
    assert 0.935 <= relative <= 0.965


def crossed(rule: str, looks: int, times: int, seed: int) -> float:
    """How often a quantile without an effect crosses a bound at any look, on either side."""
    random, rules, hits = np.random.default_rng(seed), Stopping(success=rule, harm=rule), 0
    planned = 2_000
    for _ in range(times):
        arms = [random.lognormal(5.0, 0.6, planned // 2) for _ in range(2)]
        fractions: tuple[float, ...] = ()
        for look in range(1, looks + 1):
            fractions = (*fractions, look / looks)
            seen = round(planned // 2 * look / looks)
            samples = [sample_of(arm[:seen], 0.9) for arm in arms]
            bounds = LookBounds.of(rules, fractions, 0.95, last=look == looks, over=False)
            made = at_look(bounds, lambda level, s=samples: compare_quantiles(s[0], s[1], level), 0.95, 1, tested=False)  # type: ignore[misc]
            assert made.absolute is not None
            if not made.absolute.low <= 0 <= made.absolute.high:
                hits += 1
                break
    return hits / times


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["obrien_fleming", "pocock", "always_valid"])
def test_looking_ten_times_at_a_quantile_errs_no_more_than_its_alpha(rule: str) -> None:
    found = crossed(rule, 10, FULL, 33)
    assert z_of(found, FULL) < 3
    assert found > 0.005
