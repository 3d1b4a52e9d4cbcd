"""Brings what an older Steelyard wrote up to the present format, one numbered step at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from steelyard.errors import WarehouseError

__all__ = ["migrate"]

T = TypeVar("T")


def migrate(
    subject: T,
    present: int,
    steps: Sequence[Callable[[T], None]],
    *,
    record: Callable[[T, int], None],
    what: str,
    where: str,
) -> int:
    """Takes the steps that are still to be taken, in order, recording each; returns the format reached.

    A step must be one transaction, or harmless when it is taken again after a kill between it and its record.

    Args:
        subject: What each step gets (a folder, a connection).
        present: The format that it has; `steps[present:]` are still to be taken.
        steps: The n-th step leads from format n to format n + 1.
        record: Writes down the format reached.
        what: What it is, for the error: "store", "ledger".
        where: Where it is.

    Raises:
        WarehouseError: It has a format that this Steelyard does not know.

    >>> notes = []
    >>> migrate(notes, 1, [lambda n: n.append("a"), lambda n: n.append("b")], record=list.append, what="x", where="")
    2
    >>> notes
    ['b', 2]
    """
    if present > len(steps):
        raise WarehouseError(
            f"the {what} has format {present}; this Steelyard reads formats up to {len(steps)}",
            where=where,
            hint="it was written by a newer Steelyard: upgrade this one",
        )
    for number, step in enumerate(steps[present:], start=present + 1):
        step(subject)
        record(subject, number)
    return len(steps)
