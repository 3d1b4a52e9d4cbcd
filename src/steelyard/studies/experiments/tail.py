"""What the largest units of a metric hold, by arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ArmTail", "Tail", "tails_of"]


@dataclass(frozen=True, kw_only=True)
class ArmTail:
    """The largest units in one arm.

    Args:
        units: How many lie beyond the cut.
        share: The part of the arm's sum that is theirs.
        excess: What lies beyond the cut, spread over all the arm's units.
    """

    units: int
    share: float
    excess: float


@dataclass(frozen=True, kw_only=True)
class Tail:
    """The largest units of one metric.

    Args:
        metric: The metric.
        cut: Where they begin, in the metric's unit.
        arms: Arm -> its part.
    """

    metric: str
    cut: float
    arms: Mapping[str, ArmTail]


def tails_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Tail, ...]:
    """From rows by arm, as `largest_units` fetches them; metrics without a cut are left out.

    >>> row = {"arm": "b", "n": 10, "value_0": "spend", "cut_0": 5.0, "sum_0": 40.0, "above_0": 1, "held_0": 20.0}
    >>> tails_of([row])[0].arms["b"]
    ArmTail(units=1, share=0.5, excess=1.5)
    """
    arms: dict[str, dict[str, ArmTail]] = {}
    cuts: dict[str, float] = {}
    for row in rows:
        for key in row:
            place = key.removeprefix("value_")
            if place != key and row[f"cut_{place}"] is not None and row[f"sum_{place}"]:
                metric, cut, above = row[key], float(row[f"cut_{place}"]), int(row[f"above_{place}"])
                held, whole = float(row[f"held_{place}"]), float(row[f"sum_{place}"])
                cuts[metric] = cut
                found = ArmTail(units=above, share=held / whole, excess=(held - above * cut) / row["n"])
                arms.setdefault(metric, {})[row["arm"]] = found
    return tuple(Tail(metric=metric, cut=cut, arms=arms[metric]) for metric, cut in cuts.items())
