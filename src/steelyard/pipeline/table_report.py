"""What became of one table in a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from steelyard.result import Check

__all__ = ["BuildReport", "TableReport"]

Status = Literal["published", "unchanged", "held", "failed"]


@dataclass(frozen=True, kw_only=True)
class TableReport:
    """What became of one table in a build.

    Args:
        table: The table.
        status: `published`; `unchanged` (what is published is what would be built); `failed` (its SQL or a blocking
            test failed, and the version before stays); `held` (something that it reads failed: it was not built).
        rows: Rows of the version that is readable now; None where there is none.
        seconds: How long it took.
        checks: Its data tests, and what was seen while it was built.
        says: How it was built, or why not.
        where: File and line of what failed.
        hint: What to do about it.
        version_id: The version that is readable now.
    """

    table: str
    status: Status
    rows: int | None = None
    seconds: float = 0.0
    checks: tuple[Check, ...] = ()
    says: str = ""
    where: str = ""
    hint: str = ""
    version_id: str = ""

    @property
    def failed(self) -> bool:
        """Whether it needs a person: it failed or was held, or a blocking test of what is published does not hold."""
        return self.status in ("failed", "held") or any(check.stops for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return {**asdict(self), "checks": [check.to_dict() for check in self.checks]}


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What became of the tables of a build.

    Args:
        tables: One for each table, in the order of building.
        snapshot: Number of the store's version that holds the result.
        seconds: How long it took.
        downstream: Table -> the tables that its rows go into, at any remove.
    """

    tables: tuple[TableReport, ...]
    snapshot: int
    seconds: float
    downstream: Mapping[str, tuple[str, ...]]

    @property
    def failed(self) -> bool:
        """Whether any table needs a person."""
        return any(table.failed for table in self.tables)

    def of(self, table: str) -> TableReport:
        """The report of one table.

        Raises:
            UnknownNameError: It was not part of the build.
        """
        from steelyard.errors import unknown_name

        for report in self.tables:
            if report.table == table:
                return report
        raise unknown_name("table of the build", table, [report.table for report in self.tables])

    def behind(self) -> tuple[str, ...]:
        """The tables that are not what they should be: those that failed, were held, or stand on one of them."""
        reached: dict[str, None] = {}
        for report in self.tables:
            if report.failed:
                reached.update(dict.fromkeys((report.table, *self.downstream.get(report.table, ()))))
        return tuple(reached)
