"""On simulated truth: every stopping rule errs at most as often as its level says, whatever is looked at, and when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from tests.coverage.looking import RULES, Look, Path, assert_at_most_alpha, crossed
from tests.coverage.test_clusters import moments_of
from tests.coverage.test_quantiles import sample_of

from steelyard.stats.moments import Moments, merged
from steelyard.studies.experiments import MetricUse
from steelyard.studies.experiments.comparison import compare, compare_within
from steelyard.studies.experiments.look_bounds import LookBounds
from steelyard.studies.experiments.quantile_comparison import compare_quantiles

F64 = npt.NDArray[np.float64]
QUICK, FULL = 40, 1_500
DAYS = 10
ICC = 0.1
SIZES = np.array([1, 2, 4, 8, 16])
MEAN = MetricUse(metric="m", kind="mean", better="up")
Arms = Mapping[str, Moments]


@dataclass(frozen=True)
class World:
    """Data that come in day by day, and units of both arms at the planned end.

    Args:
        draw: Makes one path of looks.
        planned: Units that are planned.
        share: Of the treated arm.
        least: What every rule must err at least, so that a rule that finds nothing is seen.
    """

    draw: Callable[[np.random.Generator], Path]
    planned: int
    share: float = 0.5
    least: float = 0.002


def _look(arms: Arms) -> Look:
    return Look(arms=arms, made=lambda level: compare(MEAN, arms["b"], arms["control"], level))


def _cumulated(days: Sequence[Arms]) -> Iterator[Arms]:
    so_far: dict[str, Moments] = {}
    for day in days:
        so_far = {arm: so_far[arm].merge(moments) if arm in so_far else moments for arm, moments in day.items()}
        yield so_far


def spenders(random: np.random.Generator, per_day: tuple[int, int] = (100, 100), days: int = DAYS) -> Path:
    """Units that come in evenly, with values that are a little skewed."""
    named = dict(zip(("b", "control"), per_day, strict=True))
    drawn = [{arm: Moments.of_rows({"m": random.gamma(4.0, 2.0, n)}) for arm, n in named.items()} for _ in range(days)]
    return [_look(arms) for arms in _cumulated(drawn)]


def _clusters(random: np.random.Generator, sizes: npt.NDArray[np.intp], level: float = 10.0) -> Moments:
    of = np.repeat(np.arange(len(sizes)), sizes)
    own = random.normal(0, math.sqrt(ICC), len(sizes))[of]
    return moments_of(of, {"m": level + own + random.normal(0, math.sqrt(1 - ICC), len(of))})


def new_clusters(random: np.random.Generator, per_day: tuple[int, int]) -> Path:
    """Every day brings clusters of its own, of one to sixteen units."""
    named = dict(zip(("b", "control"), per_day, strict=True))
    drawn = [{arm: _clusters(random, SIZES[random.integers(0, 5, n)]) for arm, n in named.items()} for _ in range(DAYS)]
    return [_look(arms) for arms in _cumulated(drawn)]


def growing_clusters(random: np.random.Generator, clusters: int = 40) -> Path:
    """The same clusters on all days, which bring more and more units: estimates move less than their units say."""
    values, owners = [], []
    for _ in range(2):
        of = np.concatenate([np.repeat(np.arange(clusters), random.integers(1, 4, clusters)) for _ in range(DAYS)])
        own = random.normal(0, math.sqrt(ICC), clusters)[of]
        owners.append(of)
        values.append(10 + own + random.normal(0, math.sqrt(1 - ICC), len(of)))
    path = []
    for day in range(1, DAYS + 1):
        arms = {}
        for arm, of, value in zip(("b", "control"), owners, values, strict=True):
            until = len(of) * day // DAYS
            order = np.argsort(of[:until], kind="stable")
            _, place = np.unique(of[:until][order], return_inverse=True)
            arms[arm] = moments_of(place, {"m": value[:until][order]})
        path.append(_look(arms))
    return path


def _within(strata: Sequence[Arms], splits: Mapping[int, Mapping[str, float]]) -> Look:
    pairs = [(arms["b"], arms["control"]) for arms in strata]
    return Look(
        arms={arm: merged([arms[arm] for arms in strata]) for arm in ("b", "control")},
        made=lambda level: compare_within(MEAN, pairs, level, "stratum"),
        stages=dict(enumerate(strata, start=1)) if splits else {},
        splits=splits,
    )


def _stratum(random: np.random.Generator, place: int, units: int, share: float) -> Arms:
    treated = round(units * share)
    named = {"b": treated, "control": units - treated}
    return {arm: Moments.of_rows({"m": random.normal(10 + 5 * place, 2.0, n)}) for arm, n in named.items()}


def three_strata(random: np.random.Generator) -> Path:
    """Levels far apart, and of each another part of the units is treated."""
    days = [
        _cumulated([_stratum(random, place, 100, share) for _ in range(DAYS)])
        for place, share in enumerate((0.3, 0.5, 0.7))
    ]
    return [_within(strata, {}) for strata in zip(*days, strict=True)]


Stratum = Callable[[np.random.Generator, int, int, float], Arms]


def _stratum_of_clusters(random: np.random.Generator, place: int, clusters: int, share: float) -> Arms:
    treated = round(clusters * share)
    named = {"b": treated, "control": clusters - treated}
    return {arm: _clusters(random, SIZES[random.integers(0, 5, n)], 10.0 + place) for arm, n in named.items()}


def two_stages(
    random: np.random.Generator,
    first: float,
    second: float,
    change: int = DAYS // 2,
    stratum: Stratum = _stratum,
    per_day: int = 400,
) -> Path:
    """One split until the change, and another from then on, at another level."""
    splits = {place: {"b": share, "control": 1 - share} for place, share in ((1, first), (2, second))}
    one = list(_cumulated([stratum(random, 0, per_day, first) for _ in range(change)]))
    two = _cumulated([stratum(random, 1, per_day, second) for _ in range(DAYS - change)])
    return [*(_within([arms], splits) for arms in one), *(_within([one[-1], arms], splits) for arms in two)]


def latencies(random: np.random.Generator, sizes: tuple[int, int], quantile: float) -> Path:
    """Quantiles of all units so far."""
    arms = {arm: random.lognormal(5.0, 0.6, n) for arm, n in zip(("b", "control"), sizes, strict=True)}
    path = []
    for day in range(1, DAYS + 1):
        seen = {arm: values[: len(values) * day // DAYS] for arm, values in arms.items()}
        counted = {arm: Moments.of_rows({"m": values}) for arm, values in seen.items()}
        samples = [sample_of(seen[arm], quantile) for arm in ("b", "control")]
        path.append(Look(arms=counted, made=partial(compare_quantiles, *samples)))
    return path


WORLDS = {
    "one unit in twenty treated": World(partial(spenders, per_day=(40, 760)), 8_000, 0.05),
    "clusters that come in": World(partial(new_clusters, per_day=(40, 40)), 4_960),
    "clusters that come in, one in twenty treated": World(partial(new_clusters, per_day=(40, 760)), 49_600, 0.05),
    "clusters that grow": World(growing_clusters, 1_600, least=0.0),
    "strata": World(three_strata, 3_000),
    "stages that treat more and more": World(partial(two_stages, first=0.05, second=0.5), 4_000),
    "stages that treat less and less": World(partial(two_stages, first=0.5, second=0.05), 4_000),
    "a short stage that treats more": World(partial(two_stages, first=0.5, second=0.05, change=2), 4_000),
    "clusters in stages that treat less and less": World(
        partial(two_stages, first=0.5, second=0.2, stratum=_stratum_of_clusters, per_day=200), 12_400
    ),
    "a median": World(partial(latencies, sizes=(1_000, 1_000), quantile=0.5), 2_000),
    "a far quantile, one unit in twenty treated": World(
        partial(latencies, sizes=(500, 9_500), quantile=0.9), 10_000, 0.05
    ),
}


def check(world: World, times: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    found = crossed((world.draw(random) for _ in range(times)), world.planned, world.share)
    assert_at_most_alpha(found, times, least=world.least if times == FULL else 0.0)


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "clusters that come in, one in twenty treated"])
def test_looking_ten_times_errs_at_most_as_often_as_the_level_says(name: str) -> None:
    check(WORLDS[name], QUICK, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_fifteen_hundred_experiments_looked_at_ten_times_err_at_most_as_often_as_the_level_says(name: str) -> None:
    check(WORLDS[name], FULL, 41)


def _some_left_out(random: np.random.Generator) -> Path:
    """Nobody looked on half of the days."""
    path = spenders(random)
    return [look for look in path[:-1] if random.random() < 0.5] + [path[-1]]


def _ended_early(random: np.random.Generator) -> Path:
    """The last day came with seven tenths of the units, and somebody went on to look."""
    path = spenders(random)
    return [*path[:6], *(replace(look, over=True) for look in path[6:])]


def _late(random: np.random.Generator) -> Path:
    """Looks that come hours or days after they were planned: at any number of units."""
    path = spenders(random, per_day=(20, 20), days=60)
    days = np.sort(random.choice(59, 9, replace=False))
    return [path[day] for day in (*days, 59)]


ORDERS = {
    "looks left out": World(_some_left_out, 2_000),
    "an end before the planned units": World(_ended_early, 2_000),
    "looks past the planned units": World(spenders, 1_300),
    "looks that come late": World(_late, 2_000),
}


@pytest.mark.parametrize("times", [QUICK, pytest.param(FULL, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ORDERS)
def test_looks_that_are_not_as_planned_err_at_most_as_often_as_the_level_says(name: str, times: int) -> None:
    check(ORDERS[name], times, 42)


@pytest.mark.parametrize("rule", ["obrien_fleming", "pocock", "always_valid"])
def test_looks_over_stages_that_were_taken_to_know_as_much_as_their_units_would_err_too_often(rule: str) -> None:
    """Half of the units at one to one, then half at one to nineteen: very many paths of the weighted difference."""
    units = np.arange(1, DAYS + 1) / DAYS
    known = np.where(units <= 0.5, units, 0.5 + (units - 0.5) * 0.25 / (0.05 * 0.95))
    steps = np.random.default_rng(44).normal(size=(200_000, DAYS)) * np.sqrt(np.diff(known, prepend=0.0))
    z = steps.cumsum(axis=1) / np.sqrt(known)

    def errs(information: tuple[float, ...]) -> float:
        bounds = [
            LookBounds.of(
                RULES[rule], tuple(units[:k]), 0.95, last=k == DAYS, over=False, information=information[:k]
            ).success.critical
            for k in range(1, DAYS + 1)
        ]  # fmt: skip
        return float((np.abs(z) >= bounds).any(axis=1).mean())

    right, wrong = errs(tuple(known)), errs(tuple(units))
    if rule == "always_valid":
        assert right < 0.05
        return
    assert right == pytest.approx(0.05, abs=0.0016)
    assert wrong > 0.058


def test_looks_without_a_rule_would_err_far_more_often() -> None:
    """The tests above can fail: the interval of one look, read ten times."""
    random, wrong = np.random.default_rng(43), 0
    for _ in range(200):
        intervals = [look.made(0.95).absolute for look in spenders(random)]
        wrong += any(found is not None and not found.low <= 0 <= found.high for found in intervals)
    assert wrong / 200 > 0.12
