"""One alert a cause: what fires together is told once, under the segment or the metric that shows it best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.metrics.tree import Tree
from steelyard.metrics.watching.judge import Judged

__all__ = ["Cause", "causes"]

MOSTLY = 0.75


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What is told as one.

    Args:
        headline: What shows it best.
        also: What else fired with it.
    """

    headline: Judged
    also: tuple[Judged, ...] = ()

    @property
    def each(self) -> tuple[Judged, ...]:
        """The headline and the others."""
        return (self.headline, *self.also)


def causes(firing: Sequence[Judged], judged: Sequence[Judged], trees: Mapping[str, Tree]) -> tuple[Cause, ...]:
    """What fires, by cause, the most certain first.

    One metric that moves to one side, in several segments or by several alerts, is one cause: the segment that makes up
    three quarters of the whole's move where there is one, else the whole, else the most certain segment. Branches of a
    metric's tree that move with it are part of its cause.

    Args:
        firing: What fires.
        judged: Everything that was judged, for the wholes.
        trees: Trees by the metric that they take apart.
    """
    groups: dict[tuple[str, str], list[Judged]] = {}
    for item in firing:
        groups.setdefault((item.alert.metric or f"fresh:{item.alert.fresh}", item.direction), []).append(item)
    found = {place: _one(members, judged) for place, members in groups.items()}
    for place in list(found):
        top = _top(place, found, trees)
        if top != place:
            moved = found.pop(place)
            found[top] = Cause(headline=found[top].headline, also=(*found[top].also, *moved.each))
    return tuple(sorted(found.values(), key=lambda cause: _certainty(cause.headline)))


def _certainty(item: Judged) -> tuple[float, float, str]:
    return (item.p_value or 0.0, -abs(item.departure), item.key)


def _one(members: Sequence[Judged], judged: Sequence[Judged]) -> Cause:
    ranked = sorted(members, key=_certainty)
    wholes = sorted((item for item in ranked if not item.segment), key=lambda item: bool(item.alert.where))
    parts = [item for item in ranked if item.segment]
    headline = wholes[0] if wholes else ranked[0]
    if parts:
        largest = max(parts, key=lambda item: _share(item, judged))
        if MOSTLY <= _share(largest, judged) <= 1 / MOSTLY:
            headline = largest
    return Cause(headline=headline, also=tuple(item for item in ranked if item is not headline))


def _share(part: Judged, judged: Sequence[Judged]) -> float:
    """How much of the whole's departure is the part's; 0 where there is no whole."""
    for whole in judged:
        if whole.alert is part.alert and not whole.segment and whole.departure:
            return part.departure / whole.departure
    return 0.0


def _top(
    place: tuple[str, str], found: Mapping[tuple[str, str], Cause], trees: Mapping[str, Tree]
) -> tuple[str, str]:
    """The highest metric above it that moves with it; itself where none does."""
    seen = {place}
    while True:
        above = [
            (parent, _turned(place[1]) if branch.inverse else place[1])
            for parent, tree in trees.items()
            for branch in tree.branches
            if branch.metric == place[0]
        ]
        moving = [item for item in above if item in found and item not in seen]
        if not moving:
            return place
        place = moving[0]
        seen.add(place)


def _turned(direction: str) -> str:
    return "up" if direction == "down" else "down"
