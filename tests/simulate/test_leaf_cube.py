"""The cube of leaves has the noise, the incidents and the shape that it says."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.errors import DefinitionError
from steelyard.simulate.leaf_cube import DAY_NOISE, DIMENSIONS, INCIDENTS, LEAF_NOISE, SHARE, leaf_cube


@pytest.mark.parametrize("incident", INCIDENTS)
def test_the_same_seed_gives_the_same_cube_and_another_seed_another(incident: str) -> None:
    one, same, other = (leaf_cube(incident, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.sessions, same.sessions)
    assert np.array_equal(one.orders, same.orders)
    assert one.truth == same.truth
    assert not np.array_equal(one.sessions, other.sessions)


def test_it_has_1728_leaves_and_a_version_has_one_platform() -> None:
    cube = leaf_cube("nothing", 1)
    assert len(np.unique(cube.codes, axis=0)) == 1728 == len(cube.codes)
    platforms = {(int(version), int(platform)) for platform, version in cube.codes[:, 1:3]}
    assert len(platforms) == len(cube.labels[2])
    assert not cube.truth


@pytest.mark.parametrize("seed", range(5))
def test_the_incident_is_in_the_last_day_and_of_its_size(seed: int) -> None:
    cube = leaf_cube("mix and rate", seed, volume=100.0)
    usual = cube.sessions[:, [-8, -15, -22, -29]].mean(axis=1)
    for cause in cube.truth:
        inside = cube.members(cause.segment)
        assert SHARE[0] * 0.8 < usual[inside].sum() / usual.sum() < SHARE[1] * 1.2
        assert 1 <= len(cause.segment) <= 3
        assert {name for name, _ in cause.segment} <= set(DIMENSIONS)
        moved = cube.sessions[:, -1] / usual
        if cause.kind == "rate":
            moved = cube.orders[:, -1] / cube.sessions[:, -1]
            moved = moved / (cube.orders[:, :-1].sum(axis=1) / cube.sessions[:, :-1].sum(axis=1))
        against = np.median(moved[inside]) / np.median(moved[~inside])
        assert against == pytest.approx(cause.factor, rel=0.1)


def test_leaves_and_days_have_the_noise_that_is_stated() -> None:
    cube = leaf_cube("nothing", 4, volume=10_000.0, weeks=30)
    weeks = np.log(cube.sessions[:, : 30 * 7].reshape(len(cube.codes), 30, 7))
    rest = weeks - weeks.mean(axis=1, keepdims=True)
    day = rest.mean(axis=0)
    assert day.std(ddof=7) == pytest.approx(DAY_NOISE, rel=0.25)
    assert (rest - day).std() == pytest.approx(LEAF_NOISE, rel=0.05)


def test_the_score_is_one_for_the_truth_and_counts_what_is_wrong_or_missing() -> None:
    cube = leaf_cube("two that cancel", 2)
    true = [cube.members(cause.segment) for cause in cube.truth]
    other = ~(true[0] | true[1])
    assert cube.f1(true, "volume") == 1
    assert cube.f1(true[:1], "volume") == pytest.approx(2 / 3)
    assert cube.f1([*true, other], "volume") == pytest.approx(0.8)
    assert cube.f1([other], "volume") == cube.f1([], "volume") == 0
    assert cube.f1([], "rate") == 1
    half = true[0].copy()
    half[np.flatnonzero(half)[::2]] = False
    assert cube.f1([half, true[1]], "volume") == 0.5


def test_an_incident_that_is_not_is_refused() -> None:
    with pytest.raises(DefinitionError, match="'flood' is no incident"):
        leaf_cube("flood", 1)
