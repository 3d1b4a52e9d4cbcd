"""Puts decisions into the ledger, and reads them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from steelyard.decisions.decision import Decision, FollowUp
from steelyard.decisions.gates import gates
from steelyard.decisions.review import Reviewed, reviews
from steelyard.errors import DefinitionError
from steelyard.result import Check, Result
from steelyard.warehouse import Entry, Ledger

__all__ = ["Recorded", "decide", "decisions", "due_follow_ups", "read_decision"]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A decision as the ledger holds it.

    Args:
        decision: What was chosen.
        gates: What a reviewer would ask, and whether it is there.
        entry: The ledger's entry.
        ledger_heads: The ledger's heads when it was recorded; kept elsewhere, they show a lost tail or a rewrite.
    """

    decision: Decision
    gates: tuple[Check, ...]
    entry: Entry
    ledger_heads: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return {
            "decision": self.decision.to_dict(),
            "gates": [gate.to_dict() for gate in self.gates],
            "ledger_heads": list(self.ledger_heads),
            "entry": self.entry.digest,
            "at": self.entry.at,
        }


def decide(decision: Decision, ledger: Ledger) -> Recorded:
    """Records a decision; it can never be changed, only followed by another.

    Args:
        decision: What was chosen; what it cites must be results in this ledger.
        ledger: Where it is kept.

    Raises:
        UnknownNameError: It cites an entry that the ledger does not have.
        DefinitionError: It cites an entry that is not a result.
    """
    cited = [ledger.get(digest) for digest in decision.cites]
    for entry in cited:
        if entry.kind != "result":
            raise DefinitionError(
                f"{entry.digest[:12]} is a {entry.kind}, not a result", where="decide", hint="cite results only"
            )
    marks = gates(decision, _results(cited))
    written = {**decision.to_dict(), "cites": [entry.digest for entry in cited]}
    heads = list(ledger.heads())
    body = {"decision": written, "gates": [mark.to_dict() for mark in marks], "ledger_heads": heads}
    return read_decision(ledger.append("decision", decision.name, body))


def _results(entries: Sequence[Entry]) -> list[Result]:
    return [Result.from_dict(entry.body["result"]) for entry in entries]


def read_decision(entry: Entry) -> Recorded:
    """The decision that a ledger's entry holds."""
    return Recorded(
        decision=Decision.from_dict(entry.body["decision"]),
        gates=tuple(Check(**gate) for gate in entry.body["gates"]),
        entry=entry,
        ledger_heads=tuple(entry.body["ledger_heads"]),
    )


def decisions(ledger: Ledger, name: str | None = None) -> tuple[Recorded, ...]:
    """Every decision, oldest first; of one name where it is given."""
    return tuple(read_decision(entry) for entry in ledger.entries(kind="decision", name=name))


def due_follow_ups(ledger: Ledger, today: date) -> tuple[tuple[Recorded, FollowUp], ...]:
    """What was to be looked at again by today, oldest date first.

    A follow-up is done when, on its date or later, the decision is reviewed or another of its name is recorded.
    """
    everything, looked = decisions(ledger), reviews(ledger)
    due = [
        (record, item)
        for record in everything
        for item in record.decision.follow_ups
        if item.on <= today and not _followed(record, item, everything) and not _reviewed(record, item, looked)
    ]
    return tuple(sorted(due, key=lambda pair: pair[1].on))


def _followed(record: Recorded, item: FollowUp, everything: Sequence[Recorded]) -> bool:
    return any(
        later.decision.name == record.decision.name
        and later.entry.number > record.entry.number
        and later.entry.at[:10] >= item.on.isoformat()
        for later in everything
    )


def _reviewed(record: Recorded, item: FollowUp, looked: Sequence[Reviewed]) -> bool:
    return any(
        done.review.decision == record.entry.digest and done.entry.at[:10] >= item.on.isoformat() for done in looked
    )
