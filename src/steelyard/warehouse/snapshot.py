"""One published state of a store: its tables, their files, and what the pipelines remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steelyard.canonical import digest
from steelyard.warehouse.fingerprint import Fingerprint, exact_columns
from steelyard.warehouse.query import quote_name, quote_text
from steelyard.warehouse.warehouse import TableVersion

__all__ = ["DataFile", "Snapshot", "StoredTable", "stored_table"]


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One immutable Parquet file of a table.

    Args:
        path: Relative to the store's folder.
        rows: How many rows.
        bytes: Its size.
        sha256: Hash of its bytes.
        total: Sum of its rows' md5 over all columns of the table, in hexadecimal; see `Fingerprint`.
        lacks: Columns of the table that came later than the file; they are NULL in its rows.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    total: str
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StoredTable(TableVersion):
    """One version of a table: its files, columns, and what is known of it.

    `version_id` is the SHA-256 of the columns and of the sorted SHA-256 of the files: equal bytes have equal ids
    on every machine. `fingerprint` is the hash of the rows as a multiset.

    Args:
        files: The Parquet files that together are the table.
        columns: Column name -> type in DuckDB's words, in order.
        details: What the author of the version says of it (plain JSON): declaration, proofs, build record.
        erased: What erasures took away from this version after it was published; a replay that reads it can say why
            its numbers moved. Each has `erasure` (number), `at`, `rows` and `was` (the version_id before).
    """

    files: tuple[DataFile, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    erased: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The table's record as plain values."""
        return {
            "name": self.name,
            "version_id": self.version_id,
            "fingerprint": self.fingerprint,
            "rows": self.rows,
            "published_at": self.published_at,
            "files": [
                {"path": item.path, "rows": item.rows, "bytes": item.bytes, "sha256": item.sha256, "total": item.total}
                | ({"lacks": list(item.lacks)} if item.lacks else {})
                for item in self.files
            ],
            "columns": [[name, kind] for name, kind in self.columns.items()],
            "details": dict(self.details),
            "erased": [dict(item) for item in self.erased],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> StoredTable:
        """The table of a record that `to_dict` wrote."""
        files = tuple(DataFile(**{**item, "lacks": tuple(item.get("lacks", ()))}) for item in record["files"])
        columns = dict(record["columns"])
        return cls(**{**record, "files": files, "columns": columns, "erased": tuple(record["erased"])})

    def relation(self, folder: str, files: Sequence[DataFile] | None = None) -> str:
        """What stands after FROM to read the table (or some of its files) from a store's folder, columns in order."""
        files = self.files if files is None else files
        later = ", union_by_name = true" if any(item.lacks for item in files) else ""
        paths = ", ".join(quote_text(f"{folder}/{item.path}") for item in files)
        lacked = set(files[0].lacks).intersection(*(item.lacks for item in files))
        columns = ", ".join(
            f"CAST(NULL AS {kind}) AS {quote_name(name)}" if name in lacked else quote_name(name)
            for name, kind in self.columns.items()
        )
        return f"(SELECT {columns} FROM read_parquet([{paths}]{later}, hive_partitioning = false))"

    def view(self, folder: str) -> str:
        """The SQL that makes or replaces the table's view."""
        return f"CREATE OR REPLACE VIEW {quote_name(self.name)} AS SELECT * FROM {self.relation(folder)}"


def stored_table(
    name: str,
    columns: Mapping[str, str],
    files: Sequence[DataFile],
    *,
    published_at: str,
    details: Mapping[str, Any],
    erased: Sequence[Mapping[str, Any]] = (),
) -> StoredTable:
    """The table that some files make: its ids and rows follow from theirs."""
    rows = sum(item.rows for item in files)
    total = sum(int(item.total, 16) for item in files) % (1 << 128)
    shapes = [[name, kind] for name, kind in columns.items()]
    return StoredTable(
        name=name,
        version_id=digest({"columns": shapes, "files": sorted(item.sha256 for item in files)}),
        fingerprint=Fingerprint(columns=exact_columns(columns), rows=rows, total=total).digest,
        rows=rows,
        published_at=published_at,
        files=tuple(files),
        columns=dict(columns),
        details=dict(details),
        erased=tuple(erased),
    )


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One published state of a store; nothing in it ever changes, except by an erasure, which says so.

    Args:
        number: 0 for the empty store, and one more with every commit.
        parent: The number before; None for 0.
        published_at: When it was published, UTC, ISO.
        says: What was done, in a few words.
        tables: Name -> table.
        state: What the pipelines remember, plain JSON: `load/orders` holds the cursor of that load.
        records: Name -> digest of the table's record.
    """

    number: int
    parent: int | None
    published_at: str
    says: str
    tables: Mapping[str, StoredTable]
    state: Mapping[str, Any]
    records: Mapping[str, str] = field(default_factory=dict)
