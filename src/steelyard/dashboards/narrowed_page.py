"""What all blocks of a page share, and what one of them shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from steelyard.dashboards.answers import Answers
from steelyard.document import Block

__all__ = ["Drawn", "Href", "NarrowedPage", "nowhere"]

Href = Callable[[str, str], str | None]


def nowhere(kind: str, name: str) -> str | None:
    """No address: what a page in a notebook or a file leads to."""
    return None


@dataclass(frozen=True, kw_only=True)
class NarrowedPage:
    """What all blocks of a page share.

    Args:
        answers: What is asked.
        grain: The period.
        written_grain: The period that the file says.
        where: The condition of the page's filters; empty for none.
        only: The filters themselves, by which annotations of other segments are left out.
        since: First local date that is shown; None from the start.
        until: Last local date; None to the end.
        href: `metric`, `analysis` or `study`, and a name -> where it leads; None for nowhere.
    """

    answers: Answers
    grain: str
    written_grain: str
    where: str = ""
    only: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None
    href: Href = lambda kind, name: None

    @property
    def as_written(self) -> bool:
        """Whether it is the view that the file says, so that heights that are stated there are of it."""
        return not self.where and self.grain == self.written_grain

    def both(self, where: str) -> str:
        """The page's condition and a block's own."""
        return " AND ".join(f"({part})" for part in (self.where, where) if part) if where else self.where

    def asked(self, where: str = "") -> dict[str, Any]:
        """The limits of a question."""
        return {"where": self.both(where), "since": self.since, "until": self.until}


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What a block shows.

    Args:
        title: Its heading.
        blocks: What is shown under it.
        notes: What a reader must know of its numbers.
        data: Its numbers, as plain values.
        href: Where more of it is; None for nowhere.
    """

    title: str
    blocks: Sequence[Block]
    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    href: str | None = None
