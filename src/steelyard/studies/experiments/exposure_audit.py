"""What is odd about an experiment's exposures, counted and listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.studies.experiments.exposure_log import EXPOSURES, LISTED, Conflict
from steelyard.warehouse import Query, connect

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ExposureAudit", "audit"]

_COUNTS = f"""
SELECT count(*) AS exposures, count_if(tester) AS of_testers, count_if(assigned IS NULL) AS unassigned,
       count_if(assigned IS NOT NULL AND assigned <> arm) AS otherwise
FROM {EXPOSURES}
"""
_BY_UNIT = f"""
SELECT unit, count(*) AS times, count(DISTINCT arm) AS arms, min(arm) AS one, max(arm) AS other
FROM {EXPOSURES} WHERE NOT tester GROUP BY unit
"""
_UNITS = f"""
SELECT count(*) AS units, count_if(arms > 1) AS in_two_arms, sum(times - 1) AS repeated
FROM ({_BY_UNIT}) AS by_unit
"""


@dataclass(frozen=True, kw_only=True)
class ExposureAudit:
    """What an experiment's exposures come to.

    Args:
        exposures: How many are logged.
        of_testers: How many are of testers; the counts of units below are without them.
        units: How many units.
        repeated: Exposures of units that had one already.
        in_two_arms: Units that were shown two arms or more.
        unassigned: Exposures of units that were assigned nothing at that moment: not enrolled yet, or held out.
        otherwise: Exposures to another arm than was assigned.
        listed: The first of the conflicts: units in two arms, then exposures beside their assignment.
    """

    exposures: int
    of_testers: int
    units: int
    repeated: int
    in_two_arms: int
    unassigned: int
    otherwise: int
    listed: tuple[Conflict, ...]


def audit(rows: pa.Table) -> ExposureAudit:
    """Counts and lists what is odd.

    Args:
        rows: One experiment's exposures, as `ExposureLog.rows` gives them.
    """
    with connect({EXPOSURES: rows}) as warehouse:
        (counts,) = warehouse.fetch(Query(sql=_COUNTS, limit=1)).to_pylist()
        (units,) = warehouse.fetch(Query(sql=_UNITS, limit=1)).to_pylist()
        twice = warehouse.fetch(
            Query(sql=f"SELECT unit, one, other FROM ({_BY_UNIT}) AS u WHERE arms > 1 ORDER BY unit LIMIT {LISTED}")
        ).to_pylist()
        beside = warehouse.fetch(
            Query(
                sql=f"SELECT unit, arm, assigned, at FROM {EXPOSURES} WHERE assigned IS NULL OR assigned <> arm "
                f"ORDER BY unit, at LIMIT {LISTED}"
            )
        ).to_pylist()
    in_two = [
        Conflict(unit=row["unit"], arms=(row["one"], row["other"]), says="shown more than one arm") for row in twice
    ]
    wrong = [
        Conflict(
            unit=row["unit"],
            arms=(row["arm"], row["assigned"] or "none"),
            says=f"shown {row['arm']!r} at {row['at'].isoformat()}, assigned {row['assigned'] or 'nothing'!r}",
        )
        for row in beside
    ]
    return ExposureAudit(
        exposures=counts["exposures"],
        of_testers=counts["of_testers"],
        units=units["units"],
        repeated=int(units["repeated"] or 0),
        in_two_arms=units["in_two_arms"],
        unassigned=counts["unassigned"],
        otherwise=counts["otherwise"],
        listed=tuple([*in_two, *wrong][:LISTED]),
    )
