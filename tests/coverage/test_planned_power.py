"""Experiments of the planned size, drawn unit by unit and judged by the whole rule, ship as often as was planned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from steelyard.stats.moments import Moments
from steelyard.studies.experiments import Assignment, Effect, Experiment, Mean, Ratio, Share
from steelyard.studies.experiments.design import design_of
from steelyard.studies.experiments.estimation import find
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.history import History
from steelyard.studies.experiments.rule import decide

QUICK, FULL = 300, 2_000
F64 = Any


def study(split: float, **changes: Any) -> Experiment:
    words: dict[str, Any] = {
        "name": "test", "question": "Does it help?", "arms": {"control": 1 - split, "b": split}, "table": "data",
        "assignment": Assignment(),
    }  # fmt: skip
    return Experiment(**{**words, **changes})


def history_of_rows(one: Experiment, columns: dict[str, F64]) -> History:
    """What a long history would say: moments of very many untreated units."""
    from dataclasses import replace

    uses = tuple(replace(use, better=use.better or "up", kind=use.kind or "mean") for use in one.uses)
    return History(study=replace(one, table=""), uses=uses, moments=Moments.of_rows(columns), accrual=None)


def shipped(one: Experiment, arms: dict[str, dict[str, F64]]) -> bool:
    cells = {(arm,): Moments.of_rows(columns) for arm, columns in arms.items()}
    evidence = Evidence(cells=cells, counts=(), ids=None, repeated={}, unusable=(), notes={}, segments=())
    return decide(one, find(one, evidence)).action == "ship"


def share_of_ships(one: Experiment, draw: Any, control: int, treated: int, times: int, seed: int) -> float:
    random = np.random.default_rng(seed)
    found = 0
    for _ in range(times):
        arms = {"control": draw(random, control, treated=False), "b": draw(random, treated, treated=True)}
        found += shipped(one, arms)
    return found / times


def spenders(random: np.random.Generator, n: int, *, treated: bool) -> dict[str, F64]:
    """Spend that goes with what was spent before and with converting; no effect on converting."""
    before = random.gamma(2.0, 2.0, n)
    converted = (random.random(n) < 0.1 + 0.02 * np.minimum(before, 10)).astype(float)
    spend = before + 3 * converted + random.gamma(2.0, 1.5, n) + (0.5 if treated else 0.0)
    return {"spend": spend, "spend:before": before, "converted": converted}


def orders(random: np.random.Generator, n: int, *, treated: bool) -> dict[str, F64]:
    sessions = 1.0 + random.poisson(2.0, n)
    placed = random.binomial(sessions.astype(int), 0.3).astype(float)
    return {"r": placed + (0.03 * sessions if treated else 0.0), "r:per": sessions}


def shares(random: np.random.Generator, n: int, *, treated: bool) -> dict[str, F64]:
    return {"kept": (random.random(n) < (0.34 if treated else 0.3)).astype(float)}


MAIN = Mean("spend", covariate="spend_before", expected_effect=Effect(absolute=0.5), min_effect=Effect(relative=0.01))
GUARD = Share("converted", margin=Effect(absolute=0.04))
RULES: dict[str, tuple[dict[str, Any], Any]] = {
    "mean with a covariate, a threshold and a guardrail": ({"primary": MAIN, "guardrails": (GUARD,)}, spenders),
    "ratio": ({"primary": Ratio("a", "b", metric="r", expected_effect=Effect(absolute=0.03))}, orders),
    "share": ({"primary": Share("kept", expected_effect=Effect(absolute=0.04))}, shares),
    "share beyond a threshold": (
        {"primary": Share("kept", expected_effect=Effect(absolute=0.04), min_effect=Effect(absolute=0.01))}, shares,
    ),
}  # fmt: skip


def check(name: str, split: float, times: int, seed: int) -> None:
    words, draw = RULES[name]
    one = study(split, **words)
    past = history_of_rows(one, draw(np.random.default_rng(0), 400_000, treated=False))
    design = design_of(one, past)
    assert design is not None
    expected = one.main.expected_effect
    assert expected is not None
    units = design.by_arm(design.control_units(expected))
    stated = design.chance(expected, sum(units.values()))
    assert stated == pytest.approx(0.8, abs=0.002)
    found = share_of_ships(one, draw, units["control"], units["b"], times, seed)
    assert abs(found - stated) < 3 * math.sqrt(stated * (1 - stated) / times) + 0.005


@pytest.mark.parametrize("split", [0.5, 0.1])
@pytest.mark.parametrize("name", RULES)
def test_the_whole_rule_ships_about_as_often_as_planned(name: str, split: float) -> None:
    check(name, split, QUICK, 30)


@pytest.mark.slow
@pytest.mark.parametrize("split", [0.05, 0.9])
@pytest.mark.parametrize("name", RULES)
def test_the_whole_rule_ships_as_often_as_planned(name: str, split: float) -> None:
    check(name, split, FULL, 31)
