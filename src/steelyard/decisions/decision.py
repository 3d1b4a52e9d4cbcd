"""What people chose, and why: it cites results and never replaces them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from steelyard.canonical import plain
from steelyard.errors import DefinitionError

__all__ = ["CHOICES", "Decision", "FollowUp"]

Choice = Literal["ship", "hold", "rollback", "stop", "test", "other"]
CHOICES: tuple[Choice, ...] = ("ship", "hold", "rollback", "stop", "test", "other")


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """Something to look at again, and when.

    Args:
        on: The date on which it is due.
        what: What is to be done or looked at.
        who: Who does it.
    """

    on: date
    what: str
    who: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What people chose, and why.

    Args:
        name: Snake case; usually the study's name.
        question: What had to be decided.
        choice: `ship`, `hold`, `rollback`, `stop` (end the initiative), `test` (find out more first) or `other`.
        action: What will be done, in words.
        why: The reasons, in words.
        who: Who decided.
        cites: Digests of the ledger's entries that it rests on.
        situation: What was going on.
        alternatives: What else was considered.
        reversible: Whether it can be undone: a two-way door; False is a one-way door.
        expected_effect: What it should do, with its number and unit, so that it can be looked at later.
        dissent: Who disagreed, and why.
        follow_ups: What to look at again, and when.
    """

    name: str
    question: str
    choice: Choice
    action: str
    why: str
    who: str
    cites: tuple[str, ...] = ()
    situation: str = ""
    alternatives: tuple[str, ...] = ()
    reversible: bool
    expected_effect: str = ""
    dissent: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()

    def __post_init__(self) -> None:
        for name in ("name", "question", "action", "why", "who"):
            if not str(getattr(self, name)).strip():
                raise DefinitionError(f"the decision says no {name!r}", where="decide", hint="a year later it is asked")
        if self.choice not in CHOICES:
            raise DefinitionError(
                f"{self.choice!r} is not a choice", where="decide", hint=f"one of: {', '.join(CHOICES)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """The decision as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decision:
        """The decision that `to_dict` wrote."""
        follow_ups = tuple(FollowUp(**{**item, "on": date.fromisoformat(item["on"])}) for item in data["follow_ups"])
        lists = {name: tuple(data[name]) for name in ("cites", "alternatives", "dissent")}
        return cls(**{**data, **lists, "follow_ups": follow_ups})
