"""PlanOut's assignment, on the choices that its own tests publish."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.planout_hash import PlanOutSplit, planout_hash, planout_place

PARAMETERS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@pytest.mark.parametrize(("parameter", "choice"), [("foo", "b"), ("bar", "a"), ("baz", "a")])
def test_choices_are_those_that_planout_s_tests_publish(parameter: str, choice: str) -> None:
    """facebookarchive/planout, python/planout/test/test_assignment.py, of unit 4."""
    assert PlanOutSplit(salt=f"test_salt.{parameter}", arms=("a", "b")).assign([4]) == (choice,)
    assert PlanOutSplit(salt="test_salt.foo", arms=tuple("01234567")).assign([4]) == ("7",)


def test_places_are_its_formula_s() -> None:
    """The first 15 hexadecimal digits of SHA-1 over the largest such number, as `sha1sum` prints them."""
    printed = subprocess.run(["sha1sum"], input=b"exp.param.u000000", capture_output=True, check=True).stdout.decode()
    assert planout_hash("exp.param", "u000000") == int(printed[:15], 16)
    assert planout_place("exp.param", "u000000") == int(printed[:15], 16) / 0xFFFFFFFFFFFFFFF


@given(PARAMETERS, st.integers(0, 10**9), st.lists(st.floats(0, 10), min_size=1, max_size=6))
def test_a_weighted_choice_is_the_first_whose_running_sum_is_reached(
    salt: str, unit: int, weights: list[float]
) -> None:
    weights = [*weights, 1.0]
    (found,) = PlanOutSplit(salt=salt, arms=tuple(map(str, range(len(weights)))), weights=tuple(weights)).assign([unit])
    sums = [sum(weights[: k + 1]) for k in range(len(weights))]
    stop = planout_place(salt, unit) * sums[-1]
    assert int(found) == next(k for k, end in enumerate(sums) if stop <= end)


def test_arms_have_their_weights_and_a_uniform_choice_is_another_draw() -> None:
    ids = list(range(20_000))
    weighted = PlanOutSplit(salt="page.arm", arms=("control", "new"), weights=(1.0, 3.0)).assign(ids)
    assert weighted.count("new") / len(ids) == pytest.approx(0.75, abs=0.01)
    uniform = PlanOutSplit(salt="page.arm", arms=("control", "new")).assign(ids)
    equal = PlanOutSplit(salt="page.arm", arms=("control", "new"), weights=(1.0, 1.0)).assign(ids)
    assert uniform == tuple(("control", "new")[planout_hash("page.arm", item) % 2] for item in ids)
    assert 0.4 < sum(one != other for one, other in zip(uniform, equal, strict=True)) / len(ids) < 0.6


@pytest.mark.parametrize(
    "changes", [{"arms": ()}, {"weights": (1.0,)}, {"weights": (-1.0, 2.0)}, {"weights": (0.0, 0.0)}]
)
def test_a_split_of_nothing_is_refused(changes: Any) -> None:
    with pytest.raises(DefinitionError, match="split nothing"):
        PlanOutSplit(**{"salt": "page.arm", "arms": ("control", "new"), **changes})
