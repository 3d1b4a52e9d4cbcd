"""Which arm many units are given: the same as one by one, on columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from steelyard.studies.experiments.allocation import HELD_OUT_SALT, Allocation, allocation_of
from steelyard.studies.experiments.many_buckets import as_texts, many_buckets

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Assigned", "assign", "assigned", "drawn"]

I32 = npt.NDArray[np.int32]
NOBODY = -1


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
        ids: The units' ids: text or whole numbers.
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
    texts = as_texts(ids)
    found = drawn(allocation, texts)
    if allocation.ended_at is not None or allocation.launched:
        found = _after_the_end(allocation, texts, found)
    return _with_testers(allocation, texts, found) if allocation.testers else found


def drawn(allocation: Allocation, ids: Any) -> Assigned:
    """What the buckets say, whether or not the test still runs, and without testers: what an analysis compares."""
    texts = as_texts(ids)
    stages = _stages(allocation, texts)
    names = allocation.arms
    codes = np.full(len(texts), NOBODY, dtype=np.int32)
    whole = bool(stages.size) and bool(stages.all())
    inside = None if whole else np.flatnonzero(stages)
    if whole or (inside is not None and inside.size):
        places = many_buckets(allocation.arm_salt, texts if inside is None else _taken(texts, inside))
        codes[slice(None) if inside is None else inside] = _codes(
            allocation, places, stages if inside is None else stages[inside], names
        )
    return Assigned(arms=_encoded(codes, names), stages=stages)


def _codes(allocation: Allocation, places: npt.NDArray[np.int64], stages: I32, names: tuple[str, ...]) -> I32:
    """The place in `names` of each unit's arm."""
    found = np.empty(len(places), dtype=np.int32)
    splits = {segment.ends for segment in allocation.segments}
    for ends in splits:
        of_split = [segment.stage for segment in allocation.segments if segment.ends == ends]
        mine = slice(None) if len(splits) == 1 else np.isin(stages, of_split)
        limits = np.array([end for _, end in ends[:-1]], dtype=np.int64)
        code = np.array([names.index(name) for name, _ in ends], dtype=np.int32)
        found[mine] = code[_steps(limits, places[mine])]
    return found


def _steps(limits: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """How many limits each place is at or beyond."""
    if len(limits) > 8:
        return np.searchsorted(limits, places, side="right")
    found = np.zeros(len(places), dtype=np.intp)
    for limit in limits:
        found += places >= limit
    return found


def _stages(allocation: Allocation, texts: pa.Array[Any]) -> I32:
    """The stage that each unit came in with; 0 for those that are held out or not enrolled."""
    if allocation.enrols_all and len(allocation.segments) == 1:
        found = np.full(len(texts), allocation.segments[0].stage, dtype=np.int32)
    else:
        found = _stage_of_places(allocation, many_buckets(allocation.enrolment_salt, texts))
    if allocation.held_out_below:
        found[many_buckets(HELD_OUT_SALT, texts) < allocation.held_out_below] = 0
    return found


def _stage_of_places(allocation: Allocation, places: npt.NDArray[np.int64]) -> I32:
    parts = sorted((begin, end, item.stage) for item in allocation.segments for begin, end in item.ranges)
    if not parts:
        return np.zeros(len(places), dtype=np.int32)
    begins, ends = (np.array([part[side] for part in parts], dtype=np.int64) for side in (0, 1))
    stages = np.array([part[2] for part in parts], dtype=np.int32)
    at = np.searchsorted(begins, places, side="right") - 1
    return np.where((at >= 0) & (places < ends[at]), stages[at], np.int32(0))


def _after_the_end(allocation: Allocation, texts: pa.Array[Any], found: Assigned) -> Assigned:
    if not allocation.launched:
        return Assigned(arms=_encoded(np.full(len(texts), NOBODY, dtype=np.int32), ("",)), stages=found.stages)
    codes = np.zeros(len(texts), dtype=np.int32)
    if allocation.layer_held_out:
        codes[many_buckets(allocation.enrolment_salt, texts) >= allocation.open_below] = NOBODY
    if allocation.held_out_below:
        codes[many_buckets(HELD_OUT_SALT, texts) < allocation.held_out_below] = NOBODY
    return Assigned(arms=_encoded(codes, (allocation.launched,)), stages=found.stages)


def _with_testers(allocation: Allocation, texts: pa.Array[Any], found: Assigned) -> Assigned:
    import pyarrow as pa
    import pyarrow.compute as pc

    mine: Any = found.arms
    names = tuple(dict.fromkeys((*mine.dictionary.to_pylist(), *allocation.testers.values())))
    own = mine.indices.fill_null(NOBODY).to_numpy(zero_copy_only=False)
    value_set = pa.array(list(allocation.testers), pa.large_string())
    tester = pc.index_in(texts, value_set=value_set).fill_null(NOBODY).to_numpy(zero_copy_only=False)
    given = np.array([names.index(arm) for arm in allocation.testers.values()], dtype=np.int32)
    codes = np.where(tester >= 0, given[np.maximum(tester, 0)], own).astype(np.int32)
    return Assigned(arms=_encoded(codes, names), stages=found.stages)


def _taken(texts: pa.Array[Any], rows: npt.NDArray[np.intp]) -> pa.Array[Any]:
    import pyarrow as pa

    return texts.take(pa.array(rows, pa.int64()))


def _encoded(codes: I32, names: Sequence[str]) -> pa.Array[Any]:
    import pyarrow as pa

    indices: Any = pa.array(codes, pa.int32(), mask=codes == NOBODY)
    found: Any = pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string()))
    return found  # type: ignore[no-any-return]
