"""What a load did."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.pipeline.identity import IdentityReport
from steelyard.result import Check

__all__ = ["LoadReport"]


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What a load did.

    Args:
        table: The table.
        rows: Rows that this load put into it.
        rejected: Rows that are in `<table>_rejects` instead, new with this load.
        added_columns: Columns that the table has since this load.
        cursor: Where the next load continues, as text; empty without a cursor.
        seconds: How long it took.
        skipped: Files whose content was loaded before.
        checks: Rejects, drift of the schema, future cursors, conflicts of identity.
        superseded: Rows of this load that gave way to another of it with the same key.
        total: Rows of the table now.
        load_id: Names this load in `<table>_rejects`; empty where nothing was new.
        identity: What the identity rule made of the ids; None without one.
    """

    table: str
    rows: int
    rejected: int
    added_columns: tuple[str, ...]
    cursor: str
    seconds: float
    skipped: int
    checks: tuple[Check, ...]
    superseded: int = 0
    total: int = 0
    load_id: str = ""
    identity: IdentityReport | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was published."""
        return bool(self.load_id)
