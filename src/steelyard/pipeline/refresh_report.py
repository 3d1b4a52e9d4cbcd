"""What became of a refresh: loads, tables, and the published numbers that they touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from steelyard.canonical import plain
from steelyard.pipeline.critical_path import CriticalPath
from steelyard.pipeline.table_report import TableReport
from steelyard.result import Check

__all__ = ["LoadOutcome", "RefreshReport"]


@dataclass(frozen=True, kw_only=True)
class LoadOutcome:
    """What became of one load.

    Args:
        table: The table that was loaded.
        status: `loaded`, `unchanged` (there was nothing new) or `failed` (what was there stays).
        rows: Rows that came.
        rejected: Rows that did not parse and went to the quarantine table.
        added_columns: Columns that were not there before.
        seconds: How long it took.
        checks: What was seen on the way.
        says: Why it failed.
        where: Where.
        hint: What to do about it.
    """

    table: str
    status: Literal["loaded", "unchanged", "failed"]
    rows: int = 0
    rejected: int = 0
    added_columns: tuple[str, ...] = ()
    seconds: float = 0.0
    checks: tuple[Check, ...] = ()
    says: str = ""
    where: str = ""
    hint: str = ""

    @property
    def failed(self) -> bool:
        """Whether it needs a person."""
        return self.status == "failed" or any(check.stops for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class RefreshReport:
    """What became of a refresh.

    Args:
        loads: One for each source.
        tables: One for each table, in the order of building.
        behind: Tables that are not what they should be: failed, held, or standing on one that is.
        affected: Table that is behind -> the metrics that read it.
        snapshot: Number of the store's version that holds the result.
        started_at: When it began.
        seconds: How long it took.
        path: The longest way through the graph, with this run's times; `ready_at` is what was expected at the start.
        entry: Digest of the ledger's entry; empty without a ledger.
    """

    loads: tuple[LoadOutcome, ...]
    tables: tuple[TableReport, ...]
    behind: tuple[str, ...]
    affected: Mapping[str, tuple[str, ...]]
    snapshot: int
    started_at: datetime
    seconds: float
    path: CriticalPath
    entry: str = ""
    downstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @property
    def failed(self) -> bool:
        """Whether a load or a table needs a person; the command line then exits with an error."""
        return any(load.failed for load in self.loads) or any(table.failed for table in self.tables)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The published metrics that are not what they should be, sorted."""
        return tuple(sorted({metric for metrics in self.affected.values() for metric in metrics}))

    def why(self, metric: str) -> tuple[str, ...]:
        """The failed loads and tables that a metric's number is behind for, sorted."""
        tables = {table for table, metrics in self.affected.items() if metric in metrics}
        failed = [load.table for load in self.loads if load.failed]
        failed += [table.table for table in self.tables if table.failed and table.status != "held"]
        return tuple(sorted(name for name in failed if tables & {name, *self.downstream.get(name, ())}))

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        found: dict[str, Any] = plain(
            {
                "loads": [
                    {**asdict(load), "checks": [check.to_dict() for check in load.checks]} for load in self.loads
                ],
                "tables": [table.to_dict() for table in self.tables],
                "behind": self.behind,
                "affected": self.affected,
                "snapshot": self.snapshot,
                "started_at": self.started_at,
                "seconds": self.seconds,
                "path": asdict(self.path),
            }
        )
        return {**found, "failed": self.failed, "metrics": list(self.metrics)}
