"""What a check found, before it is worded as a Check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from steelyard.result import Check

__all__ = ["Found", "Measured", "counted"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a check found.

    Args:
        holds: Whether what it asks for holds; None where it could not be asked.
        says: One sentence, with the numbers.
        value: What was measured.
        limit: What it was held against.
        severity: Where it is another than the check's own, because of what was found.
    """

    holds: bool | None
    says: str
    value: float | None = None
    limit: float | None = None
    severity: str = ""

    def check(self, name: str, severity: str) -> Check:
        """The same as a check."""
        status = "not_run" if self.holds is None else "passed" if self.holds else "failed"
        return Check(
            name=name,
            status=status,  # type: ignore[arg-type]
            severity=self.severity or severity,  # type: ignore[arg-type]
            value=self.value,
            limit=self.limit,
            says=self.says,
        )


Found = Iterator[Measured]


def counted(number: int, bad: str, good: str) -> Measured:
    """Of something that should never be: how often it was.

    >>> counted(0, "units have no arm", "Every unit has an arm.").holds
    True
    """
    return Measured(holds=not number, value=float(number), limit=0.0, says=bad if number else good)
