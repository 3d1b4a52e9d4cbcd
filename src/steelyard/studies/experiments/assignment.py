"""Which arm many units are given: the same as one by one, on columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steelyard.studies.experiments.allocation import HELD_OUT_SALT, Allocation, allocation_of
from steelyard.studies.experiments.many_buckets import as_ids, as_texts, many_buckets

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

    Texts = pa.Array[Any]

__all__ = ["Assigned", "assign", "assigned", "drawn"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
NOBODY = -1
PART = 262_144
"""How many units are given their arms at a time."""
_FEW = 8
_MOST = 0.75


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """What many units are given.

    Args:
        arms: The arm of each unit as dictionary-encoded text; null where it is given the unchanged product.
        stages: The stage that each unit came in with; 0 where it is not enrolled.
    """

    arms: pa.Array[Any]
    stages: I32


def assign(
    study: Experiment,
    ids: Iterable[str | int],
    *,
    enrolled: float | None = None,
    stages: Sequence[Mapping[str, Any]] = (),
) -> tuple[str | None, ...]:
    """The arm of each unit: the same at every call, on every machine, and in SQL; nothing is looked up.

    Args:
        study: The experiment, whose `assignment` is `steelyard`.
        ids: The units' ids (the clusters', where those are randomised): text or whole numbers.
        enrolled: A share to enrol, in place of what the stages say; a unit that is enrolled stays so when it rises, and
            keeps its arm.
        stages: The study's rows of the stage ledger, oldest first, as a project keeps them.

    Returns:
        An arm for each id, in order; None for a unit that is given the unchanged product.
    """
    rows = stages if enrolled is None else ({"share": enrolled},)
    return tuple(assigned(allocation_of(study, rows), ids).arms.to_pylist())


def assigned(allocation: Allocation, ids: Any) -> Assigned:
    """What many units are given now.

    Args:
        allocation: The experiment's allocation.
        ids: Texts or whole numbers: a numpy, Arrow or pandas column, or anything that can be gone through.

    Raises:
        DataError: An id is missing, or is neither text nor a whole number.
    """
    giving = _Giving(allocation)
    return giving.column(ids, giving.given)


def drawn(allocation: Allocation, ids: Any) -> Assigned:
    """What the buckets say, whether or not the test still runs, and without testers: what an analysis compares."""
    giving = _Giving(allocation)
    return giving.column(ids, giving.drawn)


class _Giving:
    """Gives units their arms, some hundred thousand at a time, so that what is made on the way stays in the caches."""

    def __init__(self, allocation: Allocation) -> None:
        named = (*allocation.arms, allocation.launched, *allocation.testers.values())
        self.names = tuple(dict.fromkeys(name for name in named if name))
        self.of = allocation
        self.one_stage = allocation.enrols_all and len(allocation.segments) == 1
        self.splits = {segment.ends for segment in allocation.segments}

    def column(self, ids: Any, give: Callable[[Texts], tuple[I32, I32]]) -> Assigned:
        """All the ids, part by part."""
        import pyarrow as pa

        known = as_ids(ids)
        codes, stages = np.empty(len(known), dtype=np.int32), np.empty(len(known), dtype=np.int32)
        for start in range(0, len(known), PART):
            part = slice(start, start + PART)
            codes[part], stages[part] = give(as_texts(known[part]))
        # NULL stands for nobody; the check for it costs nothing beside the hashes.
        indices: Any = pa.array(codes, pa.int32(), mask=codes == NOBODY)
        arms: Any = pa.DictionaryArray.from_arrays(indices, pa.array(list(self.names), pa.string()))
        return Assigned(arms=arms, stages=stages)

    def given(self, texts: Texts) -> tuple[I32, I32]:
        """Code of the arm that each is given now, and the stage that it came in with."""
        codes, stages = self.drawn(texts)
        if self.of.ended_at is not None or self.of.launched:
            codes = self._after_the_end(texts)
        return (self._with_testers(texts, codes) if self.of.testers else codes), stages

    def drawn(self, texts: Texts) -> tuple[I32, I32]:
        """Code of the arm that the buckets say, and the stage."""
        stages = self._stages(texts)
        enrolled = int(np.count_nonzero(stages))
        if enrolled > _MOST * len(texts):  # gathering the few others' texts apart would cost more than their hashes
            codes = self._codes(many_buckets(self.of.arm_salt, texts), stages)
            if enrolled < len(texts):
                np.copyto(codes, NOBODY, where=stages == 0)
            return codes, stages
        codes = np.full(len(texts), NOBODY, dtype=np.int32)
        inside = np.flatnonzero(stages)
        some = texts.take(_rows(inside))
        codes[inside] = self._codes(many_buckets(self.of.arm_salt, some), stages[inside])
        return codes, stages

    def _codes(self, places: I64, stages: I32) -> I32:
        found = np.full(len(places), NOBODY, dtype=np.int32)
        for ends in self.splits:
            of_split = [segment.stage for segment in self.of.segments if segment.ends == ends]
            limits = np.array([end for _, end in ends[:-1]], dtype=np.int64)
            code = np.array([self.names.index(name) for name, _ in ends], dtype=np.int32)
            if len(self.splits) == 1:
                return _steps(limits, places, code)
            mine = np.isin(stages, of_split)
            found[mine] = _steps(limits, places[mine], code)
        return found

    def _stages(self, texts: Texts) -> I32:
        """The stage that each came in with; 0 for those that are held out or not enrolled."""
        if self.one_stage:
            found = np.full(len(texts), self.of.segments[0].stage, dtype=np.int32)
        else:
            found = np.zeros(len(texts), dtype=np.int32)
            places = many_buckets(self.of.enrolment_salt, texts)
            for segment in self.of.segments:
                for begin, end in segment.ranges:
                    inside = places < end
                    if begin:
                        inside &= places >= begin
                    np.copyto(found, np.int32(segment.stage), where=inside)
        if self.of.held_out_below:
            found[many_buckets(HELD_OUT_SALT, texts) < self.of.held_out_below] = 0
        return found

    def _after_the_end(self, texts: Texts) -> I32:
        if not self.of.launched:
            return np.full(len(texts), NOBODY, dtype=np.int32)
        codes = np.full(len(texts), self.names.index(self.of.launched), dtype=np.int32)
        if self.of.layer_held_out:
            codes[many_buckets(self.of.enrolment_salt, texts) >= self.of.open_below] = NOBODY
        if self.of.held_out_below:
            codes[many_buckets(HELD_OUT_SALT, texts) < self.of.held_out_below] = NOBODY
        return codes

    def _with_testers(self, texts: Texts, codes: I32) -> I32:
        import pyarrow as pa
        import pyarrow.compute as pc

        known = pa.array(list(self.of.testers), pa.large_string())
        tester = pc.index_in(texts, value_set=known).fill_null(NOBODY).to_numpy(zero_copy_only=False)
        arms = np.array([self.names.index(arm) for arm in self.of.testers.values()], dtype=np.int32)
        return np.where(tester >= 0, arms[np.maximum(tester, 0)], codes).astype(np.int32)


def _steps(limits: I64, places: I64, code: I32) -> I32:
    """The code of the part that each place is in: parts end where the next begins, at a limit."""
    if len(limits) > _FEW:
        return code[np.searchsorted(limits, places, side="right")]
    found = np.full(len(places), code[0], dtype=np.int32)
    for limit, following in zip(limits, code[1:], strict=True):
        np.copyto(found, following, where=places >= limit)
    return found


def _rows(places: npt.NDArray[np.intp]) -> Any:
    import pyarrow as pa

    return pa.array(places, pa.int64())
