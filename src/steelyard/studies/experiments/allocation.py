"""Who is given what, now: the segments of one experiment, its layer, its holdouts and its testers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any
from uuid import UUID

from steelyard.errors import DataError, DefinitionError
from steelyard.studies.experiments.segments import BucketSegment, Range, arm_ends, extended, free_ranges, joined
from steelyard.warehouse.bucket import BUCKETS, bucket

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["HELD_OUT_SALT", "Allocation", "allocation_of", "everybody", "open_buckets"]

HELD_OUT_SALT = "steelyard:holdout"
"""The salt of the holdout that all experiments share."""


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """Who is given what, now. It depends on a unit's id and on nothing that happened to the unit.

    Args:
        name: The experiment.
        layer: The layer whose buckets say who is enrolled; empty is a layer of the experiment's own.
        segments: What each stage took in.
        held_out: The share of all units that no experiment may enrol.
        layer_held_out: The share of the layer's units that none of its experiments may enrol.
        testers: Id, as text -> the arm that it is given whatever its buckets say.
        launched: The arm that everybody but the holdouts has been given since the test ended; empty before that.
        ended_at: When the test ended, by a launch or a rollback; None while it runs.
        cluster: What is drawn where that is no unit but a group of them: ids, and testers, are then the clusters'.

    >>> half = Allocation(name="checkout", segments=(everybody({"control": 0.5, "one_page": 0.5}, "control"),))
    >>> half.arm_of("ann"), half.arm_of("bob")
    ('control', 'one_page')
    """

    name: str
    layer: str = ""
    segments: tuple[BucketSegment, ...] = ()
    held_out: float = 0.0
    layer_held_out: float = 0.0
    testers: Mapping[str, str] = field(default_factory=dict)
    launched: str = ""
    ended_at: datetime | None = None
    cluster: str = ""

    @property
    def arm_salt(self) -> str:
        """The salt of the draw that says which arm."""
        return f"{self.name}:arm"

    @property
    def enrolment_salt(self) -> str:
        """The salt of the draw that says who is enrolled; the experiments of a layer share it."""
        return f"{self.layer}:layer" if self.layer else f"{self.name}:ramp"

    @property
    def held_out_below(self) -> int:
        """Units whose bucket of the shared holdout is below it are held out."""
        return round(self.held_out * BUCKETS)

    @property
    def open_below(self) -> int:
        """Units whose enrolment bucket is at or above it are in the layer's holdout."""
        return open_buckets(self.layer_held_out)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that any segment names, in order."""
        return tuple(dict.fromkeys(name for segment in self.segments for name, _ in segment.ends))

    @cached_property
    def enrols_all(self) -> bool:
        """Whether one split holds for every enrolment bucket, so that no enrolment need be drawn."""
        whole = joined(item for segment in self.segments for item in segment.ranges) == ((0, BUCKETS),)
        return whole and len({segment.ends for segment in self.segments}) == 1

    def arm_of(self, unit: str | int) -> str | None:
        """The arm that a unit is given now; None is the unchanged product: not enrolled, held out, or rolled back.

        Raises:
            DataError: The id is missing, or is neither text nor a whole number: all such units would share one arm.
        """
        refuse_what_is_no_id(unit)
        if str(unit) in self.testers:
            return self.testers[str(unit)]
        if self._is_held_out(unit):
            return None
        if self.launched:
            return self.launched
        return None if self.ended_at is not None else self.drawn(unit)

    def drawn(self, unit: str | int) -> str | None:
        """The arm that the buckets say, whether or not the test still runs; None where the unit is not enrolled."""
        found = self.segment_of(unit)
        if found is None or bucket(HELD_OUT_SALT, unit) < self.held_out_below:
            return None
        place = bucket(self.arm_salt, unit)
        return next(name for name, end in found.ends if place < end)

    def segment_of(self, unit: str | int) -> BucketSegment | None:
        """The segment that the unit came in with; None where it is not enrolled."""
        if self.enrols_all and len(self.segments) == 1:
            return self.segments[0]
        place = bucket(self.enrolment_salt, unit)
        for segment in self.segments:
            if any(begin <= place < end for begin, end in segment.ranges):
                return segment
        return None

    def _is_held_out(self, unit: str | int) -> bool:
        if self.held_out_below and bucket(HELD_OUT_SALT, unit) < self.held_out_below:
            return True
        return self.layer_held_out > 0 and bucket(self.enrolment_salt, unit) >= self.open_below

    def with_stage(
        self,
        share: float,
        arms: Mapping[str, float],
        control: str,
        *,
        taken: Iterable[Range] = (),
        since: datetime | None = None,
    ) -> Allocation:
        """The allocation after one more stage; nobody who is enrolled moves.

        Args:
            share: The share of the layer's open units that is enrolled then.
            arms: The split of all who are enrolled then.
            control: The control.
            taken: Buckets of the layer that other experiments have.
            since: When the stage begins.

        Raises:
            DefinitionError: An arm would shrink, or the layer has not as many free buckets.
        """
        mine = [item for segment in self.segments for item in segment.ranges]
        segment = extended(
            self.segments,
            share=share,
            arms=arms,
            control=control,
            free=free_ranges([*mine, *taken], self.open_below),
            whole=self.open_below,
            where=f"{self.name}.ramp",
            since=since,
        )
        return replace(self, segments=(*self.segments, segment))


def refuse_what_is_no_id(unit: object) -> None:
    """Raises for an id that `assigned` refuses among many.

    Raises:
        DataError: The id is missing, or is neither text nor a whole number.
    """
    if isinstance(unit, bool) or not isinstance(unit, str | int | UUID | Integral):
        raise DataError(
            f"the id {unit!r} cannot be hashed",
            where="assign",
            hint="give text or a whole number, written as the warehouse has it; a unit without an id has no arm",
        )


def open_buckets(held_out: float) -> int:
    """How many buckets of a layer are not held out.

    >>> open_buckets(0.25) == 3 * 2**58
    True
    """
    return BUCKETS - round(held_out * BUCKETS)


def everybody(arms: Mapping[str, float], control: str, whole: int = BUCKETS) -> BucketSegment:
    """A segment that takes in every unit that is not held out."""
    return BucketSegment(stage=1, ranges=((0, whole),), ends=arm_ends(arms, control))


def allocation_of(study: Experiment, stages: Sequence[Mapping[str, Any]] = ()) -> Allocation:
    """The allocation of an experiment.

    Args:
        study: The experiment, assigned by hash.
        stages: Its rows of the stage ledger, oldest first; without any, everybody is enrolled where neither a ramp nor
            a layer is written.

    Raises:
        DefinitionError: It has a ramp or a layer, and no stage has begun.
    """
    begun = [row for row in stages if row.get("act", "advance") == "advance"]
    frozen = begun[0] if begun else {}
    held_out = frozen.get("holdout", {})
    found = Allocation(
        name=study.name,
        cluster=study.cluster,
        layer=str(frozen.get("layer", study.layer)),
        held_out=float(held_out.get("everywhere", study.holdout.everywhere)),
        layer_held_out=float(held_out.get("layer", study.holdout.layer)),
    )
    if not begun:
        _refuse_without_a_stage(study)
        return replace(found, segments=(everybody(study.arms, study.control),))
    for row in begun:
        found = _after(found, row, study)
    ends = [row for row in stages if row.get("act", "advance") != "advance"]
    return replace(found, launched=str(ends[-1].get("arm") or ""), ended_at=_moment(ends[0])) if ends else found


def _after(before: Allocation, row: Mapping[str, Any], study: Experiment) -> Allocation:
    """The allocation after a row: what it took where it says so, else what its share comes to."""
    if "ranges" not in row:
        return before.with_stage(
            float(row["share"]), dict(row.get("arms") or study.arms), study.control, since=_moment(row)
        )
    segment = BucketSegment(
        stage=int(row["stage"]),
        ranges=tuple((int(begin), int(end)) for begin, end in row["ranges"]),
        ends=tuple((str(name), int(end)) for name, end in row["ends"]),
        since=_moment(row),
    )
    return replace(before, segments=(*before.segments, segment))


def _moment(row: Mapping[str, Any]) -> datetime | None:
    since = row.get("since")
    return datetime.fromisoformat(str(since)) if since else None


def _refuse_without_a_stage(study: Experiment) -> None:
    shares = study.shares
    if shares and shares[0] < 1:
        raise DefinitionError(
            f"no stage of the ramp {list(shares)!r} has begun, so that nobody is enrolled",
            where=f"{study.name}.ramp",
            hint="begin a stage, or leave `ramp:` out to enrol every unit",
        )
    if study.layer:
        raise DefinitionError(
            f"no stage has begun, so that {study.name!r} has no part of the layer {study.layer!r}",
            where=f"{study.name}.layer",
            hint=f"steelyard ramp {study.name} --advance takes its first part",
        )
