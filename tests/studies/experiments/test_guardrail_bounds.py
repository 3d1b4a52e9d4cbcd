"""Guardrails under bounds that hold at any look, whatever `looks` says of the verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from steelyard.stats.always_valid import always_valid, ratio_for_units
from steelyard.studies.experiments import Effect, Mean, Share

Make = Callable[..., Any]


def _guard(better: str, size: float = 0.1) -> Mean:
    return Mean("latency", better=better, margin=Effect(absolute=size))


@pytest.mark.parametrize("better", ["up", "down"])
def test_their_bounds_are_those_of_a_confidence_sequence_at_each_end(better: str, units: Make, answered: Make) -> None:
    result = answered(units(), guardrails=(_guard(better),))
    (row,) = result.tables["guardrails"].to_pylist()
    plain = result.estimate(metric="latency", scale="absolute")
    # Each end has half of the error, and is narrowest at 5,000 units; Student's t at 4,000 is the normal law.
    ratio = ratio_for_units(4_000 / 5_000, 1.0, level=0.975, bound="below")
    reach = always_valid(0.0, 1.0, ratio, level=0.975, bound="below").high
    assert row["high"] - row["value"] == pytest.approx(reach * plain.std_error, rel=2e-3)
    assert row["value"] - row["low"] == pytest.approx(reach * plain.std_error, rel=2e-3)
    assert row["low"] < plain.low < plain.high < row["high"]


def test_harm_is_told_on_the_scale_of_the_margin_and_in_the_direction_of_the_metric(
    units: Make, answered: Make
) -> None:
    columns = units()
    columns["latency"] = columns["latency"] * np.where(columns["arm"] == "b", 1.3, 1.0)
    words = {"guardrails": (Mean("latency", better="down", margin=Effect(relative=0.05)),)}
    (worse,) = answered(columns, **words).tables["guardrails"].to_pylist()
    assert (worse["scale"], worse["harmed"]) == ("relative", True)
    up = {"guardrails": (Mean("latency", better="up", margin=Effect(relative=0.05)),)}
    (better,) = answered(columns, **up).tables["guardrails"].to_pylist()
    assert not better["harmed"]


def test_a_guardrail_that_cannot_be_computed_is_not_called_unharmed(units: Make, answered: Make) -> None:
    columns = units()
    columns["latency"] = np.where(columns["arm"] == "b", np.nan, columns["latency"])
    (row,) = answered(columns, guardrails=(_guard("down"),)).tables["guardrails"].to_pylist()
    assert row["harmed"] is None


def test_gates_that_are_asked_at_every_stage_cry_harm_no_more_than_the_level_says(answered: Make) -> None:
    """A guardrail just at its margin, asked at 5, 10, 20, 50 and 100 %: a fixed interval errs more often."""
    gates, always, fixed, trials = (100, 200, 400, 1_000, 2_000), 0, 0, 60
    for seed in range(trials):
        random = np.random.default_rng(seed)
        arm = np.where(np.arange(2_000) % 2, "b", "control")
        columns = {"user_id": np.arange(2_000), "arm": arm, "spend": random.normal(5, 1, 2_000)}
        columns["errors"] = random.normal(5.0, 1.0, 2_000) + 0.2 * (arm == "b")
        use = Mean("errors", better="down", margin=Effect(absolute=0.2))
        harms, plain = [], []
        for seen in gates:
            result = answered({name: values[:seen] for name, values in columns.items()}, guardrails=(use,))
            harms.append(result.tables["guardrails"].to_pylist()[0]["harmed"])
            plain.append(result.estimate(metric="errors", scale="absolute").low > 0.2)
        always, fixed = always + any(harms), fixed + any(plain)
    assert always <= 0.025 * trials + 3 * (0.025 * 0.975 * trials) ** 0.5
    assert always <= fixed


def test_a_share_has_bounds_too(units: Make, answered: Make) -> None:
    (row,) = (
        answered(units(), guardrails=(Share("converted", margin=Effect(absolute=0.02)),))
        .tables["guardrails"]
        .to_pylist()
    )
    assert -1 < row["low"] < row["value"] < row["high"] < 1
