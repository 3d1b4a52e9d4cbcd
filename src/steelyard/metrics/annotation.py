"""What happened in the world that a metric may show: a launch, an outage, a holiday, a change of policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["Annotation"]


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """Something that happened; its fields are the keys of its YAML.

    Args:
        at: First local day.
        until: Last local day, included; None for the one day.
        says: What happened, in a few words.
        kind: `launch`, `outage`, `holiday`, `policy` or `other`.
        where: A condition on dimensions, where it concerns only some rows; empty for all.
        metrics: The metrics that it concerns; empty for all.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It ends before it begins, or says nothing.

    >>> Annotation(at=date(2026, 5, 19), until=date(2026, 6, 7), says="Payments failed", kind="outage").meets(
    ...     date(2026, 6, 1), date(2026, 6, 30)
    ... )
    True
    """

    at: date
    until: date | None = None
    says: str = ""
    kind: Literal["launch", "outage", "holiday", "policy", "other"] = "other"
    where: str = ""
    metrics: tuple[str, ...] = ()
    defined_at: str = ""

    def __post_init__(self) -> None:
        if self.until is not None and self.until < self.at:
            raise DefinitionError(
                f"the annotation {self.says!r} ends on {self.until} before it begins on {self.at}",
                where=self.defined_at,
                hint="give the earlier day first",
            )
        if not self.says.strip():
            raise DefinitionError(
                f"the annotation of {self.at} says nothing", where=self.defined_at, hint="add `says:`"
            )

    @property
    def last(self) -> date:
        """Its last local day."""
        return self.until or self.at

    def meets(self, first: date, last: date) -> bool:
        """Whether any of its days lies in the range, both ends included."""
        return self.at <= last and self.last >= first
