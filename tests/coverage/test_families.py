"""On simulated truth: several primaries, arms and looks err together at most as often as the level says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtri
from scipy.stats import binom

from steelyard.stats.moments import Moments
from steelyard.studies.experiments import Assignment, Experiment, Mean
from steelyard.studies.experiments.estimation import find
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.families import ADJUST, FalseDiscovery, level_of_each
from steelyard.studies.experiments.look_bounds import LookBounds
from steelyard.studies.experiments.looks import LooksSoFar
from steelyard.studies.experiments.sources import Looks, Stopping

F64 = npt.NDArray[np.float64]
ALPHA = 0.05
ARMS = {"control": 0.25, "b": 0.25, "c": 0.25, "d": 0.25}
TREATED, PRIMARIES = ("b", "c", "d"), ("one", "two")
TESTS = tuple(product(PRIMARIES, TREATED))
FRACTIONS = (0.25, 0.5, 0.75, 1.0)
TRULY_BETTER = {"nothing": (), "one of six": (("one", "b"),), "half": tuple(("one", arm) for arm in TREATED)}


def at_most(count: int, chance: float, times: int) -> bool:
    """Not more than a binomial of the chance exceeds once in a thousand times."""
    return bool(count <= binom.ppf(0.999, times, chance))


# Through the whole analysis: three arms and two primaries, from moments to the adjusted p-values that the rule reads.


def _evidence(random: np.random.Generator, gains: Mapping[tuple[str, str], float], n: int) -> dict[str, Moments]:
    mix = np.linalg.cholesky([[1.0, 0.5], [0.5, 1.0]])
    arms = {}
    for arm in ARMS:
        values = 10 + mix @ random.normal(size=(2, n))
        arms[arm] = Moments.of_rows({m: values[at] + gains.get((m, arm), 0.0) for at, m in enumerate(PRIMARIES)})
    return arms


def _adjusted(one: Experiment, arms: Mapping[str, Moments], looks: LooksSoFar | None) -> dict[tuple[str, str], float]:
    evidence = Evidence(
        cells={(arm,): moments for arm, moments in arms.items()}, counts=(), ids=None, repeated={}, unusable=(),
        notes={}, segments=(), looks=looks,
    )  # fmt: skip
    found = find(one, evidence).facts["adjusted"]
    return {(metric, arm): p_value for metric, arms in found.items() for arm, p_value in arms.items()}


def whole(correction: str, times: int, looks: int, truth: str, seed: int) -> int:
    """How often some look of an experiment has the whole analysis find an effect that is not there."""
    random, n, found = np.random.default_rng(seed), 120, 0
    gains = dict.fromkeys(TRULY_BETTER[truth], 0.4)
    watched = {"looks": Looks(units=4 * n * looks), "stopping": "always_valid"} if looks > 1 else {}
    one = Experiment(
        name="many", question="Is it any?", arms=ARMS, table="data", assignment=Assignment(), correction=correction,
        primary=tuple(Mean(metric) for metric in PRIMARIES), **watched,
    )  # type: ignore[arg-type]  # fmt: skip
    for _ in range(times):
        so_far: dict[str, Moments] = {}
        wrong = False
        for _ in range(looks):
            new = _evidence(random, gains, n)
            so_far = {arm: so_far[arm].merge(moments) if so_far else moments for arm, moments in new.items()}
            at = LooksSoFar(at="2026-01-01T00:00:00+00:00", planned_units=4 * n * looks, over=False)
            p_values = _adjusted(one, so_far, at if looks > 1 else None)
            wrong = wrong or any(p <= ALPHA for test, p in p_values.items() if test not in gains)
        found += wrong
    return found


@pytest.mark.parametrize("times", [60, pytest.param(800, marks=pytest.mark.slow)])
@pytest.mark.parametrize("truth", TRULY_BETTER)
@pytest.mark.parametrize("correction", ADJUST)
def test_three_arms_of_two_primaries_are_wrong_about_any_at_most_once_in_twenty(
    correction: str, truth: str, times: int
) -> None:
    assert at_most(whole(correction, times, 1, truth, 60), ALPHA, times)


@pytest.mark.parametrize("times", [30, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("correction", ["holm", "hommel"])
def test_three_arms_of_two_primaries_looked_at_three_times_are_wrong_about_any_at_most_once_in_twenty(
    correction: str, times: int
) -> None:
    assert at_most(whole(correction, times, 3, "one of six", 61), ALPHA, times)


# From paths of z, with the p-values that a look gives them: rules whose p-values are searched for take too long above.


def _paths(random: np.random.Generator, times: int, better: Sequence[tuple[str, str]]) -> F64:
    """z of each test at each look, shape (times, tests, looks): arms share control, primaries go together."""
    alike = [[(1.0 if a == b else 0.5) * (1.0 if m == k else 0.5) for k, b in TESTS] for m, a in TESTS]
    steps = random.multivariate_normal(np.zeros(len(TESTS)), alike, size=(times, len(FRACTIONS)))
    roots = np.sqrt(FRACTIONS)
    z = (steps * math.sqrt(FRACTIONS[0])).cumsum(axis=1) / roots[:, None]
    drift = np.array([3.0 if test in better else 0.0 for test in TESTS])
    return np.asarray((z + roots[:, None] * drift).transpose(0, 2, 1))


def family_wise(rule: Stopping, truth: str, times: int, seed: int) -> dict[str, tuple[int, int]]:
    """Correction -> how often it is wrong about any test at any look, and about any at the last."""
    better = TRULY_BETTER[truth]
    bounds = [
        LookBounds.of(rule, FRACTIONS[:k], 1 - ALPHA, last=k == len(FRACTIONS), over=False)
        for k in range(1, len(FRACTIONS) + 1)
    ]
    wrong = dict.fromkeys(ADJUST, (0, 0))
    for path in _paths(np.random.default_rng(seed), times, better):
        seen = dict.fromkeys(ADJUST, (False, False))
        for at, look in enumerate(bounds):
            # What is not significant by itself counts as 1: no correction here rejects it, or another by its help.
            least = min(look.success.critical, look.harm.critical)
            p_values = [look.p_value(float(z), 1) if abs(z) >= least else 1.0 for z in path[:, at]]
            if min(p_values) > ALPHA:
                continue
            for name, adjust in ADJUST.items():
                pairs = zip(TESTS, adjust(p_values), strict=True)
                now = any(p <= ALPHA for test, p in pairs if test not in better)
                seen[name] = (seen[name][0] or now, now and at + 1 == len(bounds))
        for name, (ever, last) in seen.items():
            wrong[name] = (wrong[name][0] + ever, wrong[name][1] + last)
    return wrong


RULES = {
    "obrien_fleming": Stopping(success="obrien_fleming", harm="obrien_fleming"),
    "pocock": Stopping(success="pocock", harm="pocock"),
    "always_valid": Stopping(success="always_valid", harm="always_valid"),
    "hybrid": Stopping(success="obrien_fleming", harm="always_valid"),
}


@pytest.mark.slow
@pytest.mark.parametrize("truth", TRULY_BETTER)
@pytest.mark.parametrize("rule", RULES)
def test_six_tests_at_four_looks_are_wrong_about_any_at_most_once_in_twenty(rule: str, truth: str) -> None:
    times = 4_000 if truth == "nothing" else 500
    for name, (ever, _) in family_wise(RULES[rule], truth, times, 62).items():
        assert at_most(ever, ALPHA, times), (name, ever)


def test_three_arms_at_dunnetts_level_are_wrong_about_any_once_in_twenty() -> None:
    """It uses up the error that Bonferroni's leaves, where arms share control."""
    one = Experiment(
        name="arms", question="Is it any?", arms=ARMS, table="data", primary=Mean("one"), correction="dunnett"
    )
    paths = _paths(np.random.default_rng(66), 100_000, ())[:, : len(TREATED), -1]
    found = float((np.abs(paths) >= -float(ndtri((1 - level_of_each(one)) / 2))).any(axis=1).mean())
    assert abs(found - ALPHA) < 3 * math.sqrt(ALPHA * (1 - ALPHA) / 100_000)


def test_six_tests_without_a_correction_would_be_wrong_far_more_often() -> None:
    """The tests above can fail."""
    paths = _paths(np.random.default_rng(63), 2_000, ())[:, :, -1]
    assert (np.abs(paths) >= 1.96).any(axis=1).mean() > 0.15


# False discoveries among secondaries.

SECONDARIES = tuple(f"s{place}" for place in range(12))
REAL = SECONDARIES[:2]


def discoveries(method: FalseDiscovery, alike: float, times: int, seed: int) -> tuple[float, float]:
    """The mean share of discoveries that are none, and that of their intervals that miss the truth."""
    random, n = np.random.default_rng(seed), 150
    one = Experiment(
        name="many", question="Which?", arms={"control": 0.5, "b": 0.5}, table="data", assignment=Assignment(),
        primary=Mean("m"), secondary=tuple(Mean(name) for name in SECONDARIES), false_discovery=method,
    )  # fmt: skip
    false: list[float] = []
    missed: list[float] = []
    for _ in range(times):
        cells = {}
        for arm in ("control", "b"):
            shared = random.normal(size=n) * math.sqrt(abs(alike))
            columns = {"m": random.normal(size=n)}
            for place, name in enumerate(SECONDARIES):
                # Below zero: metrics that go against each other, one in two turned round.
                sign = -1.0 if alike < 0 and place % 2 else 1.0
                own = random.normal(size=n) * math.sqrt(1 - abs(alike))
                columns[name] = own + sign * shared + (0.35 if arm == "b" and name in REAL else 0.0)
            cells[(arm,)] = Moments.of_rows(columns)
        evidence = Evidence(cells=cells, counts=(), ids=None, repeated={}, unusable=(), notes={}, segments=())
        rows = [row for row in find(one, evidence).tables["p_values"].to_pylist() if row["family"] == "secondary"]
        picked = [row for row in rows if row["adjusted"] <= ALPHA]
        false.append(sum(row["metric"] not in REAL for row in picked) / max(len(picked), 1))
        truths = [0.35 if row["metric"] in REAL else 0.0 for row in picked]
        holds = [row["low"] <= truth <= row["high"] for row, truth in zip(picked, truths, strict=True)]
        missed.append(1 - sum(holds) / len(holds) if holds else 0.0)
    return float(np.mean(false)), float(np.mean(missed))


@pytest.mark.parametrize("times", [40, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("alike", [0.0, 0.5, -0.5])
@pytest.mark.parametrize("method", ["bh", "by"])
def test_discoveries_are_false_at_most_as_often_as_the_level_says(
    method: FalseDiscovery, alike: float, times: int
) -> None:
    false, missed = discoveries(method, alike, times, 64)
    # The share of one experiment is at most 1, and mostly 0: its variance is at most its mean.
    reach = 3 * math.sqrt(ALPHA / times)
    assert false < ALPHA + reach
    assert missed < ALPHA + reach


def test_discoveries_without_an_adjustment_are_false_more_often() -> None:
    false, _ = discoveries("none", 0.0, 60, 65)
    assert false > 0.07
