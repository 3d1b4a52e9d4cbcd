"""What the rule written beforehand says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from steelyard.result.check import Check

__all__ = ["Clause", "Verdict", "judged"]

Answer = Literal["yes", "no", "unclear", "invalid"]
Action = Literal["ship", "hold", "rollback", "none"]


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One clause of a rule, with the number that decided it.

    Args:
        name: A short name, such as `primary_excludes_zero`.
        holds: Whether it holds; None where it could not be decided.
        says: The clause with its numbers, in words.
    """

    name: str
    holds: bool | None
    says: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rule written beforehand says; people decide, and may decide otherwise.

    Args:
        answer: `yes`, `no`, `unclear` or `invalid`, to the study's question.
        action: `ship`, `hold`, `rollback` or `none`.
        says: The verdict in words.
        rule: The rule, as it was fixed before the data was read.
        clauses: The rule clause by clause.
        settle: What would settle it, when the answer is unclear or invalid.
    """

    answer: Answer
    action: Action = "none"
    says: str
    rule: str
    clauses: tuple[Clause, ...] = ()
    settle: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Verdict:
        """The verdict that `to_dict` wrote."""
        clauses = tuple(Clause(**clause) for clause in data["clauses"])
        return cls(**{**data, "clauses": clauses, "settle": tuple(data["settle"])})


def judged(verdict: Verdict, checks: tuple[Check, ...]) -> Verdict:
    """The verdict after its checks: a blocking one that did not hold makes it invalid, a doubt at most unclear.

    >>> yes = Verdict(answer="yes", action="ship", says="It raises revenue.", rule="ship if ...")
    >>> doubt = Check(name="placebo", status="failed", severity="doubt", says="The placebo date is as large.")
    >>> judged(yes, (doubt,)).answer
    'unclear'
    """
    stopping = [check for check in checks if check.stops]
    doubting = [check for check in checks if check.doubts]
    if stopping:
        reasons = " ".join(check.says for check in stopping)
        action: Action = "rollback" if verdict.action == "rollback" else "hold" if verdict.action != "none" else "none"
        return replace(verdict, answer="invalid", action=action, says=f"No valid answer: {reasons}")
    if doubting and verdict.answer in ("yes", "no"):
        reasons = " ".join(check.says for check in doubting)
        action = "hold" if verdict.action == "ship" else verdict.action
        return replace(verdict, answer="unclear", action=action, says=f"{verdict.says} But it is doubtful: {reasons}")
    return verdict
