"""On simulated truth: A/A tests reject one time in twenty, 95 % intervals hold the truth 95 times in a hundred."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from steelyard.stats.moments import Moments
from steelyard.studies.experiments import MetricUse
from steelyard.studies.experiments.comparison import compare, compare_within

F64 = npt.NDArray[np.float64]
QUICK, FULL = 400, 2_000
UNITS = 2_000


@dataclass(frozen=True)
class World:
    """A way to draw units, with the metric that reads them.

    Units are drawn in both arms from one law; `lift` is then added to (or multiplied into) the treated arm, so that the
    truth is known exactly.
    """

    use: MetricUse
    draw: Callable[[np.random.Generator, int], dict[str, F64]]
    treat: Callable[[np.random.Generator, dict[str, F64]], None]
    truth: float


def _visits(random: np.random.Generator, n: int) -> tuple[F64, F64, F64]:
    """Sessions with a heavy tail, and orders that depend on the unit's own habit."""
    habit = random.gamma(2.0, 0.5, n)
    sessions = random.poisson(3 * habit).astype(float) + 1
    before = random.poisson(3 * habit).astype(float)
    return habit, sessions, before


def _spend(random: np.random.Generator, n: int) -> dict[str, F64]:
    habit, _, before = _visits(random, n)
    return {"m": random.gamma(2.0, habit + 0.1), "m:before": before}


def _spend_and_visits(random: np.random.Generator, n: int) -> dict[str, F64]:
    """Two covariates that tell different things."""
    habit, _, before = _visits(random, n)
    plan = random.gamma(1.0, 1.0, n)
    return {"m": random.gamma(2.0, habit + 0.1) + plan, "m:before": before, "m:before:2": plan + random.normal(size=n)}


def _converted(random: np.random.Generator, n: int) -> dict[str, F64]:
    return {"m": (random.random(n) < 0.12).astype(float)}


def _converted_before(random: np.random.Generator, n: int) -> dict[str, F64]:
    habit, _, before = _visits(random, n)
    return {"m": (random.random(n) < np.minimum(0.1 * habit, 0.9)).astype(float), "m:before": before}


def _orders(random: np.random.Generator, n: int) -> dict[str, F64]:
    habit, sessions, before = _visits(random, n)
    rate = np.minimum(0.2 + 0.1 * habit, 0.9)
    return {
        "m": random.binomial(sessions.astype(int), rate).astype(float),
        "m:per": sessions,
        "m:before": random.binomial((before + 1).astype(int), rate).astype(float),
        "m:before:per": before + 1,
    }


def _placed(random: np.random.Generator, n: int) -> dict[str, F64]:
    """Orders of a unit: more spread than Poisson's."""
    habit, _, _ = _visits(random, n)
    return {"m": random.poisson(0.5 * habit).astype(float)}


def _orders_too(by: float) -> Callable[[np.random.Generator, dict[str, F64]], None]:
    def treat(random: np.random.Generator, arm: dict[str, F64]) -> None:
        arm["m"] = arm["m"] + random.poisson(by, len(arm["m"]))

    return treat


def _nothing(random: np.random.Generator, arm: dict[str, F64]) -> None:
    """An A/A test."""


def _added(by: float) -> Callable[[np.random.Generator, dict[str, F64]], None]:
    def treat(random: np.random.Generator, arm: dict[str, F64]) -> None:
        arm["m"] = arm["m"] + by

    return treat


def _per_session(by: float) -> Callable[[np.random.Generator, dict[str, F64]], None]:
    def treat(random: np.random.Generator, arm: dict[str, F64]) -> None:
        arm["m"] = arm["m"] + by * arm["m:per"]

    return treat


def _converts_too(by: float) -> Callable[[np.random.Generator, dict[str, F64]], None]:
    """Each unit that did not convert does with a chance that raises the whole share of .12 by `by`."""

    def treat(random: np.random.Generator, arm: dict[str, F64]) -> None:
        arm["m"] = np.maximum(arm["m"], random.random(len(arm["m"])) < by / 0.88)

    return treat


def _without(draw: Callable[[np.random.Generator, int], dict[str, F64]]):  # type: ignore[no-untyped-def]
    return lambda random, n: {name: column for name, column in draw(random, n).items() if "before" not in name}


MEAN, SHARE, RATIO = (MetricUse(metric="m", kind="mean"), MetricUse(metric="m", kind="share"),
                      MetricUse(metric="m", numerator="m", denominator="s"))  # fmt: skip
COUNT = MetricUse(metric="m", kind="count")
TWO = ("before", "before:2")
LIN = MetricUse(metric="m", kind="mean", covariate=TWO, adjustment="lin")
RATIO_LIN = MetricUse(metric="m", numerator="m", denominator="s", covariate="before", adjustment="lin")
WORLDS = {
    "mean": World(MEAN, _without(_spend), _added(0.3), 0.3),
    "mean_cuped": World(MEAN, _spend, _added(0.3), 0.3),
    "share": World(SHARE, _converted, _converts_too(0.05), 0.05),
    "share_cuped": World(SHARE, _converted_before, _nothing, 0.0),
    "ratio": World(RATIO, _without(_orders), _per_session(0.05), 0.05),
    "ratio_cuped": World(RATIO, _orders, _per_session(0.05), 0.05),
    "count": World(COUNT, _placed, _orders_too(0.1), 0.1),
    "mean_two": World(MEAN, _spend_and_visits, _added(0.3), 0.3),
    "mean_lin": World(LIN, _spend_and_visits, _added(0.3), 0.3),
    "ratio_lin": World(RATIO_LIN, _orders, _per_session(0.05), 0.05),
}
SPLITS = {"50_50": 0.5, "5_95": 0.05}


def runs(world: World, share: float, times: int, *, treated: bool, seed: int) -> tuple[float, float, float]:
    """Shares of runs that reject no effect (absolute, relative), and that hold the true effect."""
    random = np.random.default_rng(seed)
    n = round(UNITS * share * (4 if share < 0.5 else 1))
    m = round(UNITS * (1 - share) * (4 if share < 0.5 else 1))
    rejected = relative = held = 0
    for _ in range(times):
        arms = [world.draw(random, size) for size in (n, m)]
        if treated:
            world.treat(random, arms[0])
        t, c = (Moments.of_rows(arm) for arm in arms)
        found = compare(world.use, t, c, 0.95)
        assert found.absolute is not None
        rejected += found.absolute.p_value < 0.05
        relative += found.relative is None or found.relative.p_value < 0.05
        truth = world.truth if treated else 0.0
        held += found.absolute.low <= truth <= found.absolute.high
    return rejected / times, relative / times, held / times


def z_of(share: float, expected: float, times: int) -> float:
    return (share - expected) / math.sqrt(expected * (1 - expected) / times)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", WORLDS)
def test_an_a_a_test_rejects_about_one_time_in_twenty(name: str, split: str) -> None:
    rejected, relative, held = runs(WORLDS[name], SPLITS[split], QUICK, treated=False, seed=20)
    assert abs(z_of(rejected, 0.05, QUICK)) < 3
    assert abs(z_of(relative, 0.05, QUICK)) < 3
    assert abs(z_of(held, 0.95, QUICK)) < 3


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", WORLDS)
def test_two_thousand_a_a_tests_reject_five_in_a_hundred(name: str, split: str) -> None:
    rejected, relative, _ = runs(WORLDS[name], SPLITS[split], FULL, treated=False, seed=21)
    assert abs(z_of(rejected, 0.05, FULL)) < 3
    assert abs(z_of(relative, 0.05, FULL)) < 3


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", WORLDS)
def test_95_percent_intervals_hold_a_true_effect(name: str, split: str) -> None:
    *_, held = runs(WORLDS[name], SPLITS[split], FULL, treated=True, seed=22)
    assert 0.935 <= held <= 0.965


RARE = [(60, 60, 0.03), (300, 100, 0.01), (2_000, 400, 0.004), (60, 1_140, 0.03), (400, 7_600, 0.004)]


def _rare(times: int, n: int, m: int, share: float, seed: int) -> tuple[float, float]:
    """Shares of A/A runs that reject, and whose interval holds 0."""
    random, rejected, held = np.random.default_rng(seed), 0, 0
    for _ in range(times):
        t, c = (Moments.of_rows({"m": (random.random(size) < share).astype(float)}) for size in (n, m))
        found = compare(SHARE, t, c, 0.95)
        assert found.absolute is not None
        assert "Newcombe" not in found.method or share * min(n, m) > 1
        rejected += found.absolute.p_value < 0.05
        held += found.absolute.low <= 0 <= found.absolute.high
    return rejected / times, held / times


@pytest.mark.parametrize("times", [200, pytest.param(2_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("n", "m", "share"), RARE)
def test_rare_shares_reject_no_more_than_the_level_says_and_are_held(n: int, m: int, share: float, times: int) -> None:
    """Counts so small come in steps: an exact test rejects less than its level, and never more."""
    rejected, held = _rare(times, n, m, share, seed=23)
    assert z_of(rejected, 0.05, times) < 3
    assert z_of(held, 0.95, times) > -3


@pytest.mark.parametrize("times", [QUICK, pytest.param(FULL, marks=pytest.mark.slow)])
@pytest.mark.parametrize("use", [MEAN, LIN], ids=["plain", "lin"])
def test_effects_within_strata_are_held_where_the_split_differs_between_them(use: MetricUse, times: int) -> None:
    """Three strata with levels far apart; a tenth, a half and most of their units treated: pooled, this misleads."""
    random, held, relative = np.random.default_rng(24), 0, 0
    for _ in range(times):
        pairs = []
        for place, share in enumerate((0.1, 0.5, 0.8)):
            arms = [_spend_and_visits(random, round(400 * part)) for part in (share, 1 - share)]
            for arm in arms:
                arm["m"] = arm["m"] + 5.0 * place
                if use is MEAN:
                    del arm["m:before"], arm["m:before:2"]
            arms[0]["m"] = arms[0]["m"] + 0.4
            pairs.append((Moments.of_rows(arms[0]), Moments.of_rows(arms[1])))
        found = compare_within(use, pairs, 0.95, "stratum")
        assert found.absolute is not None
        assert found.relative is not None
        held += found.absolute.low <= 0.4 <= found.absolute.high
        relative += found.relative.low <= 0.4 / (MEAN_LEVEL + 5.0) <= found.relative.high
    assert abs(z_of(held / times, 0.95, times)) < 3
    assert abs(z_of(relative / times, 0.95, times)) < 3


@pytest.mark.parametrize("times", [200, pytest.param(FULL, marks=pytest.mark.slow)])
@pytest.mark.parametrize("sizes", [(5, 95), (5, 5)], ids=["5_95", "5_5"])
def test_cuped_in_twenty_small_strata_rejects_about_one_time_in_twenty(sizes: tuple[int, int], times: int) -> None:
    """With coefficients of each stratum's own 24 % and 12 % were rejected; with one for all, 5 % and a little more."""
    random, rejected = np.random.default_rng(26), 0
    for _ in range(times):
        pairs = []
        for place in range(20):
            before = [random.normal(size=n) for n in sizes]
            arms = [{"m": 10.0 + place + 0.8 * x + random.normal(size=len(x)), "m:before": x} for x in before]
            pairs.append((Moments.of_rows(arms[0]), Moments.of_rows(arms[1])))
        found = compare_within(MetricUse(metric="m", kind="mean", covariate="x"), pairs, 0.95, "stratum").absolute
        assert found is not None
        rejected += found.p_value < 0.05
    assert z_of(rejected / times, 0.065, times) < 3


MEAN_LEVEL = 2 * (1.0 + 0.1) + 1.0
"""What `_spend_and_visits` draws on average: a gamma of shape 2 and scale habit + .1, and the plan."""
