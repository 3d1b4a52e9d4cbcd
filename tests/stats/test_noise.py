"""Noise estimated from windows of known noise, and the tail of the largest of many statistics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from steelyard.errors import DefinitionError
from steelyard.stats.contrast import Contrast
from steelyard.stats.extreme import Gumbel
from steelyard.stats.noise import noise_of

BASELINE = 4.0


def windows(leaf: float, shared: float, *, seed: int, mean: float, leaves: int = 800, count: int = 60) -> Contrast:
    """Independent windows, each against the mean of four: Poisson with a factor of the leaf and one of all."""
    random = np.random.default_rng(seed)
    means = mean * np.exp(0.8 * random.standard_normal(leaves))

    def one() -> np.ndarray:
        moved = (1 + leaf * random.standard_normal(leaves)).clip(0.05) * (1 + shared * random.standard_normal())
        return random.poisson(means * moved).astype(float)

    after = np.stack([one() for _ in range(count)], axis=1)
    before = np.stack([sum(one() for _ in range(4)) for _ in range(count)], axis=1)
    return Contrast.of((after, np.ones_like(after)), (before, np.full_like(before, BASELINE)))


@pytest.mark.parametrize(("leaf", "shared", "mean"), [(0.07, 0.03, 60.0), (0.2, 0.05, 500.0), (0.0, 0.0, 20.0)])
def test_the_noise_that_was_put_in_is_found(leaf: float, shared: float, mean: float) -> None:
    """Var(seen - expected) = counts + leaf^2 (1 + 1/4) size^2, in the units of the contrast's size."""
    found = [noise_of(windows(leaf, shared, seed=seed, mean=mean)) for seed in range(4)]
    if leaf**2 * mean < 1:  # else the counts' part is too small beside the leaves' to be told
        assert np.mean([noise.counting for noise in found]) == pytest.approx(1.0, abs=0.2)
    assert np.mean([noise.leaf for noise in found]) == pytest.approx(1.25 * leaf**2, rel=0.15, abs=2e-3)
    # The variance of what all share is drawn up by 6 of 60 for its own uncertainty.
    assert np.mean([noise.shared for noise in found]) == pytest.approx(1.1 * 1.25 * shared**2, rel=0.35, abs=2e-4)


def test_incidents_in_history_hardly_move_the_noise() -> None:
    quiet = windows(0.07, 0.03, seed=9, mean=200.0)
    seen = quiet.seen.copy()
    seen[:60, 7] *= 0.3
    seen[100:140, 21] *= 2.5
    hit = noise_of(Contrast(seen=seen, expected=quiet.expected, weight=quiet.weight))
    calm = noise_of(quiet)
    assert hit.leaf == pytest.approx(calm.leaf, rel=0.15)
    assert hit.shared == pytest.approx(calm.shared, rel=0.3)


def test_what_never_moves_has_noise_of_almost_nothing_and_counts_have_that_of_counts() -> None:
    ones = np.full((5, 10), 40.0)
    still = Contrast.of((ones, np.ones_like(ones)), (4 * ones, 4 * np.ones_like(ones)))
    assert noise_of(still).counting < 1e-3
    assert noise_of(still, least=1.0).counting == 1.0


def test_windows_without_anything_have_a_noise() -> None:
    nothing = np.zeros((3, 9))
    found = noise_of(Contrast.of((nothing, nothing + 1), (nothing, nothing + 4)), least=1.0)
    assert found.counting >= 1.0
    assert found.shared > 0


def test_mantel_haenszel_is_the_textbook_rate_ratio() -> None:
    """Sum(a n0 / n) / sum(b n1 / n) over strata, by hand, with a stratum that has no baseline."""
    cases = np.array([10.0, 4.0, 3.0]), np.array([100.0, 50.0, 7.0])
    before = np.array([5.0, 6.0, 0.0]), np.array([80.0, 90.0, 0.0])
    up = 10 * 80 / 180 + 4 * 90 / 140
    down = 5 * 100 / 180 + 6 * 50 / 140
    assert Contrast.of(cases, before).ratio(np.ones(3, dtype=bool)) == pytest.approx(up / down, rel=1e-14)


def test_a_denominator_below_zero_is_refused() -> None:
    one = np.ones(2)
    with pytest.raises(DefinitionError, match="below 0"):
        Contrast.of((one, -one), (one, one))


@pytest.mark.parametrize("robust", [False, True])
def test_a_gumbel_tail_is_found_again(robust: bool) -> None:
    drawn = stats.gumbel_r(loc=3.0, scale=2.0).rvs(20_000, random_state=5)
    found = Gumbel.of(drawn, robust=robust)
    assert (found.location, found.scale) == (pytest.approx(3.0, abs=0.1), pytest.approx(2.0, abs=0.1))


@pytest.mark.parametrize("value", [-500.0, -5.0, 0.0, 3.0, 40.0])
def test_the_tail_is_scipys(value: float) -> None:
    assert Gumbel(1.0, 2.0).beyond(value) == pytest.approx(stats.gumbel_r(loc=1.0, scale=2.0).sf(value), rel=1e-9)


def test_too_few_maxima_are_refused() -> None:
    with pytest.raises(DefinitionError):
        Gumbel.of(np.ones(3))
