"""A change of a metric between two versions, shared out over its reasons so that they add up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from steelyard.metrics.attribution import settled
from steelyard.metrics.row_changes import REASONS

__all__ = ["CAUSES", "Cell", "additive_cell", "quotient_cell"]

CAUSES = tuple(reason for reason in REASONS if reason != "same")
"""What the rows can be a reason by; a change of the definition comes on top."""

Amounts = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a metric was and is in one group, and why it changed.

    Args:
        before: Its number in the earlier version; None for a ratio of nothing.
        after: Its number in the later one.
        because: Reason -> what it adds to the change; None where there is no number before or after.
    """

    before: Any
    after: Any
    because: Mapping[str, Any] = field(default_factory=dict)

    @property
    def change(self) -> Any:
        """How much it changed; None where there is no number before or after."""
        return None if self.before is None or self.after is None else self.after - self.before


def additive_cell(amounts: Amounts) -> Cell:
    """The cell of a sum or count; whole numbers and decimals add up exactly, floats have their last digits settled.

    Args:
        amounts: Reason -> what such rows added before, and what they add now.

    >>> cell = additive_cell({"same": (5, 5), "late_rows": (0, 3), "removed_rows": (1, 0)})
    >>> cell.before, cell.after, cell.because["late_rows"], cell.because["removed_rows"]
    (6, 8, 3, -1)
    """
    before, after = _total(amounts, 0), _total(amounts, 1)
    parts = [after_ - before_ for before_, after_ in (amounts.get(cause, (0, 0)) for cause in CAUSES)]
    if isinstance(before, float) or isinstance(after, float):
        sizes = [abs(float(value)) for pair in amounts.values() for value in pair]
        parts = list(settled([float(part) for part in parts], float(after) - float(before), scale=sum(sizes)))
    return Cell(before=before, after=after, because=dict(zip(CAUSES, parts, strict=True)))


def _total(amounts: Amounts, side: int) -> Any:
    values = [pair[side] for pair in amounts.values()]
    if any(isinstance(value, float) for value in values):
        return float(sum(map(float, values)))
    return sum(values)


def quotient_cell(numerator: Amounts, denominator: Amounts) -> Cell:
    """The cell of a mean or ratio: each reason by what it does to either side, at the mean of before and after.

    With n and d the sides, r their ratio, and bars for the mean of before and after, the change of n is
    d-bar times the change of r plus r-bar times that of d, exactly. So a reason that changes the sides by a and b adds
    (a - r-bar b) / d-bar; computed in fractions, then rounded once.

    Args:
        numerator: Reason -> what such rows added to it before, and what they add now.
        denominator: The same of the other side.

    Source: the midpoint form of the product rule, as in Marshall and Edgeworth's index; compared with brute force.

    >>> cell = quotient_cell({"same": (10, 10), "late_rows": (0, 20)}, {"same": (2, 2), "late_rows": (0, 1)})
    >>> cell.before, cell.after, cell.because["late_rows"]
    (5.0, 10.0, 5.0)
    """
    upper = [Fraction(_total(numerator, side)) for side in (0, 1)]
    lower = [Fraction(_total(denominator, side)) for side in (0, 1)]
    shown = [
        float(_total(numerator, side)) / float(_total(denominator, side)) if lower[side] else None for side in (0, 1)
    ]
    before, after = shown
    if before is None or after is None:
        because = dict.fromkeys(CAUSES, 0.0 if before is after else None)
        return Cell(before=before, after=after, because=because)
    middle = (lower[0] + lower[1]) / 2
    if middle == 0:
        return Cell(before=before, after=after, because=dict.fromkeys(CAUSES))
    rate = (upper[0] / lower[0] + upper[1] / lower[1]) / 2
    parts = [(_moved(numerator, cause) - rate * _moved(denominator, cause)) / middle for cause in CAUSES]
    scale = max(abs(before), abs(after), *(abs(float(part)) for part in parts))
    exact = settled([float(part) for part in parts], after - before, scale=scale)
    return Cell(before=before, after=after, because=dict(zip(CAUSES, exact, strict=True)))


def _moved(amounts: Amounts, cause: str) -> Fraction:
    before, after = amounts.get(cause, (0, 0))
    return Fraction(after) - Fraction(before)


def one_type(values: Sequence[Any]) -> list[Any]:
    """The numbers of a column as one type: floats where any is one, else decimals where any is one, else as they are.

    >>> one_type([1, Decimal("2.50"), None])
    [Decimal('1'), Decimal('2.50'), None]
    """
    for kind in (float, Decimal):
        if any(isinstance(value, kind) for value in values):
            return [None if value is None else kind(value) for value in values]
    return list(values)
