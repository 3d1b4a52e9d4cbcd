"""Injected incidents are found, and quiet days stay quiet: F1, and false causes a day. Never weakened.

A hit overlaps a true segment with a volume-weighted Jaccard index of 0.95 or more, as the peers were scored. The seeds
are not those that anything was chosen by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from steelyard.metrics.root_cause.search import MIX_SHARED
from steelyard.simulate.leaf_cube import LeafCube, leaf_cube
from steelyard.stats.contrast import Contrast
from steelyard.stats.lattice import Lattice
from steelyard.stats.noise import noise_of
from steelyard.stats.root_cause import SegmentSearch, find_segments

F64 = npt.NDArray[np.float64]
TEN = range(10)


def against_weekdays(amounts: npt.NDArray[np.int64]) -> tuple[F64, F64]:
    """Each day from the fifth week on, and the sum of the same weekday in the four weeks before it."""
    days = range(28, amounts.shape[1])
    after = np.stack([amounts[:, day] for day in days], axis=1).astype(float)
    before = np.stack([amounts[:, [day - 7 * week for week in (1, 2, 3, 4)]].sum(axis=1) for day in days], axis=1)
    return after, before.astype(float)


def searched(
    cube: LeafCube, amount: npt.NDArray[np.int64], over: npt.NDArray[np.int64] | None = None, *, mix: bool = False
) -> SegmentSearch:
    after, before = against_weekdays(amount)
    sizes = (np.ones_like(after), np.full_like(before, 4.0)) if over is None else against_weekdays(over)
    every = Contrast.of((after, sizes[0]), (before, sizes[1]))
    past = Contrast(seen=every.seen[:, :-1], expected=every.expected[:, :-1], weight=every.weight[:, :-1])
    noise = noise_of(past, least=1.0 if over is None else 0.5)
    if mix:
        noise = replace(noise, shared=max(noise.shared, MIX_SHARED))
    return find_segments(Lattice(cube.codes), every.window(-1), noise, replays=past, whole=not mix)


def score(cube: LeafCube, search: SegmentSearch, kind: str) -> float:
    lattice = Lattice(cube.codes)
    return cube.f1([lattice.members(item.number) for item in search.found], kind)


def volume_f1(incident: str, seeds: Sequence[int], volume: float) -> float:
    cubes = [leaf_cube(incident, seed, volume=volume) for seed in seeds]
    return float(np.mean([score(cube, searched(cube, cube.sessions), "volume") for cube in cubes]))


def mix_and_rate_f1(seeds: Sequence[int], volume: float) -> tuple[float, float]:
    found = []
    for seed in seeds:
        cube = leaf_cube("mix and rate", seed, volume=volume)
        mix = score(cube, searched(cube, cube.sessions, mix=True), "volume")
        found.append((mix, score(cube, searched(cube, cube.orders, cube.sessions), "rate")))
    mixes, rates = zip(*found, strict=True)
    return float(np.mean(mixes)), float(np.mean(rates))


def false_a_day(seeds: Sequence[int], volume: float) -> float:
    cubes = [leaf_cube("nothing", seed, volume=volume) for seed in seeds]
    return float(np.mean([len(searched(cube, cube.sessions).found) for cube in cubes]))


@pytest.mark.parametrize("incident", ["one cause", "two that cancel"])
def test_an_incident_of_volume_is_found(incident: str) -> None:
    assert volume_f1(incident, range(3), 1.0) >= 0.95


def test_mix_and_rate_are_found_apart() -> None:
    mix, rate = mix_and_rate_f1(range(3), 1.0)
    assert mix >= 0.9
    assert rate >= 0.9


def test_a_quiet_day_has_no_cause() -> None:
    assert false_a_day(range(5), 1.0) == 0


def test_the_two_that_cancel_leave_the_total_where_it_was() -> None:
    cube = leaf_cube("two that cancel", 0, volume=100.0)
    members = [cube.members(cause.segment) for cause in cube.truth]
    mean = cube.sessions[:, :-1].mean(axis=1)
    moved = [mean[inside].sum() * (cause.factor - 1) for inside, cause in zip(members, cube.truth, strict=True)]
    assert moved[0] < 0 < moved[1]
    assert sum(moved) == pytest.approx(0, abs=0.05 * moved[1])
    assert not (members[0] & members[1]).any()


@pytest.mark.slow
@pytest.mark.parametrize("volume", [1.0, 100.0])
class TestTenSeeds:
    """The promise: ten seeds, at one and at a hundred times the volume."""

    def test_one_cause_is_found(self, volume: float) -> None:
        assert volume_f1("one cause", TEN, volume) >= 0.95

    def test_two_that_cancel_are_found(self, volume: float) -> None:
        assert volume_f1("two that cancel", TEN, volume) >= 0.95

    def test_mix_and_rate_are_each_found(self, volume: float) -> None:
        mix, rate = mix_and_rate_f1(TEN, volume)
        assert mix >= 0.9
        assert rate >= 0.9

    def test_quiet_days_are_quiet(self, volume: float) -> None:
        assert false_a_day(range(100), volume) <= 0.05
