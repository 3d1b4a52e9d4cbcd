"""What history shows is no news: weekdays of a channel, restless countries, drifting leaves; and old incidents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pytest

from steelyard.metrics.explanation import Cause
from steelyard.metrics.root_cause.cube import cube_of
from steelyard.metrics.root_cause.search import search_cube

F64 = npt.NDArray[np.float64]
SIZES: Mapping[str, int] = {"country": 12, "version": 6, "channel": 6, "payment": 4}
CODES = np.indices(tuple(SIZES.values())).reshape(4, -1).T
LABELS = [tuple(f"{name}{number}" for number in range(size)) for name, size in SIZES.items()]
FIRST = date(2026, 1, 5)
SEEDS = range(4)
WORLDS = {
    "a week against a week": (57, 7, 7),
    "channels with weekdays of their own": (57, 28, 1),
    "restless countries": (57, 28, 1),
    "leaves that drift": (85, 7, 7),
    "months of drifting leaves": (180, 30, 30),
    "no history before the month": (29, 28, 1),
    "two months and no history": (56, 28, 28),
}


def traffic(world: str, seed: int, *, incident: int = 0, old: bool = False) -> F64:
    """Sessions by leaf and day; the incident takes two fifths from one version and channel on the last days."""
    random, days = np.random.default_rng([seed, len(world)]), WORLDS[world][0]
    mean = np.repeat(60 * np.exp(0.8 * random.standard_normal((len(CODES), 1))), days, axis=1)
    mean *= np.array([1, 1, 1, 1, 1.1, 1.3, 1.2])[np.arange(days) % 7]
    if "weekdays" in world:
        mean *= np.exp(0.2 * random.standard_normal((6, 7)))[CODES[:, 2]][:, np.arange(days) % 7]
    if "restless" in world:
        mean *= np.exp(0.1 * random.standard_normal((12, days)))[CODES[:, 0]]
    if "drift" in world:
        state = np.zeros((len(CODES), days))
        for day in range(1, days):
            state[:, day] = 0.9 * state[:, day - 1] + 0.05 * random.standard_normal(len(CODES))
        mean *= np.exp(state)
    mean *= (1 + 0.07 * random.standard_normal(mean.shape)) * (1 + 0.03 * random.standard_normal(days))
    if old:
        mean[CODES[:, 0] == 3, 10] *= 0.3
        mean[CODES[:, 3] == 1, 19] *= 2.0
    if incident:
        mean[(CODES[:, 1] == 2) & (CODES[:, 2] == 1), -incident:] *= 0.6
    return random.poisson(mean).astype(float)


def causes(amounts: F64, before: int, after: int) -> list[Cause]:
    leaf, day = np.divmod(np.arange(amounts.size), amounts.shape[1])
    codes = [CODES[leaf, place] for place in range(4)]
    cube = cube_of(tuple(SIZES), LABELS, codes, day, {"value": amounts.ravel()}, FIRST)
    last = FIRST + timedelta(days=amounts.shape[1] - 1)
    later = (last - timedelta(days=after - 1), last)
    earlier = (later[0] - timedelta(days=before), later[0] - timedelta(days=1))
    divisors = (before, after) if before != after else (1, 1)
    return search_cube(cube, "sessions", (earlier, later), divisors).causes


@pytest.mark.parametrize("world", WORLDS)
def test_what_was_always_so_is_not_reported(world: str) -> None:
    _, before, after = WORLDS[world]
    assert sum(len(causes(traffic(world, seed), before, after)) for seed in SEEDS) == 0


@pytest.mark.parametrize("world", WORLDS)
def test_an_incident_among_it_is_found_alone(world: str) -> None:
    _, before, after = WORLDS[world]
    for seed in SEEDS:
        told = causes(traffic(world, seed, incident=after), before, after)
        assert [dict(cause.segment) for cause in told] == [{"version": "version2", "channel": "channel1"}]
        assert told[0].ratio == pytest.approx(0.6, abs=0.06)


def test_old_incidents_do_not_hide_a_new_one() -> None:
    world = "channels with weekdays of their own"
    for seed in SEEDS:
        told = causes(traffic(world, seed, incident=1, old=True), 28, 1)
        assert {"version": "version2", "channel": "channel1"} in [dict(cause.segment) for cause in told]
