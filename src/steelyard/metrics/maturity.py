"""By which day the days after a row must be over for it to count, and what says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from steelyard.metrics.spine import Coverage

__all__ = ["Through", "known_through"]


@dataclass(frozen=True)
class Through:
    """The last local day that is known completely.

    Args:
        day: The day.
        says: What says so.
    """

    day: date
    says: str


def known_through(asked: date | None, near: Mapping[str, Coverage]) -> Through:
    """The last day that is known completely, of a row and of what can follow it.

    Args:
        asked: The day that the question says; it is taken.
        near: The days of the tables, by name. The earliest that any of them declares is taken; where none declares one,
            the last day on which any has rows.

    >>> visits = Coverage(first=date(2026, 1, 1), last=date(2026, 1, 9), rows=9, without_time=0)
    >>> known_through(None, {"visits": visits}).says
    'the last day with rows of visits: none declares `lateness:` or `complete_through:`'
    """
    if asked is not None:
        return Through(asked, "as the question says")
    said = [(item.complete, f"{name}: {item.rule}") for name, item in near.items() if item.complete is not None]
    if said:
        return Through(*min(said))
    last = max((item.last for item in near.values() if item.last is not None), default=date.min)
    names = " or ".join(near)
    return Through(last, f"the last day with rows of {names}: none declares `lateness:` or `complete_through:`")
