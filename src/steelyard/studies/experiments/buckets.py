"""Which arm a unit falls into: one hash, the same in Python and in every engine's SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from steelyard.warehouse.bucket import BUCKETS, bucket
from steelyard.warehouse.query import quote_text

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["arm_sql", "assign", "enrolled_sql", "segments"]


def segments(arms: Mapping[str, float], control: str) -> tuple[tuple[str, int], ...]:
    """Each arm with the end of its part of the 2**60 buckets: the control first, the others by name.

    The order does not depend on how the mapping is written, so that a stored definition assigns as the file did.

    >>> [(arm, end / 2**60) for arm, end in segments({"b": 0.25, "control": 0.5, "a": 0.25}, "control")]
    [('control', 0.5), ('a', 0.75), ('b', 1.0)]
    """
    order = [control, *sorted(name for name in arms if name != control)]
    ends, reached = [], 0.0
    for name in order:
        reached += arms[name]
        ends.append((name, round(reached * BUCKETS)))
    ends[-1] = (order[-1], BUCKETS)
    return tuple(ends)


def _salt(study: Experiment, what: str) -> str:
    return f"{study.name}:{what}"


def assign(study: Experiment, ids: Iterable[str | int], *, enrolled: float = 1.0) -> tuple[str | None, ...]:
    """The arm of each unit: the same at every call, on every machine, and in SQL; nothing is looked up.

    Args:
        study: The experiment, whose `assignment` is `steelyard`.
        ids: The units' ids: text or whole numbers.
        enrolled: The ramp's present share; a unit that is enrolled stays so when it rises, and keeps its arm.

    Returns:
        An arm for each id, in order; None for a unit that is not enrolled.
    """
    ends = segments(study.arms, study.control)
    first_out = round(enrolled * BUCKETS)
    ramp, arm = _salt(study, "ramp"), _salt(study, "arm")
    return tuple(
        _arm_at(bucket(arm, unit), ends) if enrolled >= 1 or bucket(ramp, unit) < first_out else None for unit in ids
    )


def _arm_at(place: int, ends: tuple[tuple[str, int], ...]) -> str:
    return next(name for name, end in ends if place < end)


def arm_sql(study: Experiment, unit: str) -> str:
    """The same arm as SQL over the expression `unit`."""
    *first, (last, _) = segments(study.arms, study.control)
    place = f"bucket({quote_text(_salt(study, 'arm'))}, {unit})"
    whens = " ".join(f"WHEN {place} < {end} THEN {quote_text(name)}" for name, end in first)
    return f"CASE {whens} ELSE {quote_text(last)} END"


def enrolled_sql(study: Experiment, unit: str, enrolled: float) -> str:
    """Whether the unit is enrolled, as SQL; empty when all are."""
    if enrolled >= 1:
        return ""
    return f"bucket({quote_text(_salt(study, 'ramp'))}, {unit}) < {round(enrolled * BUCKETS)}"
