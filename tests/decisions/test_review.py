"""What became of a decision: kept beside it, and done once looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from steelyard.decisions import Decision, FollowUp, Review, decide, due_follow_ups, record_review, reviews
from steelyard.decisions.initiative import STEPS, standing_of
from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.warehouse import Ledger

TODAY = date(2100, 1, 1)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.in_memory() as opened:
        yield opened


def decided(ledger: Ledger, **changes: Any) -> str:
    said: dict[str, Any] = {
        "name": "pilot", "question": "Do we roll it out?", "choice": "ship", "action": "Roll it out.",
        "why": "It pays.", "who": "Ada", "reversible": True,
        "follow_ups": (FollowUp(on=date(2026, 3, 1), what="look again"),),
    }  # fmt: skip
    return decide(Decision(**{**said, **changes}), ledger).entry.digest


def review(digest: str, **changes: Any) -> Review:
    said = {"decision": digest, "outcome": "worse", "happened": "-2 % a week", "who": "Grace"}
    return Review(**{**said, **changes})


def test_a_review_is_kept_with_its_decision_and_is_read_back(ledger: Ledger) -> None:
    digest = decided(ledger)
    kept = record_review(review(digest[:12], next_question="Does it hold in Spain?"), ledger)
    assert kept.review.decision == digest
    assert reviews(ledger) == reviews(ledger, digest) == (kept,)
    assert ledger.verify().ok


def test_a_follow_up_is_done_when_its_decision_was_reviewed_after_its_date(ledger: Ledger) -> None:
    digest, other = decided(ledger), decided(ledger, name="other")
    late = decided(ledger, name="late", follow_ups=(FollowUp(on=date(2099, 1, 1), what="much later"),))
    assert len(due_follow_ups(ledger, TODAY)) == 3
    record_review(review(digest), ledger)
    record_review(review(late), ledger)
    assert [record.entry.digest for record, _ in due_follow_ups(ledger, TODAY)] == [other, late]


def test_what_is_reviewed_must_be_a_decision_and_what_is_cited_a_result(ledger: Ledger) -> None:
    digest = decided(ledger)
    with pytest.raises(UnknownNameError):
        record_review(review("feedfeed"), ledger)
    with pytest.raises(DefinitionError, match="is a decision, not a result"):
        record_review(review(digest, cites=(digest,)), ledger)
    done = record_review(review(digest), ledger)
    with pytest.raises(DefinitionError, match="is a review, not a decision"):
        record_review(review(done.entry.digest), ledger)
    assert len(reviews(ledger)) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"outcome": "great"}, "not an outcome"), ({"happened": " "}, "happened"), ({"who": ""}, "who")],
)
def test_a_review_that_says_too_little_is_refused(changes: dict[str, str], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        review("abcd", **changes)


def test_a_study_stands_at_the_step_after_its_last(ledger: Ledger) -> None:
    fresh = standing_of("pilot", "Does it pay?", today=TODAY)
    assert tuple(step.name for step in fresh.steps) == STEPS
    assert fresh.next_step is not None
    assert fresh.next_step.name == "registered"
    running = standing_of("pilot", "Does it pay?", today=TODAY, ramp="stage 1 of 4", begun=True)
    assert running.next_step is not None
    assert running.next_step.name == "measured"
    digest = decided(ledger)
    (recorded,) = (record for record, _ in due_follow_ups(ledger, TODAY))
    waits = standing_of("pilot", "Does it pay?", today=TODAY, decision=recorded)
    assert waits.next_step is not None
    assert (waits.next_step.name, waits.next_step.says) == ("reviewed", "due since 2026-03-01")
    done = record_review(review(digest), ledger)
    closed = standing_of("pilot", "Does it pay?", today=TODAY, decision=recorded, review=done)
    assert closed.next_step is None
    assert closed.steps[-1].says.startswith("worse, Grace")
