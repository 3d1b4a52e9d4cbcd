"""The first page of a project where nobody wrote another: one headline, its drivers, guardrails, then the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.document import Block, Heading

__all__ = ["Part", "home_blocks"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the page under its own heading; one without blocks is not shown.

    Args:
        title: The heading.
        id: Where links lead.
        blocks: What it holds.
    """

    title: str
    id: str
    blocks: Sequence[Block]


def home_blocks(
    *, figures: Sequence[Block], attention: Sequence[Block], line: Sequence[Block], parts: Sequence[Part]
) -> list[Block]:
    """The page.

    Args:
        figures: The one metric that says how the whole is doing.
        attention: What is wrong or due; nothing where nothing is.
        line: The metric over time.
        parts: The rest, in order.
    """
    found: list[Block] = [*figures, *attention, *line]
    for part in parts:
        if part.blocks:
            found += [Heading(part.title, 2, id=part.id), *part.blocks]
    return found
