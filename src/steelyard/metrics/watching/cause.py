"""One alert a cause: what fires together is told once, under the segment or the metric that shows it best."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from steelyard.metrics.tree import Tree
from steelyard.metrics.watching.judge import Judged

__all__ = ["Cause", "causes"]

LITTLE = 0.25


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

    One metric that moves to one side, in several segments or by several alerts, is one cause: the one segment without
    which the whole is as expected, where there is such a one, else the whole, else the most certain segment. Branches
    of a metric's tree that move with it are part of its cause.

    Args:
        firing: What fires.
        judged: Everything that was judged, for the wholes.
        trees: Trees by the metric that they take apart.
    """
    groups: dict[tuple[str, str], list[Judged]] = {}
    for item in firing:
        groups.setdefault((item.alert.metric or f"fresh:{item.alert.fresh}", item.direction), []).append(item)
    found = {place: _one(members, judged) for place, members in groups.items()}
    for place, top in {place: _top(place, groups, trees) for place in groups}.items():
        if top != place and top in found:  # two trees may each contain the other
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
    alone = next((item for item in parts if _is_all_of_it(item, parts, judged)), None)
    headline = headline if alone is None else alone
    return Cause(headline=headline, also=tuple(item for item in ranked if item is not headline))


def _is_all_of_it(part: Judged, parts: Sequence[Judged], judged: Sequence[Judged]) -> bool:
    """Whether without the part's departure the whole has none to speak of, and no other part has a share in it."""
    whole = next((item for item in judged if item.alert is part.alert and not item.segment), None)
    if whole is None or not whole.departure or part.departure / whole.departure < 0.5:
        return False
    others = [item.departure for item in parts if item.alert is part.alert and item is not part]
    usual = 0.0 if whole.low is None or whole.expected is None else (whole.expected - whole.low) * whole.weight * 2 / 3
    rest = abs(whole.departure - part.departure)
    return rest <= max(LITTLE * abs(whole.departure), usual) and abs(sum(others)) <= LITTLE * abs(whole.departure)


def _top(place: tuple[str, str], found: Collection[tuple[str, str]], trees: Mapping[str, Tree]) -> tuple[str, str]:
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
