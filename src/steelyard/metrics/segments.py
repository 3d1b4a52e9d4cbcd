"""A change by the segments of one dimension, from the metric's aggregates in each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from steelyard.metrics.attribution import SegmentChange, mix_and_rate, settled
from steelyard.metrics.explanation import DimensionChange, Segment

__all__ = ["additive_change", "ratio_change"]

Sums = Mapping[Any, tuple[float, ...]]


def additive_change(
    dimension: str, before: Sums, after: Sums, change: float, *, days: tuple[int, int] = (1, 1), overlaps: bool = False
) -> DimensionChange:
    """The change of a sum or count by segment; of a distinct count, with what several segments share set apart.

    Args:
        dimension: Its name.
        before: Segment -> its one aggregate at first.
        after: The same then.
        change: The whole change.
        days: What to divide each range by: its days where the change is per day, else 1.
        overlaps: Whether one thing may count in several segments.

    >>> additive_change("country", {"DE": (3.0,)}, {"DE": (4.0,), "FR": (2.0,)}, 3.0).segments[0].contribution
    2.0
    """
    values = list(dict.fromkeys((*before, *after)))
    sides = [(before.get(value, (0.0,))[0] / days[0], after.get(value, (0.0,))[0] / days[1]) for value in values]
    parts: tuple[float, ...] = tuple(new - old for old, new in sides)
    overlap = change - math.fsum(parts) if overlaps else 0.0
    if not overlaps:
        parts = settled(parts, change, scale=math.fsum(abs(old) + abs(new) for old, new in sides))
    segments = [
        Segment(value=value, before=old, after=new, contribution=part, share=_share(old, new, sides))
        for value, (old, new), part in zip(values, sides, parts, strict=True)
    ]
    return DimensionChange(dimension=dimension, segments=_ranked(segments), overlap=overlap)


def ratio_change(dimension: str, before: Sums, after: Sums, change: float) -> DimensionChange:
    """The change of a mean or ratio by segment, each parted into mix and rate.

    Args:
        dimension: Its name.
        before: Segment -> numerator and denominator at first; they add up to those of the whole.
        after: The same then.
        change: The whole change.
    """
    found = mix_and_rate(
        {value: (sums[0], sums[1]) for value, sums in before.items()},
        {value: (sums[0], sums[1]) for value, sums in after.items()},
    )
    sizes = [abs(rate) for part in found.values() for rate in (part.rate_before, part.rate_after) if rate is not None]
    totals = settled([part.total for part in found.values()], change, scale=max(sizes, default=0.0))
    segments = [
        Segment(
            value=value,
            before=part.rate_before,
            after=part.rate_after,
            contribution=total,
            mix=total - part.rate,
            rate=part.rate,
            share=(part.share_before + part.share_after) / 2,
        )
        for (value, part), total in zip(found.items(), totals, strict=True)
    ]
    return DimensionChange(
        dimension=dimension, segments=_ranked(segments), reversal=_reversal(found, change, dimension)
    )


def _share(old: float, new: float, sides: list[tuple[float, float]]) -> float:
    whole = math.fsum(abs(one) + abs(other) for one, other in sides)
    return (abs(old) + abs(new)) / whole if whole else 0.0


def _ranked(segments: list[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda segment: (-abs(segment.contribution), str(segment.value))))


def _reversal(found: Mapping[Any, SegmentChange], change: float, dimension: str) -> str:
    """Simpson's reversal: no segment moves with the whole, and one at least moves against it."""
    moves = [
        part.rate_after - part.rate_before
        for part in found.values()
        if part.rate_before is not None and part.rate_after is not None
    ]
    if (
        change == 0
        or not moves
        or any(move * change > 0 for move in moves)
        or not any(move * change < 0 for move in moves)
    ):
        return ""
    whole, each = ("rose", "fell") if change > 0 else ("fell", "rose")
    return (
        f"Simpson's reversal: the whole {whole}, yet within every value of {dimension} it {each} or stayed; "
        f"what moved is how much of the whole each value makes up."
    )
