"""Who was shown what, and when: appended by services, one at a time or many, and audited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.canonical import digest
from steelyard.errors import DataError, DefinitionError
from steelyard.studies.experiments.allocation import Allocation
from steelyard.studies.experiments.assignment import assigned, drawn
from steelyard.warehouse import AppendLog

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EXPOSURES", "LISTED", "Appended", "Conflict", "Exposed", "ExposureLog"]

EXPOSURES = "exposures"
LISTED = 20
"""How many conflicts are listed; all are counted."""


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """One exposure.

    Args:
        unit: The unit's id.
        at: When, zoned.
        arm: What it was shown; None is what its assignment says.
        cluster: The id of the unit's cluster, where clusters are randomised: its arm is the unit's.
    """

    unit: str | int
    at: datetime
    arm: str | None = None
    cluster: str | int | None = None


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """An exposure that cannot be true together with its assignment, or with another exposure.

    Args:
        unit: The unit's id, as text.
        arms: The arms in question: those that it was shown, or the shown one and the assigned one.
        says: Why they conflict.
    """

    unit: str
    arms: tuple[str, ...]
    says: str


@dataclass(frozen=True, kw_only=True)
class Appended:
    """What came of appending.

    Args:
        given: How many exposures were given.
        new: How many were written.
        duplicates: How many were in the log already, to the last digit, or twice in the batch; not written again.
        conflicts: How many of those given were shown another arm than their assignment says; written all the same.
        listed: The first of them.
    """

    given: int
    new: int
    duplicates: int
    conflicts: int
    listed: tuple[Conflict, ...]


class ExposureLog:
    """The exposures of all experiments, in the append log `exposures` of a folder.

    An exposure is known by its experiment, unit, arm and moment: the same one again is counted and not written again,
    so that a service may repeat what it is not sure of. One that conflicts with what the unit was assigned at its
    moment is written, counted and listed: nothing is dropped. A source of kind `log` loads them as a table.

    Args:
        folder: The folder of logs; in a project, `logs`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.log = AppendLog(folder, EXPOSURES)

    def append(self, allocation: Allocation, exposures: Iterable[Exposed]) -> Appended:
        """Adds exposures in one batch, on the disk when it returns.

        Args:
            allocation: The experiment's allocation now.
            exposures: One, or many.

        Raises:
            DefinitionError: A moment has no zone.
            DataError: A unit without an arm has none by its assignment either, or names no cluster where clusters are
                randomised; nothing of the batch was written.
        """
        given = list(exposures)
        rows = self._rows(allocation, given)
        new = self.log.append(rows, first_stays=True)
        wrong = [
            Conflict(
                unit=row["unit"],
                arms=(row["arm"], row["assigned"] or "none"),
                says=f"shown {row['arm']!r}, assigned {row['assigned'] or 'nothing'!r}",
            )
            for row in rows
            if row["arm"] != row["assigned"]
        ]
        return Appended(
            given=len(given),
            new=new,
            duplicates=len(given) - new,
            conflicts=len(wrong),
            listed=tuple(wrong[:LISTED]),
        )

    def _rows(self, allocation: Allocation, given: list[Exposed]) -> list[dict[str, Any]]:
        if not given:
            return []
        units = [_drawn_by(allocation, item) for item in given]
        buckets, now = drawn(allocation, units), assigned(allocation, units)
        begun = {segment.stage: segment.since for segment in allocation.segments}
        rows = []
        for item, arm, stage, at_last in zip(
            given, buckets.arms.to_pylist(), buckets.stages.tolist(), now.arms.to_pylist(), strict=True
        ):
            _refuse_without_zone(allocation, item)
            tester = allocation.testers.get(str(_drawn_by(allocation, item)))
            ended = allocation.ended_at is not None and item.at >= allocation.ended_at
            since = begun.get(stage)
            enrolled = stage > 0 and (since is None or since <= item.at)
            then = tester or (at_last if ended else arm if enrolled else None)
            rows.append(_row(allocation, item, assigned=then, stage=stage if enrolled else 0, tester=bool(tester)))
        return rows

    def rows(self, experiment: str) -> pa.Table:
        """The experiment's exposures so far: `unit`, `cluster`, `arm`, `assigned`, `stage`, `tester`, `at`."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import json as arrow_json

        options = arrow_json.ParseOptions(explicit_schema=_schema(), unexpected_field_behavior="ignore")
        parts = [
            arrow_json.read_json(segment.path, parse_options=options) for segment in self.log.segments() if segment.rows
        ]
        table = pa.concat_tables(parts) if parts else _schema().empty_table()
        return table.filter(pc.field("experiment") == experiment).drop_columns(["experiment"])


def _schema() -> pa.Schema:
    import pyarrow as pa

    columns: dict[str, pa.DataType] = {
        **dict.fromkeys(("experiment", "unit", "cluster", "arm", "assigned"), pa.string()),
        "stage": pa.int64(),
        "tester": pa.bool_(),
        "at": pa.timestamp("us", "UTC"),
    }
    return pa.schema(columns)


def _drawn_by(allocation: Allocation, item: Exposed) -> str | int:
    """The id that the exposure's arm is drawn by."""
    if not allocation.cluster:
        return item.unit
    if item.cluster is None:
        raise DataError(
            f"the exposure of {str(item.unit)!r} names no {allocation.cluster!r}, which is what was randomised",
            where=f"expose {allocation.name}",
            hint="give `cluster`, the id of the unit's cluster",
        )
    return item.cluster


def _refuse_without_zone(allocation: Allocation, item: Exposed) -> None:
    if item.at.tzinfo is None:
        raise DefinitionError(
            f"the exposure of {str(item.unit)!r} at {item.at.isoformat()} has no time zone",
            where=f"expose {allocation.name}",
            hint="give a zoned datetime",
        )


def _row(allocation: Allocation, item: Exposed, *, assigned: str | None, stage: int, tester: bool) -> dict[str, Any]:
    arm = item.arm if item.arm is not None else assigned
    if arm is None:
        raise DataError(
            f"the unit {str(item.unit)!r} was given nothing by {allocation.name!r} at {item.at.isoformat()}, so it was "
            "not exposed to it",
            where=f"expose {allocation.name}",
            hint="say the arm that it was shown, if it was shown one all the same: that is written as a conflict",
        )
    known_by = {
        "experiment": allocation.name,
        "unit": str(item.unit),
        "arm": arm,
        "at": item.at.astimezone(UTC).isoformat(timespec="microseconds"),
        **({} if item.cluster is None else {"cluster": str(item.cluster)}),
    }
    # What the ledgers say of it may change (a tester, a rollback) before a service repeats it: no part of who it is.
    return {"id": digest(known_by)[:32], **known_by, "assigned": assigned, "stage": stage, "tester": tester}
