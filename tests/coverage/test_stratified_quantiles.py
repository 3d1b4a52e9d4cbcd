"""On simulated truth: quantiles over a ramp whose stages had splits of their own, beside what pooling would say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

from steelyard.stats.quantile_difference import QuantileSample
from steelyard.stats.quantile_ranks import QuantileRanks, quantile_ranks
from steelyard.stats.stratified_quantile import StratumCounts, quantile_levels
from steelyard.studies.experiments.look_bounds import LookBounds, at_look
from steelyard.studies.experiments.quantile_comparison import compare_quantiles
from steelyard.studies.experiments.sources import Stopping

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
QUICK, FULL = 400, 2_000
STAGE = 4_000
"""Units of each of two stages: the first gives one in twenty to the treated arm, the second a half."""
SPREAD = 0.6
LIFT = 1.1


@dataclass(frozen=True)
class Ramp:
    """A ramp of two stages; units have one value each, or a few rows that are alike.

    Args:
        quantile: Which quantile.
        slower: How many times slower units of the first stage are.
        rows: Rows of a unit, in the mean; 0 is one value a unit.
    """

    quantile: float
    slower: float
    rows: float = 0.0

    def drawn(self, random: np.random.Generator, n: int, lift: float) -> tuple[I64, npt.NDArray[np.bool_], I64, F64]:
        """Stage and arm of each unit, the unit of each value, and the values."""
        stage = np.repeat((0, 1), n)
        treated = random.random(2 * n) < np.where(stage == 0, 0.05, 0.5)
        count = random.poisson(self.rows * random.gamma(2.0, 0.5, 2 * n)) if self.rows else np.ones(2 * n, np.int64)
        owner = np.repeat(np.arange(2 * n), count)
        values = random.lognormal(5.0, SPREAD, 2 * n) * np.where(treated, lift, 1.0) * self.slower ** (1 - stage)
        inner = random.lognormal(0.0, 0.3, len(owner)) if self.rows else np.ones(len(owner))
        return stage, treated, owner, values[owner] * inner

    def truth(self) -> float:
        """The quantile of the population, of whom half came in with either stage."""
        spread = math.hypot(SPREAD, 0.3) if self.rows else SPREAD

        def left(log: float) -> float:
            parts = [ndtr((log - 5.0 - shift) / spread) for shift in (0.0, math.log(self.slower))]
            return float(np.mean(parts)) - self.quantile

        return math.exp(float(brentq(left, 0.0, 12.0)))


def sample_of(values: F64, owner: I64, stage: I64, units: I64, weights: F64, quantile: float) -> QuantileSample | None:
    """An arm's quantile with the strata's weights; `units` are the arm's of each stage."""
    order = np.argsort(values)
    ordered, weight = values[order], (weights / units)[stage[owner[order]]]
    upto = np.cumsum(weight) / weight.sum()

    def at(level: float) -> int:
        return min(int(np.searchsorted(upto, level - 1e-12)), len(ordered) - 1)

    below = values <= ordered[at(quantile)]
    size, under = (np.bincount(owner[kept], minlength=len(stage)) for kept in (np.ones_like(below), below))
    sums = [
        [int(x) for x in np.bincount(stage, made, 2)]
        for made in (size, size * size, under, under * under, size * under)
    ]
    strata = [
        StratumCounts(weight=float(weights[s]), units=int(units[s]), sizes=sums[0][s], sizes_squared=sums[1][s],
                      below=sums[2][s], below_squared=sums[3][s], product=sums[4][s])
        for s in (0, 1)
    ]  # fmt: skip
    levels = quantile_levels(strata, quantile)
    if levels is None:
        return None
    low, high = at(levels.low), at(levels.high)
    between = weight[low + 1 : high + 1]
    ranks = replace(levels, between=float(between.sum() ** 2 / (between**2).sum()) if len(between) else 1.0)
    return QuantileSample(
        ranks=ranks, value=float(ordered[at(quantile)]), low=float(ordered[low]), high=float(ordered[high])
    )


@lru_cache(maxsize=4_096)
def plain_ranks(n: int, quantile: float) -> QuantileRanks:
    return quantile_ranks(n, quantile)


def pooled(values: F64, quantile: float) -> QuantileSample:
    ranks, ordered = plain_ranks(len(values), quantile), np.sort(values)
    low, high = (float(ordered[min(max(rank, 1), len(values)) - 1]) for rank in (ranks.low, ranks.high))
    return QuantileSample(ranks=ranks, value=float(np.quantile(values, quantile)), low=low, high=high)


def arms_of(
    ramp: Ramp, stage: I64, treated: npt.NDArray[np.bool_], owner: I64, values: F64
) -> tuple[QuantileSample | None, QuantileSample | None]:
    weights = np.bincount(stage, minlength=2).astype(float)

    def one(arm: npt.NDArray[np.bool_]) -> QuantileSample | None:
        kept, units = arm[owner], np.bincount(stage[arm], minlength=2)
        return sample_of(values[kept], owner[kept], stage, units, weights, ramp.quantile)

    return one(treated), one(~treated)


def runs(ramp: Ramp, times: int, lift: float, seed: int, n: int = STAGE) -> dict[str, float]:
    """How often no effect is rejected (on either scale, and pooled), and how often the true one is held."""
    random, truth = np.random.default_rng(seed), ramp.truth() * (lift - 1)
    counts = dict.fromkeys(("absolute", "relative", "pooled", "held", "held_relative"), 0)
    for _ in range(times):
        stage, treated, owner, values = ramp.drawn(random, n, lift)
        found = compare_quantiles(*arms_of(ramp, stage, treated, owner, values), 0.95, "stage")
        kept = treated[owner]
        naive = compare_quantiles(pooled(values[kept], ramp.quantile), pooled(values[~kept], ramp.quantile), 0.95)
        assert found.absolute is not None
        assert found.relative is not None
        assert naive.absolute is not None
        counts["absolute"] += found.absolute.p_value < 0.05
        counts["relative"] += found.relative.p_value < 0.05
        counts["pooled"] += naive.absolute.p_value < 0.05
        counts["held"] += found.absolute.low <= truth <= found.absolute.high
        counts["held_relative"] += found.relative.low <= lift - 1 <= found.relative.high
    return {name: count / times for name, count in counts.items()}


def z_of(share: float, times: int) -> float:
    return (share - 0.05) / math.sqrt(0.05 * 0.95 / times)


RAMPS = {
    "units_p50": Ramp(0.5, 1.5),
    "units_p50_strong": Ramp(0.5, 3.0),
    "units_p90": Ramp(0.9, 1.5),
    "rows_p50": Ramp(0.5, 1.5, rows=3.0),
    "rows_p90": Ramp(0.9, 1.5, rows=3.0),
}


def test_an_a_a_test_over_a_ramp_rejects_about_one_time_in_twenty_and_pooled_nearly_always() -> None:
    found = runs(RAMPS["units_p50"], QUICK, 1.0, 40)
    assert abs(z_of(found["absolute"], QUICK)) < 3
    assert abs(z_of(found["relative"], QUICK)) < 3
    assert found["pooled"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", RAMPS)
def test_two_thousand_a_a_tests_over_a_ramp_reject_five_in_a_hundred(name: str) -> None:
    found = runs(RAMPS[name], FULL, 1.0, 41)
    assert abs(z_of(found["absolute"], FULL)) < 3
    assert abs(z_of(found["relative"], FULL)) < 3
    assert found["pooled"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", RAMPS)
def test_95_percent_intervals_over_a_ramp_hold_a_true_effect(name: str) -> None:
    found = runs(RAMPS[name], FULL, LIFT, 42)
    assert 0.935 <= found["held"] <= 0.97
    assert 0.935 <= found["held_relative"] <= 0.97


@pytest.mark.slow
def test_few_units_of_an_arm_in_a_stage_err_on_the_safe_side() -> None:
    """Fifty treated units carry the first stage, and half of the weight."""
    found = runs(RAMPS["units_p90"], FULL, 1.0, 43, n=1_000)
    assert 0.01 < found["absolute"] < 0.06
    assert 0.01 < found["relative"] < 0.06


def crossed(rule: str, looks: int, times: int, seed: int) -> float:
    """How often a median without an effect crosses a bound at any look, on either side, of a ramp of equal stages."""
    ramp, random, rules, hits = RAMPS["units_p50"], np.random.default_rng(seed), Stopping(success=rule, harm=rule), 0
    for _ in range(times):
        stage, treated, _, values = ramp.drawn(random, STAGE, 1.0)
        fractions: tuple[float, ...] = ()
        information: tuple[float, ...] = ()
        for look in range(1, looks + 1):
            fractions = (*fractions, look / looks)
            seen = round(2 * STAGE * look / looks)
            in_first = min(seen, STAGE)
            known = in_first * (1 / 0.05 + 1 / 0.95) / (1 / 0.5 + 1 / 0.5) + seen - in_first
            information = (*information, known / (2 * STAGE))
            arms = _arms_at(ramp, stage[:seen], treated[:seen], values[:seen])
            bounds = LookBounds.of(rules, fractions, 0.95, last=look == looks, over=False, information=information)
            made = at_look(bounds, lambda level, a=arms: compare_quantiles(a[0], a[1], level), 0.95, 1, tested=False)  # type: ignore[misc]
            assert made.absolute is not None
            if not made.absolute.low <= 0 <= made.absolute.high:
                hits += 1
                break
    return hits / times


def _arms_at(
    ramp: Ramp, stage: I64, treated: npt.NDArray[np.bool_], values: F64
) -> tuple[QuantileSample | None, QuantileSample | None]:
    """As the study has them: without weights as long as there is one stage."""
    if stage[-1] == 0:
        return pooled(values[treated], ramp.quantile), pooled(values[~treated], ramp.quantile)
    return arms_of(ramp, stage, treated, np.arange(len(values)), values)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["obrien_fleming", "pocock", "always_valid"])
def test_looking_ten_times_over_a_ramp_errs_no_more_than_its_alpha(rule: str) -> None:
    found = crossed(rule, 10, FULL, 44)
    assert z_of(found, FULL) < 3
    assert found > 0.001
