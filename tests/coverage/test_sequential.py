"""On simulated truth: looking daily under each sequential rule errs at most as often as its level says.

Paths of z are drawn from real rows where a rule estimates its error as it goes, and from normal increments where not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from steelyard.stats.always_valid import always_valid_bounds
from steelyard.stats.boundaries import boundaries
from steelyard.stats.cluster_robust import cluster_difference
from steelyard.stats.quantile_difference import QuantileSample, quantile_difference
from steelyard.stats.quantile_ranks import design_effect, quantile_ranks
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.stats.shares_sequence import shares_evidence
from steelyard.stats.spending import Spending

F64 = npt.NDArray[np.float64]
DAYS, PER_DAY, TRIALS = 14, 200, 4_000
FRACTIONS = [day / DAYS for day in range(1, DAYS + 1)]
ALPHA = 0.05


def _within(count: int, chance: float, trials: int, reach: float = 3.0) -> bool:
    return abs(count - trials * chance) <= reach * math.sqrt(trials * chance * (1 - chance))


def _daily_z(random: np.random.Generator, draw: Callable[[np.random.Generator, tuple[int, int]], F64]) -> F64:
    """z of each day's look at all units so far, shape (TRIALS, DAYS): no effect, errors estimated from the rows."""
    found = np.empty((TRIALS, DAYS))
    for start in range(0, TRIALS, 500):
        sums, squares = [], []
        for _ in range(2):
            values = draw(random, (500, DAYS * PER_DAY)).reshape(500, DAYS, PER_DAY)
            sums.append(values.sum(axis=2).cumsum(axis=1))
            squares.append((values**2).sum(axis=2).cumsum(axis=1))
        n = np.arange(1, DAYS + 1) * PER_DAY
        means = [s / n for s in sums]
        errors = [(q - n * m**2) / (n - 1) / n for q, m in zip(squares, means, strict=True)]
        found[start : start + 500] = (means[1] - means[0]) / np.sqrt(errors[0] + errors[1])
    return found


LAWS: dict[str, Callable[[np.random.Generator, tuple[int, int]], F64]] = {
    "normal": lambda random, shape: random.normal(5, 2, shape),
    "share of 5 %": lambda random, shape: (random.random(shape) < 0.05).astype(float),
    "skewed spend": lambda random, shape: random.gamma(0.5, 10, shape),
}


@pytest.fixture(scope="module", params=list(LAWS))
def daily(request: pytest.FixtureRequest) -> F64:
    return _daily_z(np.random.default_rng(17), LAWS[request.param])


@pytest.mark.parametrize("kind", ["obrien_fleming", "pocock"])
def test_looking_daily_with_spending_rejects_one_true_null_in_twenty(kind: str, daily: F64) -> None:
    upper = np.array(boundaries(FRACTIONS, Spending(kind=kind)).upper)  # type: ignore[arg-type]
    assert _within(int((np.abs(daily) >= upper).any(axis=1).sum()), ALPHA, TRIALS)


@pytest.mark.parametrize("shape", [1.0, 2.0, 3.0])
def test_looking_daily_with_the_power_family_rejects_one_true_null_in_twenty(shape: float, daily: F64) -> None:
    upper = np.array(boundaries(FRACTIONS, Spending(kind="kim_demets", shape=shape)).upper)
    assert _within(int((np.abs(daily) >= upper).any(axis=1).sum()), ALPHA, TRIALS)


def test_uneven_and_fewer_looks_than_planned_reject_no_more(daily: F64) -> None:
    days = [2, 3, 9]
    plan = boundaries([FRACTIONS[day] for day in days], Spending(kind="pocock"), last=True)
    crossed = (np.abs(daily[:, days]) >= np.array(plan.upper)).any(axis=1)
    assert _within(int(crossed.sum()), ALPHA, TRIALS)


@pytest.mark.parametrize("tuned_at", [0.1, 1.0, 2.0])
def test_always_valid_bounds_reject_fewer_than_one_true_null_in_twenty(tuned_at: float, daily: F64) -> None:
    """Wherever they are narrowest, as planned units or the spread of past effects (the mixture SPRT) may put it."""
    both = np.array(always_valid_bounds(FRACTIONS, tuned_at=tuned_at))
    above = np.array(always_valid_bounds(FRACTIONS, tuned_at=tuned_at, bound="above"))
    limit = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / TRIALS)
    assert 0 < (np.abs(daily) >= both).any(axis=1).mean() < limit
    assert 0 < (daily >= above).any(axis=1).mean() < limit


def test_the_hybrid_errs_on_each_side_as_its_own_rule_says(daily: F64) -> None:
    """Harm by Pocock-type spending of 5 %, success by O'Brien-Fleming-type spending of 2.5 %, each one-sided."""
    harm = np.array(boundaries(FRACTIONS, Spending(kind="pocock"), alpha=0.05, sides=1).upper)
    success = np.array(boundaries(FRACTIONS, Spending(kind="obrien_fleming"), alpha=0.025, sides=1).upper)
    assert _within(int((daily <= -harm).any(axis=1).sum()), 0.05, TRIALS, reach=3.5)
    assert _within(int((daily >= success).any(axis=1).sum()), 0.025, TRIALS, reach=3.5)


def test_looking_daily_at_1_96_would_reject_one_in_five(daily: F64) -> None:
    """The tests above can fail: without a rule they do."""
    assert (np.abs(daily) >= 1.96).any(axis=1).mean() > 0.19


@pytest.mark.slow
@pytest.mark.parametrize(("share", "units"), [(0.001, 20_000), (0.005, 2_000)])
def test_rare_shares_watched_forty_times_in_uneven_arms_need_exact_bounds(share: float, units: int) -> None:
    """One unit in ten is treated, and one or two of the treated have it at the end.

    The sequence of large samples errs on the upper side more often than it may; the exact one does not.
    """
    random, trials, looks = np.random.default_rng(43), 1_500, 40
    n = np.outer([0.1, 0.9], np.arange(1, looks + 1)) * units / looks
    steps = np.diff(n, axis=1, prepend=0).astype(int)
    seen = random.binomial(steps[:, None, :], share, (2, trials, looks)).cumsum(axis=2)
    pooled = seen.sum(axis=0) / n.sum(axis=0)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n).sum(axis=0))
    z = np.divide(seen[0] / n[0] - seen[1] / n[1], error, out=np.zeros_like(error), where=error > 0)
    above = np.array(always_valid_bounds(n.sum(axis=0) / units, level=0.975, bound="above"))
    large = (z >= above).any(axis=1).mean()
    exact = 0
    for one, other in zip(*seen, strict=True):
        exact += any(
            shares_evidence(int(one[k]), round(n[0, k]), int(other[k]), round(n[1, k]), (units / 10, units * 0.9))
            >= math.log(20)
            for k in range(looks)
        )
    assert large > 0.025
    assert exact / trials <= ALPHA


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.95, 0.05), (0.4, 0.3, 0.3)])
def test_the_split_watched_daily_alarms_no_more_than_it_may(shares: tuple[float, ...]) -> None:
    random, trials, alarms = np.random.default_rng(23), 1_500, 0
    for _ in range(trials):
        counts = random.multinomial(500, shares, size=30).cumsum(axis=0)
        alarms += any(sequential_ratio([list(map(int, row))], [shares]).p_value <= ALPHA for row in counts[::3])
    assert alarms / trials <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / trials)


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
def test_quantile_intervals_hold_the_truth(quantile: float) -> None:
    """Of each arm, and of the difference of two: 95 %, up to two points for the estimated density.

    Far out, where an arm has some ten values beyond the quantile, the error is held to the safe side.
    """
    random, trials, held, alone = np.random.default_rng(31), 2_000, 0, 0
    truth = math.exp(float(np.sqrt(2)) * _erfinv(2 * quantile - 1))
    for _ in range(trials):
        arms = []
        for n in (1_200, 900):
            values = np.exp(random.normal(size=n))
            ranks = quantile_ranks(n, quantile)
            low, value, high = np.quantile(values, ranks.levels)
            arms.append(QuantileSample(ranks=ranks, value=value, low=low, high=high))
        alone += arms[0].interval[0] <= truth <= arms[0].interval[1]
        found = quantile_difference(arms[0], arms[1])
        assert found is not None
        held += found.low <= 0 <= found.high
    assert alone / trials > 0.95 - 3 * math.sqrt(0.05 * 0.95 / trials)
    assert 0.935 < held / trials < (0.975 if quantile < 0.99 else 0.99)


def _erfinv(x: float) -> float:
    from scipy.special import erfinv

    return float(erfinv(x))


def test_a_quantile_of_clustered_events_needs_the_design_effect() -> None:
    random, trials = np.random.default_rng(37), 1_000
    held = {"as if independent": 0, "with the design effect": 0}
    for _ in range(trials):
        sizes = random.poisson(6, 300) + 1
        member = np.repeat(np.arange(300), sizes)
        values = random.normal(size=300)[member] + random.normal(size=sizes.sum())
        middle = np.quantile(values, 0.75)
        effect = design_effect(list(np.bincount(member, values <= middle)), list(sizes.astype(float)))
        for name, by in (("as if independent", 1.0), ("with the design effect", effect)):
            ranks = quantile_ranks(len(values), 0.75, effect=by)
            low, _, high = np.quantile(values, ranks.levels)
            held[name] += low <= 0.9538725524 <= high  # the upper quartile of a normal of variance 2
    assert 0.935 < held["with the design effect"] / trials < 0.965
    assert held["as if independent"] / trials < 0.8


def test_few_uneven_clusters_are_judged_near_the_level_by_cr2_alone() -> None:
    """12 and 8 clusters of very different sizes: CR2 is near its level, CR0 is far from it."""
    random, trials = np.random.default_rng(41), 3_000
    rejected = {"CR0": 0, "CR2": 0}
    for _ in range(trials):
        arms = []
        for clusters in (12, 8):
            sizes = random.geometric(0.05, clusters).astype(float)
            sums = sizes * random.normal(size=clusters) + np.sqrt(sizes) * random.normal(size=clusters)
            arms.append((sizes, sums))
        for kind in rejected:
            rejected[kind] += cluster_difference(arms[0], arms[1], kind=kind).p_value < ALPHA  # type: ignore[arg-type]
    assert rejected["CR2"] / trials < 0.08
    assert rejected["CR0"] / trials > 0.09
