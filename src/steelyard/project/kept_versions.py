"""The versions of a store's tables as lineage asks for them, and what loaded them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.metrics.table_lineage import SourceLoad

if TYPE_CHECKING:
    from steelyard.warehouse import Store, StoredTable

__all__ = ["StoreVersions"]


class StoreVersions:
    """The tables of one version of a store, those of the versions before it, and the loads that it remembers.

    Args:
        store: The store.
        number: The version that is read.
    """

    def __init__(self, store: Store, number: int) -> None:
        self._store, self._number = store, number
        self._snapshot = store.snapshot(number)

    def version(self, table: str) -> StoredTable | None:
        """The version of a table that is read."""
        return self._snapshot.tables.get(table)

    def earlier(self, table: str, version_id: str) -> StoredTable | None:
        """The version of a table with that id, looked for backwards; None where it does not remain."""
        for number in reversed([item for item in self._store.catalog.numbers() if item < self._number]):
            found = self._store.snapshot(number).tables.get(table)
            if found is not None and version_id in (found.version_id, *(item["was"] for item in found.erased)):
                return found
        return None

    def load(self, table: str) -> SourceLoad | None:
        """What loaded a table last; None where nothing did."""
        version = self.version(table)
        told: dict[str, Any] = (version.details.get("load") or {}) if version is not None else {}
        if not told:
            return None
        state = self._snapshot.state.get(f"load/{told['source']}") or {}
        last = next((item for item in reversed(state.get("loads", ()))), told)
        return SourceLoad(
            source=told["source"],
            kind=told["kind"],
            at=str(last["at"]),
            rows=int(last["rows"]),
            rejected=int(last["rejected"]),
            files=tuple(sorted({str(item["file"]) for item in state.get("files", {}).values()})),
        )
