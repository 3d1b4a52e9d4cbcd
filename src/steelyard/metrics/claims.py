"""What a plan leans on, and must not merely believe: keys, references, histories and shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from steelyard.metrics.place import Step
from steelyard.warehouse import History

__all__ = ["Claim", "claims_of"]


@dataclass(frozen=True)
class Claim:
    """One thing that is said of a table and has to be proved.

    Args:
        table: The table.
        columns: Its columns: a key, a reference, whose state or whose share a row is.
        kind: `key` (unique and never NULL), `one_to_one` (unique where it is not NULL), `reference` (finds its row),
            `history` (one state at a time) or `weights` (the shares of each id add up to 1).
        references: The table referred to.
        key: The columns there.
        history: When a state holds.
        weight: The column with the share.
        required: Whether a reference that finds no row is refused, and not only counted.
    """

    table: str
    columns: tuple[str, ...]
    kind: str = "key"
    references: str = ""
    key: tuple[str, ...] = ()
    history: History | None = None
    weight: str = ""
    required: bool = True

    @property
    def rule(self) -> str:
        """The rule as a proof names it."""
        if self.history is not None:
            return f"history {self.history.valid_from} {self.history.valid_to}"
        return f"weights {self.weight}" if self.weight else ""


def claims_of(steps: Iterable[Step]) -> tuple[Claim, ...]:
    """What must be true for these joins to multiply no row, each once; and the references that they follow.

    Args:
        steps: The joins.
    """
    return tuple(dict.fromkeys(claim for step in steps for claim in _of(step)))


def _of(step: Step) -> Iterator[Claim]:
    if step.weight:
        yield Claim(step.target, step.key, "weights", weight=step.weight)
        return
    if step.reversed:
        yield Claim(step.target, step.key, "one_to_one")
        return
    if step.history is not None:
        yield Claim(step.target, step.key, "history", history=step.history)
    else:
        yield Claim(step.target, step.key)
    yield Claim(step.source, step.columns, "reference", step.target, step.key, required=step.complete)
