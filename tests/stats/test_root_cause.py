"""The search is the same for any order and unit of leaves, takes parts out before it looks again, and can be silent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from steelyard.stats.contrast import Contrast
from steelyard.stats.lattice import Lattice
from steelyard.stats.noise import Noise, noise_of
from steelyard.stats.root_cause import find_segments
from steelyard.stats.segment_scan import SegmentScan

F64 = npt.NDArray[np.float64]
CODES = np.indices((5, 4, 3)).reshape(3, -1).T
INSIDE = (CODES[:, 0] == 2) & (CODES[:, 1] == 1)
OTHER = CODES[:, 2] == 0


def drawn(seed: int, windows: int = 31, mean: float = 200.0, noise: float = 0.05) -> tuple[F64, F64]:
    random = np.random.default_rng(seed)
    means = mean * np.exp(0.5 * random.standard_normal(len(CODES)))

    def some(count: int) -> F64:
        moved = (1 + noise * random.standard_normal((len(CODES), count))) * (1 + 0.03 * random.standard_normal(count))
        return random.poisson(means[:, None] * moved).astype(float)

    return some(windows), sum(some(windows) for _ in range(4))


def contrast(after: F64, before: F64) -> tuple[Contrast, Contrast]:
    every = Contrast.of((after, np.ones_like(after)), (before, np.full_like(before, 4.0)))
    past = Contrast(seen=every.seen[:, :-1], expected=every.expected[:, :-1], weight=every.weight[:, :-1])
    return every.window(-1), past


def found(after: F64, before: F64, codes: npt.NDArray[np.int64] = CODES) -> list[tuple[object, float]]:
    now, past = contrast(after, before)
    search = find_segments(Lattice(codes), now, noise_of(past), replays=past)
    return [(item.segment, item.ratio) for item in search.found]


def test_two_overlapping_segments_are_both_found_with_their_factors() -> None:
    after, before = drawn(1)
    after[INSIDE, -1] *= 2.0
    after[OTHER, -1] *= 0.6
    told = dict(found(after, before))
    assert set(told) == {((0, 2), (1, 1)), ((2, 0),)}
    assert told[(2, 0),] == pytest.approx(0.6, rel=0.06)
    assert told[(0, 2), (1, 1)] == pytest.approx(2.0, rel=0.12)


def test_a_move_of_everything_is_the_whole() -> None:
    after, before = drawn(2)
    after[:, -1] *= 0.7
    assert [segment for segment, _ in found(after, before)] == [()]


def test_a_segment_that_was_not_there_before_is_found_and_taken_out() -> None:
    after, before = drawn(3)
    new = CODES[:, 0] == 4
    before[new] = 0
    after[new, :-1] = 0
    told = found(after, before)
    assert [segment for segment, _ in told] == [((0, 4),)]
    assert np.isinf(told[0][1])


def test_a_new_segment_beside_a_move_of_everything_leaves_the_move_its_size() -> None:
    after, before = drawn(5)
    new = CODES[:, 0] == 4
    before[new] = 0
    after[new, :-1] = 0
    after[~new, -1] *= 0.6
    told = dict(found(after, before))
    assert set(told) == {((0, 4),), ()}
    assert told[()] == pytest.approx(0.6, rel=0.15)


def test_a_segment_that_is_gone_is_found() -> None:
    after, before = drawn(4)
    after[CODES[:, 1] == 3, -1] = 0
    assert found(after, before) == [(((1, 3),), 0.0)]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_leaves_changes_nothing_and_another_unit_only_the_amounts(seed: int) -> None:
    after, before = drawn(10 + seed)
    after[INSIDE, -1] *= 1.6
    order = np.random.default_rng(seed).permutation(len(CODES))
    told = found(after, before)
    shuffled = found(after[order], before[order], CODES[order])
    scaled = found(after * 37.5, before * 37.5)
    assert [segment for segment, _ in told] == [((0, 2), (1, 1))]
    for other in (shuffled, scaled):
        assert [segment for segment, _ in other] == [segment for segment, _ in told]
        assert [ratio for _, ratio in other] == pytest.approx([ratio for _, ratio in told], rel=1e-9)


def test_quiet_windows_alarm_no_more_often_than_they_may() -> None:
    """At a level of 5 %, 200 quiet windows have 10 alarms, and hardly ever more than 18 (binomial, 1 in 100)."""
    alarms = 0
    for seed in range(200):
        now, past = contrast(*drawn(100 + seed))
        alarms += bool(find_segments(Lattice(CODES), now, noise_of(past), replays=past, level=0.05).found)
    assert alarms <= 18


def test_noise_that_a_whole_dimension_shares_is_learnt_from_history() -> None:
    """Countries that move by 15 % of themselves are no news, which leaf noise alone would take them for."""
    alarms = {"with": 0, "without": 0}
    for seed in range(20):
        random = np.random.default_rng(seed)
        after, before = drawn(500 + seed)
        own = np.exp(0.15 * random.standard_normal((5, after.shape[1])))
        now, past = contrast(np.round(after * own[CODES[:, 0]]), before)
        noise = noise_of(past)
        alarms["with"] += len(find_segments(Lattice(CODES), now, noise, replays=past).found)
        alarms["without"] += len(find_segments(Lattice(CODES), now, Noise(counting=1, leaf=3e-3, shared=1e-3)).found)
    assert alarms["with"] <= 2
    assert alarms["without"] > 20


def test_the_statistic_is_the_likelihood_ratio_computed_by_hand() -> None:
    """Twice the difference of two normal log likelihoods with a random common factor, maximised over the effect."""
    after, before = drawn(7, windows=1)
    now = Contrast.of((after, np.ones_like(after)), (before, np.full_like(before, 4.0))).window(0)
    noise = Noise(counting=1.0, leaf=0.003, shared=0.001)
    lattice = Lattice(CODES)
    squares, _ = SegmentScan(lattice=lattice, noise=noise).squares(now)
    covariance = np.diag(noise.variance(now.size)) + noise.shared * np.outer(now.size, now.size)
    inverse = np.linalg.inv(covariance)
    for number in range(0, len(lattice), 7):
        column = now.size * lattice.members(number)
        by_hand = (column @ inverse @ now.difference) ** 2 / (column @ inverse @ column)
        assert squares[number] == pytest.approx(by_hand, rel=1e-8)
