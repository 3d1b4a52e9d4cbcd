"""What is wrong with the project's files, to be shown above a page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from steelyard.document import Block, Callout, Column, Section, Table
from steelyard.errors import SteelyardError

__all__ = ["problem_callouts", "shown_place"]

FIRST = 20


def problem_callouts(problems: Iterable[SteelyardError], folder: Path) -> list[Block]:
    """A callout that counts the problems, and the problems with file, line and hint; nothing where there are none."""
    found = list(problems)
    if not found:
        return []
    count = "1 problem" if len(found) == 1 else f"{len(found):,} problems"
    rows = [(shown_place(error.where, folder), error.problem, error.hint) for error in found[:FIRST]]
    more = f"The first {FIRST} of {len(found):,}." if len(found) > FIRST else None
    columns = [Column("where"), Column("problem"), Column("hint")]
    return [
        Callout("bad", f"{count} in the project's files", "What they define is not shown; everything else is."),
        Section("Where, and what to do", [Table(columns, rows, caption=more)]),
    ]


def shown_place(where: str, folder: Path) -> str:
    """A place, relative to the project's folder."""
    return where.replace(f"{folder}/", "")
