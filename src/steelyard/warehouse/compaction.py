"""Few larger files in the place of many small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.errors import WarehouseError
from steelyard.warehouse.snapshot import DataFile, StoredTable
from steelyard.warehouse.staging import Staging

if TYPE_CHECKING:
    import duckdb

__all__ = ["MANY_FILES", "SMALL_BYTES", "compacted"]

MANY_FILES = 16
SMALL_BYTES = 16 << 20


def compacted(connection: duckdb.DuckDBPyConnection, staging: Staging, table: StoredTable) -> tuple[DataFile, ...]:
    """The table's files, with the small ones put together once there are many; the rows and the fingerprint stay.

    A file of 16 MB or more is left alone, so that a row is rewritten a bounded number of times however often rows
    are appended.
    """
    small = [file for file in table.files if file.bytes < SMALL_BYTES]
    if len(small) < MANY_FILES:
        return table.files
    relation = table.relation(str(staging.catalog.folder), small)
    written = staging.write(connection, f"SELECT * FROM {relation}", where=table.name)
    total = sum(int(file.total, 16) for file in small) % (1 << 128)
    if int(written.file.total, 16) != total or dict(written.columns) != dict(table.columns):
        raise WarehouseError(f"putting the files of {table.name!r} together changed its rows", where=table.name)
    return (*(file for file in table.files if file.bytes >= SMALL_BYTES), written.file)
