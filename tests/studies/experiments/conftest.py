"""Small tables of units, and the study that reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from steelyard.result import Result
from steelyard.stats.sample import Sample
from steelyard.studies.experiments import Assignment, Effect, Experiment, Mean, Ratio, Share
from steelyard.studies.run import run

Units = dict[str, Any]


@pytest.fixture
def units() -> Callable[..., Units]:
    """Makes columns of units in two arms (or those of `arms`), the second with a lift."""

    def make(n: int = 4_000, *, lift: float = 0.5, seed: int = 1, arms: tuple[str, ...] = ("control", "b")) -> Units:
        random = np.random.default_rng(seed)
        arm = np.array(arms)[np.arange(n) % len(arms)]
        before = random.gamma(2.0, 2.0, n)
        treated = arm == arms[-1]
        sessions = random.poisson(2.0, n) + 1
        return {
            "user_id": np.arange(n),
            "arm": arm,
            "device": np.array(["phone", "desktop", "tablet"])[random.integers(0, 3, n)],
            "spend": 2 + before + random.normal(size=n) + lift * treated,
            "spend_before": before,
            "converted": (random.random(n) < 0.2 + 0.05 * treated).astype(int),
            "orders": random.binomial(sessions, 0.3).astype(float),
            "sessions": sessions.astype(float),
            "latency": random.gamma(9.0, 20.0, n),
        }

    return make


@pytest.fixture
def study() -> Callable[..., Experiment]:
    """Makes a study of the table `data`, with changes."""

    def make(**changes: Any) -> Experiment:
        words: dict[str, Any] = {
            "name": "test",
            "question": "Does it help?",
            "arms": {"control": 0.5, "b": 0.5},
            "table": "data",
            "unit": "user_id",
            "assignment": Assignment(),
            "primary": Mean("spend", measured_in="USD"),
        }
        return Experiment(**{**words, **changes})

    return make


@pytest.fixture
def full() -> dict[str, Any]:
    """Metrics of every kind, in every role."""
    return {
        "primary": Mean("spend", covariate="spend_before", min_effect=Effect(relative=0.01), measured_in="USD"),
        "secondary": (Share("converted"), Ratio("orders", "sessions")),
        "guardrails": (Mean("latency", better="down", margin=Effect(relative=0.05), measured_in="ms"),),
        "segments": ("device",),
    }


@pytest.fixture
def answered(study: Callable[..., Experiment]) -> Callable[..., Result]:
    """Runs the study, with changes, on columns of units."""

    def make(columns: Mapping[str, Any], **changes: Any) -> Result:
        return run(study(**changes), pa.table(dict(columns)))

    return make


class ByHand(NamedTuple):
    """A difference within strata as the textbook has it; `levels` are the weighted means, the treated first."""

    value: float
    std_error: float
    low: float
    high: float
    p_value: float
    weights: tuple[float, ...]
    levels: tuple[float, float]


@pytest.fixture
def by_hand() -> Callable[[Sequence[tuple[Sample, Sample]]], ByHand]:
    """Strata weighted by their units, with Satterthwaite's degrees of freedom over all samples: 95 %."""

    def make(strata: Sequence[tuple[Sample, Sample]]) -> ByHand:
        units = [t.n + c.n for t, c in strata]
        weights = tuple(n / sum(units) for n in units)
        pairs = list(zip(weights, strata, strict=True))
        levels = tuple(sum(w * pair[arm].mean for w, pair in pairs) for arm in (0, 1))
        parts = [(w**2 * arm.variance / arm.n, arm.n - 1) for w, pair in pairs for arm in pair]
        squared = sum(part for part, _ in parts)
        df = squared**2 / sum(part**2 / free for part, free in parts)
        value, error = levels[0] - levels[1], math.sqrt(squared)
        reach, p_value = stats.t.ppf(0.975, df) * error, 2 * stats.t.sf(abs(value) / error, df)
        return ByHand(value, error, value - reach, value + reach, p_value, weights, (levels[0], levels[1]))

    return make
