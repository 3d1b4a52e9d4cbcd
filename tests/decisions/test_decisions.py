"""Decisions: recorded for good, marked by gates, followed up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from tests.studies.test_standing import PANEL, STUDY

from steelyard.decisions import Decision, FollowUp, decide, decisions, due_follow_ups
from steelyard.decisions.blocks import decision_blocks
from steelyard.document import to_html, to_text
from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.studies import Setting, plan, run_and_keep
from steelyard.warehouse import Entry, Ledger, connect


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.in_memory() as opened:
        yield opened


def result(ledger: Ledger, *, register: bool = True) -> Entry:
    setting = Setting(warehouse=connect(PANEL), ledger=ledger)
    if register:
        plan(STUDY, setting, freeze=True)
    entry = run_and_keep(STUDY, setting)[1]
    assert entry is not None
    return entry


def made(**changes: Any) -> Decision:
    said: dict[str, Any] = {
        "name": "pilot",
        "question": "Do we roll the pilot out?",
        "choice": "test",
        "action": "Run a holdout first.",
        "why": "The groups did not move alike before.",
        "who": "Ada",
        "reversible": True,
        "expected_effect": "USD 3 a shop and week",
        "follow_ups": (FollowUp(on=date(2026, 3, 1), what="look at the holdout"),),
    }
    return Decision(**{**said, **changes})


def gate(recorded: Any, name: str) -> str:
    return next(check.status for check in recorded.gates if check.name == name)


def test_a_decision_is_kept_with_what_it_cites_and_the_heads_before_it(ledger: Ledger) -> None:
    entry = result(ledger)
    recorded = decide(made(cites=(entry.digest[:12],)), ledger)
    assert recorded.decision.cites == (entry.digest,)
    assert recorded.ledger_heads == (entry.digest,)
    assert decisions(ledger)[0].to_dict() == recorded.to_dict()


def test_shipping_without_guardrails_is_marked_and_not_forbidden(ledger: Ledger) -> None:
    recorded = decide(made(choice="ship", cites=(result(ledger).digest,)), ledger)
    assert gate(recorded, "has_guardrails") == "failed"
    assert gate(recorded, "has_a_primary_metric") == "passed"
    assert gate(recorded, "rule_fixed_beforehand") == "passed"


def test_shipping_on_an_exploratory_result_is_marked(ledger: Ledger) -> None:
    recorded = decide(made(choice="ship", cites=(result(ledger, register=False).digest,)), ledger)
    assert gate(recorded, "rule_fixed_beforehand") == "failed"


def test_shipping_on_nothing_is_marked_everywhere(ledger: Ledger) -> None:
    recorded = decide(made(choice="ship"), ledger)
    failed = {check.name for check in recorded.gates if check.status == "failed"}
    assert {"cites_a_result", "has_a_primary_metric", "has_guardrails", "rule_fixed_beforehand"} <= failed


def test_citing_what_is_not_there_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    with pytest.raises(UnknownNameError):
        decide(made(cites=("0123456789ab",)), ledger)
    assert not decisions(ledger)


def test_citing_a_registration_is_refused(ledger: Ledger) -> None:
    result(ledger)
    registration = next(iter(ledger.entries(kind="registration")))
    with pytest.raises(DefinitionError, match="not a result"):
        decide(made(cites=(registration.digest,)), ledger)


@pytest.mark.parametrize("field", ["who", "why", "action", "question"])
def test_what_is_asked_a_year_later_must_be_said(field: str) -> None:
    with pytest.raises(DefinitionError, match=field):
        made(**{field: " "})


def test_a_choice_that_is_none_is_refused() -> None:
    with pytest.raises(DefinitionError, match="launch"):
        made(choice="launch")


def test_follow_ups_are_due_until_a_later_decision(ledger: Ledger) -> None:
    decide(made(), ledger)
    assert not due_follow_ups(ledger, date(2026, 2, 28))
    assert [item.what for _, item in due_follow_ups(ledger, date(2026, 3, 1))] == ["look at the holdout"]
    decide(made(follow_ups=()), ledger)
    later = decisions(ledger)[-1].entry.at
    expected = later[:10] < "2026-03-01"
    assert bool(due_follow_ups(ledger, date(2026, 3, 1))) is expected


def test_it_reads_as_situation_task_action_result_in_every_medium(ledger: Ledger) -> None:
    blocks = decision_blocks(decide(made(dissent=("Bob: ship it now",), alternatives=("do nothing",)), ledger))
    text = to_text(blocks)
    for part in ("Situation", "Task", "Action", "Result", "Dissent", "Bob: ship it now", "two-way door", "do nothing"):
        assert part in text
    assert "look at the holdout" in to_html(blocks)


def test_shipping_against_a_verdict_that_is_not_yes_is_marked(ledger: Ledger) -> None:
    entry = result(ledger)
    answer = entry.body["result"]["verdict"]["answer"]
    recorded = decide(made(choice="ship", cites=(entry.digest,)), ledger)
    assert gate(recorded, "agrees_with_the_verdict") == ("passed" if answer == "yes" else "failed")
