"""On simulated truth: means whose largest values are cut off at a quantile of all units, in even and uneven arms.

The truth is the difference of the means of values cut off where the law of all units together has that quantile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

from steelyard.stats.moments import Moments
from steelyard.studies.experiments import MetricUse
from steelyard.studies.experiments.comparison import Comparison, compare, compare_within

F64 = npt.NDArray[np.float64]
QUICK, FULL = 150, 2_000
SPREAD = 1.2
USE = MetricUse(metric="m", kind="mean", winsorise=0.99)
RANK = 0.99


@dataclass(frozen=True)
class Stage:
    """Units of both arms that come in with a stage, and the level that all of them have.

    Args:
        treated: Units of the treated arm.
        control: Units of control.
        level: What their log-normal values are multiplied by.
    """

    treated: int
    control: int
    level: float = 1.0

    @property
    def units(self) -> int:
        return self.treated + self.control


DESIGNS = {
    "even": (Stage(1_000, 1_000),),
    "one in twenty": (Stage(400, 7_600),),
    "stages that treat more and more": (Stage(150, 2_850), Stage(1_500, 1_500, 2.0)),
    "stages that treat less and less": (Stage(1_500, 1_500), Stage(400, 3_600, 2.0)),
}


def _cut_mean(by: float, cap: float) -> float:
    """The mean of a log-normal times `by`, cut off."""
    at = math.log(cap / by) / SPREAD
    return float(by * math.exp(SPREAD**2 / 2) * ndtr(at - SPREAD) + cap * ndtr(-at))


def truth_of(stages: tuple[Stage, ...], lift: float) -> float:
    whole = sum(stage.units for stage in stages)
    parts = [(arm, by * stage.level) for stage in stages for arm, by in ((stage.treated, lift), (stage.control, 1.0))]

    def beyond(log_cap: float) -> float:
        return sum(n * float(ndtr((log_cap - math.log(by)) / SPREAD)) for n, by in parts) / whole - RANK

    cap = math.exp(float(brentq(beyond, 0.0, 20.0)))
    gaps = [_cut_mean(lift * stage.level, cap) - _cut_mean(stage.level, cap) for stage in stages]
    return sum(stage.units * gap for stage, gap in zip(stages, gaps, strict=True)) / whole


def _drawn(random: np.random.Generator, stage: Stage, lift: float) -> tuple[F64, F64]:
    arms = ((stage.treated, lift), (stage.control, 1.0))
    one, other = (by * stage.level * random.lognormal(0.0, SPREAD, n) for n, by in arms)
    return one, other


def compared(random: np.random.Generator, stages: tuple[Stage, ...], lift: float) -> Comparison:
    drawn = [_drawn(random, stage, lift) for stage in stages]
    cap = float(np.quantile(np.concatenate([values for pair in drawn for values in pair]), RANK))
    pairs = [tuple(Moments.of_rows({"m": np.minimum(values, cap)}) for values in pair) for pair in drawn]
    if len(pairs) == 1:
        return compare(USE, pairs[0][0], pairs[0][1], 0.95)
    return compare_within(USE, [(one, other) for one, other in pairs], 0.95, "stage")


def runs(name: str, times: int, lift: float, seed: int) -> tuple[float, float]:
    """Shares of runs that reject no effect, and that hold the true one."""
    random, stages = np.random.default_rng(seed), DESIGNS[name]
    truth = truth_of(stages, lift)
    rejected = held = 0
    for _ in range(times):
        found = compared(random, stages, lift).absolute
        assert found is not None
        rejected += found.p_value < 0.05
        held += found.low <= truth <= found.high
    return rejected / times, held / times


def test_the_truth_is_what_very_many_units_have() -> None:
    stages = tuple(Stage(250 * stage.treated, 250 * stage.control, stage.level) for stage in DESIGNS["even"])
    found = compared(np.random.default_rng(70), stages, 1.3).absolute
    assert found is not None
    assert abs(found.value - truth_of(stages, 1.3)) < 4 * found.std_error


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("times", [QUICK, pytest.param(FULL, marks=pytest.mark.slow)])
def test_an_a_a_test_of_values_that_are_cut_off_rejects_about_one_time_in_twenty(name: str, times: int) -> None:
    rejected, _ = runs(name, times, 1.0, 71)
    assert abs(rejected - 0.05) < 3 * math.sqrt(0.05 * 0.95 / times)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("times", [QUICK, pytest.param(FULL, marks=pytest.mark.slow)])
def test_95_percent_intervals_hold_the_effect_on_values_that_are_cut_off(name: str, times: int) -> None:
    _, held = runs(name, times, 1.2, 72)
    assert abs(held - 0.95) < 3 * math.sqrt(0.05 * 0.95 / times)
