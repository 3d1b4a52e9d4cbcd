"""Append-only bucket segments: what each stage of a ramp took in, so that no later change moves anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from steelyard.errors import DefinitionError
from steelyard.warehouse.bucket import BUCKETS

__all__ = ["BucketSegment", "Range", "arm_ends", "extended", "free_ranges", "joined", "width"]

Range = tuple[int, int]
"""Buckets from the first up to, and without, the second."""


@dataclass(frozen=True, kw_only=True)
class BucketSegment:
    """What one stage took in: it is never changed and never taken back, so that later stages move nobody.

    A unit has two buckets: that of the layer says whether and when it is enrolled, that of the experiment which arm.

    Args:
        stage: Number of the stage, from 1.
        ranges: The enrolment buckets that it took.
        ends: Arm -> the end of its part of the arm buckets, in order; the last is 2**60.
        since: When it began; None where no ledger says.
    """

    stage: int
    ranges: tuple[Range, ...]
    ends: tuple[tuple[str, int], ...]
    since: datetime | None = None

    @property
    def width(self) -> int:
        """How many enrolment buckets it took."""
        return width(self.ranges)

    def measure(self, arm: str) -> int:
        """The pairs of enrolment and arm buckets that belong to the arm; 2**120 pairs are everybody."""
        begin = 0
        for name, end in self.ends:
            if name == arm:
                return self.width * (end - begin)
            begin = end
        return 0


def width(ranges: Iterable[Range]) -> int:
    """How many buckets there are in ranges that do not overlap."""
    return sum(end - begin for begin, end in ranges)


def arm_ends(arms: Mapping[str, float], control: str) -> tuple[tuple[str, int], ...]:
    """Each arm with the end of its part of the 2**60 buckets: the control first, the others by name.

    The order does not depend on how the mapping is written, so that a stored definition assigns as the file did.

    >>> [(arm, end / 2**60) for arm, end in arm_ends({"b": 0.25, "control": 0.5, "a": 0.25}, "control")]
    [('control', 0.5), ('a', 0.75), ('b', 1.0)]
    """
    order = [name for name in (control, *sorted(name for name in arms if name != control)) if name in arms]
    # What the sum of the shares lacks to one by rounding goes to the last arm that has a share.
    last = max(place for place, name in enumerate(order) if arms[name] > 0)
    ends, reached = [], 0.0
    for place, name in enumerate(order):
        reached += arms[name]
        ends.append((name, BUCKETS if place >= last else round(reached * BUCKETS)))
    return tuple(ends)


def joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same buckets in as few ranges as there can be, in order.

    >>> joined([(5, 9), (0, 2), (2, 5)])
    ((0, 9),)
    """
    found: list[Range] = []
    for begin, end in sorted(item for item in ranges if item[0] < item[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def free_ranges(taken: Iterable[Range], whole: int) -> tuple[Range, ...]:
    """What is left of the buckets from 0 to `whole`.

    >>> free_ranges([(2, 5)], 10)
    ((0, 2), (5, 10))
    """
    reached, free = 0, []
    for begin, end in joined(taken):
        if begin > reached:
            free.append((reached, min(begin, whole)))
        reached = max(reached, end)
    if reached < whole:
        free.append((reached, whole))
    return tuple(item for item in free if item[0] < item[1])


def extended(
    before: Sequence[BucketSegment],
    *,
    share: float,
    arms: Mapping[str, float],
    control: str,
    free: Sequence[Range],
    whole: int = BUCKETS,
    where: str = "ramp",
    since: datetime | None = None,
) -> BucketSegment:
    """The segment that brings an experiment to a share and a split; what it has is left as it is.

    Args:
        before: What earlier stages took in.
        share: The share of `whole` that is to be enrolled then.
        arms: The split of all who are enrolled then; an arm that is left out has none.
        control: The control.
        free: Buckets that nobody has.
        whole: How many enrolment buckets can be had in all: those that are not held out.
        where: Where the ramp is written, for the error.
        since: When the stage begins.

    Raises:
        DefinitionError: An arm, or the whole, would shrink; or there are not as many free buckets; or nothing changes.
    """
    target = round(Fraction(share) * whole)
    new = target - sum(segment.width for segment in before)
    _refuse_less_than_before(before, target, whole, where)
    wanted = _wanted(before, target, arms, control, where)
    if new == 0:
        raise DefinitionError(
            f"{share:.4g} with the split {_shown(arms)} changes nothing", where=where, hint="raise the share"
        )
    if new > width(free):
        raise DefinitionError(
            f"a share of {share:.4g} needs {new / whole:.4g} more, and {width(free) / whole:.4g} is free",
            where=where,
            hint="other experiments of the layer have the rest: enrol less, or wait until one has ended",
        )
    ends, reached = [], 0
    for name, more in wanted:
        reached += more
        ends.append((name, _rounded(reached, new)))
    ends[-1] = (ends[-1][0], BUCKETS)
    return BucketSegment(stage=len(before) + 1, ranges=_first(free, new), ends=tuple(ends), since=since)


def _refuse_less_than_before(before: Sequence[BucketSegment], target: int, whole: int, where: str) -> None:
    enrolled = sum(segment.width for segment in before)
    if target < enrolled:
        raise DefinitionError(
            f"the share would fall from {enrolled / whole:.4g} to {target / whole:.4g}, and units that are enrolled "
            "may have been exposed",
            where=where,
            hint="roll the experiment back, which takes it from everybody and keeps what was logged",
        )


def _wanted(
    before: Sequence[BucketSegment], target: int, arms: Mapping[str, float], control: str, where: str
) -> list[tuple[str, int]]:
    """By how many pairs of buckets each arm is to grow, in order."""
    named = {name for segment in before for name, _ in segment.ends}
    every = {name: arms.get(name, 0.0) for name in (*arms, *named)}
    found, begin = [], 0
    for name, end in arm_ends(every, control):
        has = sum(segment.measure(name) for segment in before)
        more = target * (end - begin) - has
        begin = end
        if more <= -BUCKETS:  # a bucket or more; less is the rounding of earlier stages
            raise DefinitionError(
                f"the arm {name!r} would shrink from {has / BUCKETS**2:.4g} to {(has + more) / BUCKETS**2:.4g} of all "
                "units, and its units may have been exposed",
                where=where,
                hint=f"give {name!r} a share of at least {has / (target * BUCKETS):.4g}, or enrol more units at once",
            )
        found.append((name, max(more, 0)))
    return found


def _rounded(reached: int, new: int) -> int:
    return min((2 * reached + new) // (2 * new), BUCKETS)


def _first(free: Sequence[Range], count: int) -> tuple[Range, ...]:
    """The first so many buckets that are free."""
    taken: list[Range] = []
    for begin, end in free:
        some = min(count, end - begin)
        if some:
            taken.append((begin, begin + some))
        count -= some
    return tuple(taken)


def _shown(arms: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.4g}" for name, share in arms.items())
