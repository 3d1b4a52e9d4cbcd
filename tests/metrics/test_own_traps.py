"""Our own traps (`traps/*/case.json`), asked of Steelyard: right, flagged, or refused for the right reason."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.metrics.traps.oracle import cases
from tests.metrics.traps.score import (
    NO_FLAG,
    OTHER_REASON,
    QUESTIONS,
    REFUSED,
    RIGHT,
    WRONG,
    Key,
    pending,
    score,
    unmet,
)

CASES = sorted(cases())


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[Key, tuple[str, str]]:
    return score(tmp_path_factory.mktemp("own_traps"))


@pytest.mark.parametrize("name", CASES)
def test_no_answer_is_silently_wrong(name: str, outcomes: dict[Key, tuple[str, str]]) -> None:
    wrong = {key: says for key, (outcome, says) in outcomes.items() if key[0] == name and outcome == WRONG}
    assert not wrong, "\n".join(f"{key}: {says}" for key, says in wrong.items())


@pytest.mark.parametrize("name", CASES)
def test_a_trap_is_answered_right_or_refused_for_its_reason(name: str, outcomes: dict[Key, tuple[str, str]]) -> None:
    """But for what `pending.json` lists, which lists nothing else."""
    of_case = {key: outcome for key, outcome in outcomes.items() if key[0] == name}
    missed, listed = set(unmet(of_case)), {key for key in pending() if key[0] == name}
    lines = [f"{key}: {of_case[key]}" for key in sorted(missed - listed)]
    lines += [f"{key} is as it should be: take it out of pending.json" for key in sorted(listed - missed)]
    assert not lines, "\n".join(lines)


def test_what_is_pending_are_questions_that_there_are() -> None:
    assert set(QUESTIONS) >= pending()


def test_the_score_adds_up(outcomes: dict[Key, tuple[str, str]]) -> None:
    count = Counter(outcome for outcome, _ in outcomes.values())
    assert sum(count.values()) == len(QUESTIONS)
    assert count[WRONG] == 0
    assert count[RIGHT] + count[REFUSED] + count[NO_FLAG] + count[OTHER_REASON] >= len(QUESTIONS) - len(pending())
