"""Something that had to hold for a number to be believed, and whether it did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Check"]

Status = Literal["passed", "failed", "not_run"]
Severity = Literal["blocking", "doubt", "note"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something that had to hold for a number to be believed, and whether it did.

    Args:
        name: A short snake-case name, such as `sample_ratio`.
        status: `passed`, `failed` or `not_run` (it could not be done, and `says` why).
        severity: `blocking` makes the answer invalid, `doubt` at most unclear, `note` only speaks.
        value: What was measured; None where there is no one number.
        limit: What it was held against.
        says: One sentence for a person, with the numbers.

    >>> Check(name="sample_ratio", status="failed", severity="blocking", value=0.0086, limit=0.001, says="...").stops
    True
    """

    name: str
    status: Status
    severity: Severity = "blocking"
    value: float | None = None
    limit: float | None = None
    says: str

    @property
    def stops(self) -> bool:
        """Whether it makes an answer invalid: blocking, and not seen to hold."""
        return self.severity == "blocking" and self.status != "passed"

    @property
    def doubts(self) -> bool:
        """Whether it makes an answer at most unclear: a doubt that failed."""
        return self.severity == "doubt" and self.status == "failed"

    def to_dict(self) -> dict[str, Any]:
        """The row, keyed by column."""
        return asdict(self)
