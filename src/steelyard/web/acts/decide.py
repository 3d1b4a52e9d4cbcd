"""Records what people chose and why, for good."""

from __future__ import annotations

from datetime import date
from typing import Any

from steelyard.decisions import FollowUp
from steelyard.decisions.decision import CHOICES
from steelyard.document import Callout, Facts, Link, Paragraph
from steelyard.errors import DefinitionError
from steelyard.project import Project
from steelyard.web.acts.act import WHO, WHY, Act, Beforehand, Said, latest_result, state_of
from steelyard.web.page import Input, address

__all__ = ["DECIDE"]

DOORS = (("yes", "A two-way door: it can be undone"), ("no", "A one-way door: it cannot be undone"))
LINES = "One a line."


def _before(project: Project, name: str) -> Beforehand:
    latest = latest_result(project, name)
    if latest is None:
        study = project.study(name)
        says = "The decision will say for good that it cites no result."
        blocks: list[Any] = [Paragraph(study.question), Callout("warning", "There is no result to cite", says)]
        question, situation = study.question, ""
    else:
        verdict = latest.body["result"]["verdict"]
        question, situation = latest.body["result"]["question"], verdict["says"]
        cited = Link(latest.digest[:16], address("results", latest.digest))
        blocks = [Paragraph(question), Facts([("cites", cited), ("verdict", verdict["answer"]), ("says", situation)])]
    return Beforehand(
        blocks=blocks,
        will="The decision is kept in the ledger for good. It can be followed by another, and never changed.",
        state=state_of(latest.digest if latest else ""),
        inputs=_inputs(question, situation),
    )


def _inputs(question: str, situation: str) -> tuple[Input, ...]:
    return (
        Input(name="situation", label="Situation", kind="textarea", value=situation),
        Input(name="question", label="Task: what had to be decided", value=question, required=True),
        Input(
            name="choice",
            label="Choice",
            kind="select",
            options=(("", "Choose"), *((item, item) for item in CHOICES)),
            required=True,
        ),
        Input(name="action", label="Action: what will be done", kind="textarea", required=True),
        Input(name="expected", label="Expected result", hint="With its number and unit, so that it can be looked at."),
        Input(name="reversible", label="Door", kind="select", options=(("", "Choose"), *DOORS), required=True),
        Input(name="alternatives", label="Alternatives considered", kind="textarea", hint=LINES),
        Input(name="dissent", label="Dissent: who disagreed, and why", kind="textarea", hint=LINES),
        Input(name="follow_up_on", label="Look again on", kind="date"),
        Input(name="follow_up", label="To look at"),
        WHO,
        WHY,
    )


def _decision(project: Project, name: str, said: Said) -> dict[str, Any]:
    return {
        "question": said.needed("question"),
        "situation": said.text("situation"),
        "choice": said.one_of("choice", CHOICES),
        "action": said.needed("action"),
        "why": said.needed("why"),
        "who": said.needed("who"),
        "reversible": said.one_of("reversible", tuple(value for value, _ in DOORS)) == "yes",
        "expected_effect": said.text("expected"),
        "alternatives": said.lines("alternatives"),
        "dissent": said.lines("dissent"),
        "follow_ups": _follow_ups(said),
    }


def _follow_ups(said: Said) -> tuple[FollowUp, ...]:
    on, what = said.text("follow_up_on"), said.text("follow_up")
    if not on and not what:
        return ()
    if not (on and what):
        raise DefinitionError("a follow-up has a date and says what to look at", where="decide", hint="fill in both")
    try:
        return (FollowUp(on=date.fromisoformat(on), what=what),)
    except ValueError as error:
        raise DefinitionError(f"{on!r} is not a date", where="decide", hint="write it as 2026-01-31") from error


def _do(project: Project, name: str, said: Said) -> str:
    recorded = project.decide(name, **_decision(project, name, said))
    return address("decisions", recorded.entry.digest)


DECIDE = Act(name="decide", label="Decide", right="act", before=_before, check=_decision, do=_do)
