"""Two versions of a store's tables side by side in one warehouse, to be compared row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.warehouse.snapshot import Snapshot
    from steelyard.warehouse.store import Store
    from steelyard.warehouse.warehouse import Warehouse

__all__ = ["TwoVersions", "two_versions"]


@dataclass(frozen=True, kw_only=True)
class TwoVersions:
    """Two versions of a store, readable in one SELECT.

    Args:
        warehouse: The later version's tables under their own names, and the earlier one's beside; close it after use.
        names: Table of the earlier version -> what it is called there, such as `orders @3`.
        before: The earlier version.
        after: The later one.
    """

    warehouse: Warehouse
    names: Mapping[str, str]
    before: Snapshot
    after: Snapshot


def two_versions(store: Store, before: int, after: int, **limits: Any) -> TwoVersions:
    """Opens two versions of a store's tables in one warehouse, for reading only.

    Args:
        store: The store.
        before: Number of the earlier version.
        after: Number of the later one; it may be the same.
        limits: `memory_limit` and `threads`, as `Store.warehouse` takes them.

    Raises:
        WarehouseError: A version does not remain, or its files are damaged.

    >>> import tempfile
    >>> from steelyard.warehouse import Store
    >>> store = Store.open(tempfile.mkdtemp())
    >>> for amount in (1, 2):
    ...     with store.transaction("orders") as change:
    ...         table = change.create("orders", f"SELECT {amount} AS amount")
    >>> both = two_versions(store, 1, 2)
    >>> both.warehouse.fetch('SELECT amount FROM orders UNION ALL SELECT amount FROM "orders @1"').to_pylist()
    [{'amount': 2}, {'amount': 1}]
    >>> both.warehouse.close()
    """
    earlier, later = store.snapshot(before), store.snapshot(after)
    warehouse = store.warehouse(after, **limits)
    names: dict[str, str] = {}
    for name, table in earlier.tables.items():
        beside = f"{name} @{before}"
        while beside.lower() in {taken.lower() for taken in (*later.tables, *names.values())}:
            beside += "'"
        store._view(warehouse._connection, replace(table, name=beside))
        names[name] = beside
    return TwoVersions(warehouse=warehouse, names=names, before=earlier, after=later)
