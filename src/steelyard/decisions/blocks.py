"""A decision as a readable record: situation, task, action, result."""

from __future__ import annotations

from steelyard.decisions.record import Recorded
from steelyard.decisions.review import Reviewed
from steelyard.document import (
    Block,
    Callout,
    CalloutKind,
    Cell,
    Code,
    Column,
    Facts,
    Heading,
    Items,
    Paragraph,
    Section,
    Table,
    number_of,
)

__all__ = ["decision_blocks", "review_blocks"]

MARK = {"passed": "✓", "failed": "✗", "not_run": "–"}


def decision_blocks(recorded: Recorded) -> list[Block]:
    """The decision as situation, task, action and result, with its evidence, its gates and its follow-ups."""
    decision = recorded.decision
    door = "two-way door: it can be undone" if decision.reversible else "one-way door: it cannot be undone"
    return [
        Heading(decision.question, level=1),
        Callout(
            "note",
            f"{decision.choice.capitalize()}: {decision.action}",
            f"{decision.who}, {_moment(recorded.entry.at)}. A {door}.",
        ),
        *_part("Situation", decision.situation or "Not said."),
        *_part("Task", decision.question),
        *_part("Action", decision.action, f"Why: {decision.why}"),
        *_part(
            "Result",
            f"Expected: {decision.expected_effect}" if decision.expected_effect else "No expectation was written down.",
        ),
        *_list("Alternatives considered", decision.alternatives),
        *_list("Dissent", decision.dissent),
        *_follow_ups(recorded),
        *_gates(recorded),
        _evidence(recorded),
    ]


OUTCOMES: dict[str, CalloutKind] = {
    "better": "good", "as_expected": "good", "worse": "bad", "no_effect": "warning", "unclear": "note",
}  # fmt: skip


def review_blocks(recorded: Recorded, reviewed: Reviewed) -> list[Block]:
    """What became of a decision, beside what it expected."""
    review = reviewed.review
    title = f"{review.outcome.replace('_', ' ').capitalize()}: {review.happened}"
    facts: list[tuple[str, Cell]] = [
        ("decided", f"{recorded.decision.choice}: {recorded.decision.action}"),
        ("expected", recorded.decision.expected_effect or "no expectation was written down"),
        ("shown by", ", ".join(digest[:16] for digest in review.cites) or "no result"),
    ]
    facts += [("next question", review.next_question)] if review.next_question else []
    return [Callout(OUTCOMES[review.outcome], title, f"{review.who}, {_moment(reviewed.entry.at)}."), Facts(facts)]


def _part(title: str, *paragraphs: str) -> list[Block]:
    return [Heading(title, level=2), *(Paragraph(text) for text in paragraphs)]


def _list(title: str, items: tuple[str, ...]) -> list[Block]:
    return [Heading(title, level=2), Items(items)] if items else []


def _follow_ups(recorded: Recorded) -> list[Block]:
    items = recorded.decision.follow_ups
    if not items:
        return []
    rows = [(item.on, item.what, item.who or recorded.decision.who) for item in items]
    return [Heading("Follow-ups", level=2), Table([Column("on"), Column("what"), Column("who")], rows)]


def _gates(recorded: Recorded) -> list[Block]:
    failed = [gate for gate in recorded.gates if gate.status == "failed"]
    rows = [(MARK[gate.status], gate.name.replace("_", " "), gate.says) for gate in recorded.gates]
    table = Table([Column("holds", ""), Column("gate"), Column("says")], rows)
    if not failed:
        return [Heading("Review", level=2), Callout("good", "Every review gate holds"), table]
    says = " ".join(gate.says for gate in failed)
    title = f"{number_of(len(failed), 'review gate does', 'review gates do')} not hold"
    return [Heading("Review", level=2), Callout("warning", title, says), table]


def _evidence(recorded: Recorded) -> Section:
    facts: list[tuple[str, Cell]] = [
        ("recorded as", Code(recorded.entry.digest)),
        ("cites", ", ".join(digest[:16] for digest in recorded.decision.cites) or "nothing"),
        ("ledger head before it", ", ".join(head[:16] for head in recorded.ledger_heads) or "an empty ledger"),
    ]
    return Section("Evidence", [Facts(facts)])


def _moment(at: str) -> str:
    return f"{at[:10]} {at[11:16]} UTC"
