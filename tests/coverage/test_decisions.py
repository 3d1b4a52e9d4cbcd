"""On simulated truth: how often the whole rule ships, holds and rolls back, at one look and at several."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from steelyard.stats.moments import Moments
from steelyard.studies.experiments import Assignment, Effect, Experiment, Mean
from steelyard.studies.experiments.design import design_of
from steelyard.studies.experiments.estimation import find
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.history import History
from steelyard.studies.experiments.look_inflation import inflation_of_looks
from steelyard.studies.experiments.looks import LooksSoFar
from steelyard.studies.experiments.rule import decide
from steelyard.studies.experiments.sources import Looks, Stopping

QUICK, FULL = 60, 1_000
SIDE = 0.025
"""Each clause looks at one end of a 95 % interval."""
LOOKS = 4
MIN, EXPECTED, MARGIN = 0.1, 0.5, 0.6
RULES: dict[str, dict[str, Any]] = {
    "one look": {},
    "obrien_fleming": {"stopping": "obrien_fleming"},
    "always_valid": {"stopping": "always_valid"},
    "hybrid": {"stopping": Stopping(success="obrien_fleming", harm="always_valid")},
}
SLOW_TO_JUDGE = ("obrien_fleming", "hybrid")
"""Their p-values are searched for, so fewer experiments are judged."""


def study(units: int, rule: str) -> Experiment:
    words: dict[str, Any] = dict(RULES[rule])
    if words:
        words["looks"] = Looks(planned=LOOKS, units=units)
    main = Mean("spend", min_effect=Effect(absolute=MIN), expected_effect=Effect(absolute=EXPECTED))
    return Experiment(
        name="judged", question="Is it shipped when it should be?", arms={"control": 0.5, "b": 0.5}, table="data",
        assignment=Assignment(), primary=main, guardrails=(Mean("speed", margin=Effect(absolute=MARGIN)),), **words,
    )  # fmt: skip


def drawn(random: np.random.Generator, n: int, gain: float = 0.0, loss: float = 0.0) -> Moments:
    """Spend and speed, which go together."""
    one, other = random.normal(size=(2, n))
    return Moments.of_rows(
        {"spend": 10 + 2 * one + gain, "speed": 5 + 2 * (0.5 * one + math.sqrt(0.75) * other) - loss}
    )


def planned_units(rule: str) -> tuple[int, float]:
    """Units of both arms with which the rule ships the expected effect 80 times in a hundred, and the stated chance."""
    one = study(1_000, rule)
    uses = tuple(replace(use, better="up") for use in one.uses)
    moments = drawn(np.random.default_rng(0), 200_000)
    past = History(study=replace(one, table=""), uses=uses, moments=moments, accrual=None)
    design = design_of(one, past, inflation=inflation_of_looks(one))
    assert design is not None
    units = sum(design.by_arm(design.control_units(Effect(absolute=EXPECTED))).values())
    return units, design.chance(Effect(absolute=EXPECTED), units)


def looked_at(
    random: np.random.Generator, units: int, rule: str, gain: float, loss: float
) -> Iterator[Mapping[str, Moments]]:
    looks = LOOKS if RULES[rule] else 1
    per_arm = math.ceil(units / 2 / looks)
    arms: dict[str, Moments] = {}
    for _ in range(looks):
        new = {"control": drawn(random, per_arm), "b": drawn(random, per_arm, gain, loss)}
        arms = {arm: arms[arm].merge(moments) if arm in arms else moments for arm, moments in new.items()}
        yield arms


def act(random: np.random.Generator, one: Experiment, units: int, rule: str, gain: float, loss: float) -> str:
    """What the rule says first that is not to go on; hold, if it never does."""
    earlier: list[dict[str, Any]] = []
    for arms in looked_at(random, units, rule, gain, loss):
        so_far = LooksSoFar(at="2026-01-01T00:00:00+00:00", planned_units=units, over=False, earlier=tuple(earlier))
        evidence = Evidence(
            cells={(arm,): moments for arm, moments in arms.items()}, counts=(), ids=None, repeated={}, unusable=(),
            notes={}, segments=(), looks=so_far if one.schedule else None,
        )  # fmt: skip
        found = find(one, evidence)
        action = decide(one, found).action
        if action != "hold":
            return action
        earlier += [] if one.schedule is None else found.tables["looks"].to_pylist()[-1:]
    return "hold"


def actions(rule: str, times: int, gain: float = 0.0, loss: float = 0.0, seed: int = 50) -> dict[str, int]:
    random, (units, _) = np.random.default_rng(seed), planned_units(rule)
    one = study(units, rule)
    found = Counter(act(random, one, units, rule, gain, loss) for _ in range(times))
    return {action: found[action] for action in ("ship", "hold", "rollback")}


def times_of(rule: str, *, full: bool) -> int:
    return (FULL // 4 if rule in SLOW_TO_JUDGE else FULL) if full else QUICK


def at_most(count: int, chance: float, times: int) -> bool:
    """Not more than a binomial of the chance exceeds once in a thousand times."""
    return bool(count <= binom.ppf(0.999, times, chance))


QUICK_RULES = ("one look", "always_valid")
EVERY = [(rule, full) for full in (False, True) for rule in (RULES if full else QUICK_RULES)]
EACH_RULE = pytest.mark.parametrize(
    ("rule", "full"),
    [pytest.param(rule, full, marks=pytest.mark.slow if full else (), id=f"{rule}-{'many' if full else 'few'}")
     for rule, full in EVERY],
)  # fmt: skip


@EACH_RULE
def test_nothing_that_has_no_effect_is_shipped_or_rolled_back_more_often_than_a_side_says(
    rule: str, full: bool
) -> None:
    times = times_of(rule, full=full)
    found = actions(rule, times)
    assert at_most(found["ship"], SIDE, times), found
    # The guardrail is at its best here, and cannot be broken for sure more often than it is at its margin.
    assert at_most(found["rollback"], SIDE, times), found


@EACH_RULE
def test_an_effect_of_just_what_matters_is_shipped_at_most_as_often_as_a_side_says(rule: str, full: bool) -> None:
    times = times_of(rule, full=full)
    found = actions(rule, times, gain=MIN, seed=51)
    assert at_most(found["ship"], SIDE, times), found


@EACH_RULE
def test_the_expected_effect_is_shipped_as_often_as_was_planned(rule: str, full: bool) -> None:
    """With looks the clauses other than the primary's make the plan a little careful: it never promises too much."""
    times = times_of(rule, full=full)
    found, (_, stated) = actions(rule, times, gain=EXPECTED, seed=52), planned_units(rule)
    assert stated == pytest.approx(0.8, abs=0.003)
    reach = 3 * math.sqrt(stated * (1 - stated) / times)
    assert found["ship"] / times > stated - reach, found
    assert found["ship"] / times < stated + reach + (0.06 if RULES[rule] else 0.0), found


@EACH_RULE
def test_what_harms_a_guardrail_by_its_margin_is_shipped_at_most_as_often_as_a_side_says(rule: str, full: bool) -> None:
    """However much better the primary is."""
    times = times_of(rule, full=full)
    found = actions(rule, times, gain=2.0, loss=MARGIN, seed=53)
    assert at_most(found["ship"], SIDE, times), found
    assert at_most(found["rollback"], SIDE, times), found
    if full and rule == "one look":
        assert found["ship"] / times > 0.01, found


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_what_is_worse_is_rolled_back(rule: str) -> None:
    times = times_of(rule, full=True) // 4
    assert actions(rule, times, gain=-1.0, seed=54)["rollback"] > 0.95 * times
    assert actions(rule, times, gain=2.0, loss=2 * MARGIN, seed=55)["rollback"] > 0.6 * times


@pytest.mark.parametrize("times", [QUICK, pytest.param(FULL, marks=pytest.mark.slow)])
def test_of_three_arms_that_all_harm_a_guardrail_each_has_a_chance_of_its_own(times: int) -> None:
    """Guardrails are not corrected over arms, as the guide says."""
    random, arms = np.random.default_rng(56), ("b", "c", "d")
    one = replace(study(1_000, "one look"), arms=dict.fromkeys(("control", *arms), 0.25))
    shipped = 0
    for _ in range(times):
        cells = {("control",): drawn(random, 400), **{(arm,): drawn(random, 400, 2.0, MARGIN) for arm in arms}}
        evidence = Evidence(cells=cells, counts=(), ids=None, repeated={}, unusable=(), notes={}, segments=())
        shipped += decide(one, find(one, evidence)).action == "ship"
    assert at_most(shipped, 3 * SIDE, times)
    assert times == QUICK or shipped / times > 0.05
