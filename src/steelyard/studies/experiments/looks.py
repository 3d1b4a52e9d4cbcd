"""The looks so far: what a study planned, what its earlier results saw, carried in a fetch so that a replay has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.clock import day_bounds
from steelyard.studies.experiments.governed import window_of
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.study import Context

__all__ = ["LOOKS", "LooksSoFar", "looks_query", "looks_so_far", "unplanned_looks"]

LOOKS = "looks"
NEAR = 2e-6
"""Looks whose units differ by a smaller part are one look."""


@dataclass(frozen=True, kw_only=True)
class LooksSoFar:
    """What is known of the looks when the data is read.

    Args:
        at: The study's clock, ISO.
        planned_units: Units of all arms at the planned end.
        over: Whether the planned last day has passed.
        earlier: Rows of the table `looks` of earlier results of this very definition, oldest first.
        zone: IANA zone in which days are counted.
        kept: Whether a ledger keeps looks, so that the earlier ones are known.
    """

    at: str
    planned_units: int
    over: bool
    earlier: tuple[Mapping[str, Any], ...] = ()
    zone: str = "UTC"
    kept: bool = True

    def before(self, arm: str, units: int) -> tuple[int, ...]:
        """Units of the arm and control at the earlier looks that saw fewer, rising."""
        found: list[int] = []
        for seen in sorted({row["units"] for row in self.earlier if row["arm"] == arm}):
            if seen > (found[-1] if found else 0) * (1 + NEAR) and seen < units * (1 - NEAR):
                found.append(seen)
        return tuple(found)

    def information(self, arm: str, units: int) -> tuple[float | None, ...]:
        """What was known of the difference at the looks of `before`, in units; None where a look did not say."""
        known = {row["units"]: row.get("information") for row in self.earlier if row["arm"] == arm}
        return tuple(known[seen] for seen in self.before(arm, units))

    def after(self, arm: str, units: int) -> tuple[int, ...]:
        """Units at earlier looks that saw more than this one: then looks are out of order."""
        return tuple(row["units"] for row in self.earlier if row["arm"] == arm and row["units"] > units * (1 + NEAR))

    def is_past_the_end(self, arm: str, units: int) -> bool:
        """Whether an earlier look with fewer units was the last one."""
        before = self.before(arm, units)
        return any(row["ended"] and row["arm"] == arm and row["units"] in before for row in self.earlier)


def looks_query(study: Experiment, context: Context) -> Query:
    """A fetch of what is known already: one row, whose text is bound.

    Raises:
        DefinitionError: Nothing says how many units are planned.
    """
    said = {
        "at": context.as_of.isoformat(),
        "planned_units": _planned_units(study, context),
        "over": _is_over(study, context),
        "earlier": [row for result in context.earlier for row in _own_rows(study, result)],
        "zone": context.zone,
        "kept": context.keeps,
    }
    return Query(
        sql="SELECT CAST($looks AS VARCHAR) AS looks",
        parameters={"looks": json.dumps(said)},
        limit=1,
        says="the looks so far",
    )


def looks_so_far(table: pa.Table | None) -> LooksSoFar | None:
    """The fetch, read; None where one look was planned."""
    if table is None:
        return None
    said = json.loads(table.to_pylist()[0]["looks"])
    return LooksSoFar(**{**said, "earlier": tuple(said["earlier"])})


def _own_rows(study: Experiment, result: Any) -> list[dict[str, Any]]:
    """The rows of the look that a result was; those of its predecessors come from their own results."""
    if result.provenance.digest != study.digest() or LOOKS not in result.tables:
        return []
    rows = result.tables[LOOKS].to_pylist()
    latest = max((row["look"] for row in rows), default=0)
    return [row for row in rows if row["look"] == latest]


def _planned_units(study: Experiment, context: Context) -> int:
    schedule = study.schedule
    if schedule is not None and schedule.units is not None:
        return schedule.units
    if "units needed" in context.sample:
        return int(context.sample["units needed"])
    unregistered = study.plan(context).sample
    if "units needed" in unregistered:
        return int(unregistered["units needed"])
    raise _unplanned(study)


def unplanned_looks(study: Experiment, sample: Mapping[str, Any]) -> DefinitionError | None:
    """What no look could be read without, seen while it is planned; None where there is all.

    Args:
        study: The experiment.
        sample: What its plan says of units.
    """
    schedule = study.schedule
    known = schedule is None or schedule.units is not None or "units needed" in sample
    return None if known else _unplanned(study)


def _unplanned(study: Experiment) -> DefinitionError:
    return DefinitionError(
        f"the stopping rules {sorted(set(study.stopping_rules))!r} spend their error over the planned units, and "
        "nothing says how many are planned",
        where=f"{study.name}.looks",
        hint="say `looks: {planned: 4, units: 50000}`, or give the primary an `expected_effect` (and a `baseline`, "
        "where the past has none)",
    )


def _is_over(study: Experiment, context: Context) -> bool:
    schedule = study.schedule
    if schedule is not None and schedule.until is not None:
        return context.as_of >= day_bounds((schedule.until, schedule.until), context.zone)[1]
    return study.between is not None and context.as_of >= _closed(study, context)


def _closed(study: Experiment, context: Context) -> datetime:
    """When the windows of the units that entered on the last day have closed."""
    assert study.between is not None  # noqa: S101 - asked of studies with days only
    governed = bool(study.governed()) and context.metrics is not None
    lengths = [window_of(use, context.metrics, governed=governed) or timedelta() for use in study.uses]
    return day_bounds(study.between, context.zone)[1] + max(lengths)
