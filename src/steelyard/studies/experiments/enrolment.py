"""Who of a study's units was enrolled by its clock, and since when, as SQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.allocation import Allocation, allocation_of
from steelyard.studies.experiments.assignment_sql import by_stage_sql
from steelyard.studies.experiments.clock import as_column
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.study import Context
from steelyard.warehouse.query import Value

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["as_if_begun", "enrolled_at", "enrolled_by", "is_dated"]


def enrolled_by(study: Experiment, context: Context) -> Allocation:
    """The stages that had begun by the study's clock, or everybody where there is no ramp.

    Raises:
        DefinitionError: No stage has begun, or stages had different splits.
    """
    begun = [
        row for row in context.stages if not row.get("since") or datetime.fromisoformat(row["since"]) <= context.as_of
    ]
    for row in begun:
        if row.get("arms") and dict(row["arms"]) != dict(study.arms):
            raise DefinitionError(
                f"a stage ran with the split {dict(row['arms'])!r}: pooling over it misleads",
                where=f"{study.name}.ramp",
                hint="its stages must be compared one by one, which is not offered yet",
            )
    return allocation_of(study, begun)


def as_if_begun(study: Experiment, context: Context) -> Context:
    """What a plan may know before the first stage: the SQL is that of a ramp whose first stage has begun."""
    if context.stages or isinstance(study.assignment, Assignment) or not (study.layer or study.ramp):
        return context
    return replace(context, stages=({"share": study.stages[0].share},))


def is_dated(allocation: Allocation | None) -> bool:
    """Whether the ledger says when each stage began."""
    return allocation is not None and all(segment.since is not None for segment in allocation.segments)


def enrolled_at(allocation: Allocation, unit: str, column_type: str, zone: str) -> tuple[str, dict[str, Value]]:
    """The moment at which the stage began that the unit came in with, and the values that it binds.

    Args:
        allocation: The allocation, whose stages are dated.
        unit: The unit's id, as SQL.
        column_type: The type of the column that it is compared with.
        zone: The zone whose clocks such a column without a zone shows.
    """
    zoned = column_type.upper() in ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
    values = {
        segment.stage: f"CAST($stage_{segment.stage}_at AS {'TIMESTAMPTZ' if zoned else 'TIMESTAMP'})"
        for segment in allocation.segments
    }
    bound: dict[str, Value] = {
        f"stage_{segment.stage}_at": as_column(segment.since, column_type, zone)
        for segment in allocation.segments
        if segment.since is not None
    }
    return by_stage_sql(allocation, unit, values), bound
