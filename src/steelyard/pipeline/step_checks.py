"""What the declared steps of a table leave open, counted and said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steelyard.pipeline.statement import OpenCount
from steelyard.result import Check

__all__ = ["step_checks"]

_SAYS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "deduplicate": (
        ("tied", "", "keys have different rows that tie on every tie-breaker; add one to `order_by:`"),
        ("keyless", "note", "rows have no key and were all kept"),
    ),
    "sessionise": (("homeless", "note", "rows have no visitor or no time, and so no session"),),
    "as_of": (
        ("ambiguous", "blocking", "rows of the other table share a time with another, so that either might be taken"),
        ("unmatched", "doubt", "rows found nothing that was known at their time"),
        ("stale", "doubt", "rows took a value that was older than `stale_after`"),
    ),
    "scaffold": (
        ("doubled", "blocking", "rows repeat a unit, whose days would be doubled"),
        ("dayless", "doubt", "units have no first day, or end before it, and so no row"),
    ),
}
"""Kind of step -> its counts: name, severity (that of the step where empty), what is so when it is not 0."""


def step_checks(count: OpenCount, run: Callable[[str], Mapping[str, Any]]) -> tuple[Check, ...]:
    """The checks of one step.

    Args:
        count: The query that counts what the step leaves open.
        run: Gives the one row of a SELECT.
    """
    row = run(count.sql)
    suffix = f"_{count.step}" if count.step else ""
    of = f"step {count.step!r}" if count.step else "the table"
    checks = []
    if "removed" in row:
        says = f"{of}: {int(row['removed']):,} duplicates were taken out"
        value = float(row["removed"])
        checks.append(Check(name=f"duplicates{suffix}", status="passed", severity="note", value=value, says=says))
    for name, severity, says in _SAYS[count.kind]:
        bad = int(row[name])
        shown = f": {', '.join(row['examples'])}" if name == "tied" and row.get("examples") else ""
        checks.append(
            Check(
                name=f"{name}{suffix}",
                status="failed" if bad else "passed",
                severity=severity or count.severity,  # type: ignore[arg-type]
                value=float(bad),
                limit=0.0,
                says=f"{of}: {bad:,} {says}{shown}",
            )
        )
    return tuple(checks)
