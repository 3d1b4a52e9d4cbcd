"""The same assignment as SQL: expressions for a study's own queries, and a whole SELECT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steelyard.studies.experiments.allocation import HELD_OUT_SALT, Allocation
from steelyard.studies.experiments.segments import BucketSegment, Range, joined
from steelyard.warehouse.bucket import BUCKETS
from steelyard.warehouse.query import quote_name, quote_text

__all__ = ["arm_sql", "assignment_select", "by_stage_sql", "drawn_sql", "enrolled_sql"]


def drawn_sql(salt: str, unit: str) -> str:
    """The bucket of the expression `unit`, as `steelyard.warehouse.bucket` gives it.

    >>> drawn_sql("checkout", "id")
    "bucket('checkout', id)"
    """
    return f"bucket({quote_text(salt)}, {unit})"


def arm_sql(allocation: Allocation, unit: str) -> str:
    """The arm that the buckets say of the expression `unit`; NULL for a unit without an id."""
    return _arm(allocation, drawn_sql(allocation.enrolment_salt, unit), drawn_sql(allocation.arm_salt, unit))


def enrolled_sql(allocation: Allocation, unit: str) -> str:
    """Whether the unit is enrolled, in any stage; empty when all are."""
    parts = []
    if not allocation.enrols_all:
        ranges = [item for segment in allocation.segments for item in segment.ranges]
        parts.append(_within(drawn_sql(allocation.enrolment_salt, unit), ranges))
    if allocation.held_out_below:
        parts.append(f"{drawn_sql(HELD_OUT_SALT, unit)} >= {allocation.held_out_below}")
    return " AND ".join(parts)


def by_stage_sql(allocation: Allocation, unit: str, values: Mapping[int, str]) -> str:
    """An expression for each stage, chosen by the stage that the unit came in with; NULL where it is not enrolled.

    Args:
        allocation: The allocation.
        unit: The unit's id, as SQL.
        values: Stage -> SQL.
    """
    return _by_stage(allocation.segments, drawn_sql(allocation.enrolment_salt, unit), values)


def assignment_select(allocation: Allocation, table: str, unit: str) -> str:
    """A SELECT of every enrolled unit of a table with its arm and its stage; each bucket is drawn once a row.

    It is in Steelyard's SQL: `steelyard.warehouse.render` spells it for an engine.

    Args:
        allocation: The experiment's allocation.
        table: The table, one row a unit.
        unit: The column that holds the id.
    """
    salts = {"arm_bucket": allocation.arm_salt}
    conditions = []
    if not (allocation.enrols_all and len(allocation.segments) == 1):
        salts["enrolment_bucket"] = allocation.enrolment_salt
    if not allocation.enrols_all:
        taken = [item for segment in allocation.segments for item in segment.ranges]
        conditions.append(_within("enrolment_bucket", taken))
    if allocation.held_out_below:
        salts["holdout_bucket"] = HELD_OUT_SALT
        conditions.append(f"holdout_bucket >= {allocation.held_out_below}")
    drawn = "".join(f",\n    {drawn_sql(salt, quote_name(unit))} AS {column}" for column, salt in salts.items())
    stages = {segment.stage: str(segment.stage) for segment in allocation.segments}
    stage = _by_stage(allocation.segments, "enrolment_bucket", stages)
    arm = _arm(allocation, "enrolment_bucket", "arm_bucket")
    lines = [
        f"SELECT unit,\n  {arm} AS arm,\n  {stage} AS stage",
        f"FROM (\n  SELECT {quote_name(unit)} AS unit{drawn}",
        f"  FROM {quote_name(table)} WHERE {quote_name(unit)} IS NOT NULL\n) AS drawn",
    ]
    return "\n".join([*lines, *([f"WHERE {' AND '.join(conditions)}"] if conditions else [])])


def _arm(allocation: Allocation, enrolment: str, place: str) -> str:
    by_split: dict[tuple[tuple[str, int], ...], list[BucketSegment]] = {}
    for segment in allocation.segments:
        by_split.setdefault(segment.ends, []).append(segment)
    if len(by_split) == 1:
        return _of_split(next(iter(by_split)), place)
    whens = " ".join(
        f"WHEN {_within(enrolment, [item for segment in group for item in segment.ranges])} "
        f"THEN {_of_split(ends, place)}"
        for ends, group in by_split.items()
    )
    return f"CASE {whens} END"


def _of_split(ends: Iterable[tuple[str, int]], place: str) -> str:
    """A CASE over the arms that have a part; what has no bucket has no arm."""
    whens, begin = [], 0
    for arm, end in ends:
        if end > begin:
            whens.append(f"WHEN {place} < {end} THEN {quote_text(arm)}")
        begin = end
    return f"CASE {' '.join(whens)} END"


def _by_stage(segments: Iterable[BucketSegment], place: str, values: Mapping[int, str]) -> str:
    found = list(segments)
    if len(found) == 1 and found[0].ranges == ((0, BUCKETS),):
        return values[found[0].stage]
    whens = " ".join(f"WHEN {_within(place, item.ranges)} THEN {values[item.stage]}" for item in found)
    return f"CASE {whens} END"


def _within(place: str, ranges: Iterable[Range]) -> str:
    parts = [
        " AND ".join(([f"{place} >= {begin}"] if begin else []) + ([f"{place} < {end}"] if end < BUCKETS else []))
        or f"{place} IS NOT NULL"
        for begin, end in joined(ranges)
    ]
    if not parts:
        return "FALSE"
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"
