"""On simulated truth: shares of few with one unit in twenty treated: the sides keep the level together, unevenly."""

from __future__ import annotations

from collections import Counter
from functools import cache, partial

import numpy as np
import pytest
from scipy.stats import binom
from tests.coverage.looking import ALPHA, Look, Path, crossed

from steelyard.stats.moments import Moments
from steelyard.studies.experiments import MetricUse
from steelyard.studies.experiments.comparison import compare

SHARE = MetricUse(metric="m", kind="share", better="up")
SPLITS = [(60, 1_140, 0.03), (100, 1_900, 0.05), (200, 3_800, 0.05), (1_000, 19_000, 0.01)]
DAYS = 10


def moments(having: int, units: int) -> Moments:
    """Of a column of ones and zeros."""
    once = np.array([[float(having)]])
    return Moments.of_sums(names=("m",), rows=units, counts=(units,), shifts=np.zeros(1), sums=once[0], products=once)


@cache
def _outside(one: int, n: int, other: int, m: int) -> tuple[bool, bool]:
    """Whether the interval lies wholly above, and wholly below, no effect."""
    found = compare(SHARE, moments(one, n), moments(other, m), 1 - ALPHA).absolute
    assert found is not None
    return found.low > 0, found.high < 0


def sides(n: int, m: int, share: float, times: int, seed: int) -> tuple[int, int]:
    random = np.random.default_rng(seed)
    drawn = Counter(
        zip(random.binomial(n, share, times).tolist(), random.binomial(m, share, times).tolist(), strict=True)
    )
    error = (share * (1 - share) * (1 / n + 1 / m)) ** 0.5
    above = below = 0
    for (one, other), number in drawn.items():
        # Nothing nearer than this is told apart by any of the intervals.
        if abs(one / n - other / m) > 1.4 * error:
            over, under = _outside(one, n, other, m)
            above, below = above + over * number, below + under * number
    return above, below


@pytest.mark.parametrize("times", [600, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("n", "m", "share"), SPLITS)
def test_the_sides_of_an_uneven_share_add_up_to_the_level_and_lean_as_the_guide_says(
    n: int, m: int, share: float, times: int
) -> None:
    above, below = sides(n, m, share, times, 80)
    assert above + below <= binom.ppf(0.999, times, ALPHA)
    assert above <= binom.ppf(0.999, times, 0.043)
    assert below <= binom.ppf(0.999, times, 0.02)
    if times > 600:
        assert above > 0.028 * times


def watched_share(random: np.random.Generator, per_day: tuple[int, int], share: float) -> Path:
    so_far = {arm: random.binomial(n, share, DAYS).cumsum() for arm, n in zip(("b", "control"), per_day, strict=True)}
    path = []
    for day in range(DAYS):
        named = zip(("b", "control"), per_day, strict=True)
        arms = {arm: moments(int(so_far[arm][day]), n * (day + 1)) for arm, n in named}
        path.append(Look(arms=arms, made=partial(compare, SHARE, arms["b"], arms["control"])))
    return path


@pytest.mark.parametrize("times", [30, pytest.param(1_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("per_day", "share"), [((40, 760), 0.02), ((100, 1_900), 0.05)])
def test_looking_ten_times_at_an_uneven_share_errs_at_most_as_often_as_the_level_says(
    per_day: tuple[int, int], share: float, times: int
) -> None:
    """On both sides together."""
    random = np.random.default_rng(81)
    found = crossed((watched_share(random, per_day, share) for _ in range(times)), DAYS * sum(per_day), 0.05)
    for name, (one, _, _) in found.items():
        assert one * times <= binom.ppf(0.999, times, ALPHA), (name, found)
