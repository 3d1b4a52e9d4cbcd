"""What became of a decision: what was expected, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from steelyard.canonical import plain
from steelyard.errors import DefinitionError
from steelyard.warehouse import Entry, Ledger

__all__ = ["OUTCOMES", "Review", "Reviewed", "record_review", "reviews"]

Outcome = Literal["better", "as_expected", "worse", "no_effect", "unclear"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, kw_only=True)
class Review:
    """What happened after a decision, beside what it expected.

    Args:
        decision: Digest of the decision's entry in the ledger.
        outcome: `better`, `as_expected`, `worse`, `no_effect` or `unclear`: beside what was expected.
        happened: What happened, in words, with its number and unit.
        who: Who looked.
        cites: Digests of results that show it.
        next_question: The next hypothesis, where there is one.

    Raises:
        DefinitionError: It does not say who looked or what happened, or its outcome is none.
    """

    decision: str
    outcome: Outcome
    happened: str
    who: str
    cites: tuple[str, ...] = ()
    next_question: str = ""

    def __post_init__(self) -> None:
        for name in ("decision", "happened", "who"):
            if not str(getattr(self, name)).strip():
                raise DefinitionError(f"the review says no {name!r}", where="review", hint="a year later it is asked")
        if self.outcome not in OUTCOMES:
            raise DefinitionError(
                f"{self.outcome!r} is not an outcome", where="review", hint=f"one of: {', '.join(OUTCOMES)}"
            )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Review:
        """The review that the ledger holds."""
        return cls(**{**data, "cites": tuple(data["cites"])})


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A review as the ledger holds it.

    Args:
        review: What happened.
        entry: The ledger's entry; its name is the decision's.
    """

    review: Review
    entry: Entry

    def to_dict(self) -> dict[str, Any]:
        """The review as plain values."""
        said: dict[str, Any] = plain(self.review)
        return {"review": said, "entry": self.entry.digest, "at": self.entry.at}


def record_review(review: Review, ledger: Ledger) -> Reviewed:
    """Records a review; like a decision it can never be changed, only followed by another.

    Args:
        review: What happened; what it names must be in this ledger.
        ledger: Where it is kept.

    Raises:
        UnknownNameError: The decision or a result is not there.
        DefinitionError: What it reviews is no decision, or what it cites no result.
    """
    decision = ledger.get(review.decision)
    cited = [ledger.get(digest) for digest in review.cites]
    for entry, kind in [(decision, "decision"), *((entry, "result") for entry in cited)]:
        if entry.kind != kind:
            raise DefinitionError(f"{entry.digest[:12]} is a {entry.kind}, not a {kind}", where="review")
    said = {**plain(review), "decision": decision.digest, "cites": [entry.digest for entry in cited]}
    return _read(ledger.append("review", decision.name, {"review": said}))


def _read(entry: Entry) -> Reviewed:
    return Reviewed(review=Review.from_dict(entry.body["review"]), entry=entry)


def reviews(ledger: Ledger, decision: str | None = None) -> tuple[Reviewed, ...]:
    """Every review, oldest first; of one decision where its digest is given."""
    found = (_read(entry) for entry in ledger.entries(kind="review"))
    return tuple(item for item in found if decision is None or item.review.decision == decision)
