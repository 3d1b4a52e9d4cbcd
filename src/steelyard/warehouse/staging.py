"""Where a transaction's files wait to be published."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from steelyard.errors import DataError, WarehouseError
from steelyard.warehouse.catalog import Catalog
from steelyard.warehouse.duckdb_errors import from_duckdb, is_engine_error
from steelyard.warehouse.durable import disk_errors, hash_file, held, sync_file, sync_folder
from steelyard.warehouse.fingerprint import fingerprint_of
from steelyard.warehouse.query import quote_name, quote_text
from steelyard.warehouse.snapshot import DataFile, StoredTable

if TYPE_CHECKING:
    import duckdb

__all__ = ["Staging", "Written", "engine_errors"]

_KEPT_AS = {"HUGEINT": "BIGINT", "UHUGEINT": "BIGINT", "BIT": "VARCHAR", "TIMESTAMP_S": "TIMESTAMP"}
_KEPT_AS |= {"TIMESTAMP_MS": "TIMESTAMP"}
_REFUSED = re.compile(r"^\"?NULL\"?$|\b(INTERVAL|TIME WITH TIME ZONE|BIGNUM|UHUGEINT|HUGEINT|VARIANT|BIT)\b|ENUM\(")
_FULL = ("no space left", "file too large", "disk quota", "not enough space", "out of disk")


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file that was staged, and its columns.

    Args:
        columns: Name -> type, in order.
        file: The file.
    """

    columns: Mapping[str, str]
    file: DataFile


class Staging:
    """A transaction's own folder, held by a lock for as long as the transaction lives."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.folder = catalog.staging / f"{os.getpid()}-{os.urandom(8).hex()}"
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True)
            self._exits.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._exits.enter_context(held(self.folder / "lock"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        select: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        where: str = "",
    ) -> Written:
        """Writes what a SELECT gives to one Parquet file, and takes its hashes.

        Args:
            connection: Where the SELECT runs.
            select: DuckDB's own SQL.
            parameters: Bound values.
            where: The table's name, for errors.
        """
        path = self.folder / f"{os.urandom(8).hex()}.parquet"
        with engine_errors(where), disk_errors(path):
            described = connection.execute(f"DESCRIBE {select}", parameters or None).fetchall()
            select = _with_kept_types(select, {name: kind for name, kind, *_ in described}, where)
            connection.execute(f"COPY ({select}) TO {quote_text(str(path))} (FORMAT parquet)", parameters or None)
            return self._taken(connection, path)

    def _taken(self, connection: duckdb.DuckDBPyConnection, path: Path) -> Written:
        relation = f"read_parquet({quote_text(str(path))}, hive_partitioning = false)"
        columns = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE FROM {relation}").fetchall()}
        found = fingerprint_of(connection, relation, columns)
        sync_file(path)
        file = DataFile(
            path=str(path.relative_to(self.catalog.folder)),
            rows=found.rows,
            bytes=path.stat().st_size,
            sha256=hash_file(path),
            total=f"{found.total:032x}",
        )
        return Written(columns=columns, file=file)

    def without(
        self, connection: duckdb.DuckDBPyConnection, table: StoredTable, file: DataFile, predicate: str
    ) -> DataFile | None:
        """The file without the rows for which the predicate is true: itself where there is none, None where all are."""
        relation = table.relation(str(self.catalog.folder), [file])
        test = f"(\n{predicate}\n) IS TRUE"
        with engine_errors(table.name):
            ((met,),) = connection.execute(f"SELECT count(*) FILTER (WHERE {test}) FROM {relation}").fetchall()
        if not met:
            return file
        if met == file.rows:
            return None
        return self.write(connection, f"SELECT * FROM {relation} WHERE NOT ({test})", where=table.name).file

    def widened(
        self, connection: duckdb.DuckDBPyConnection, table: StoredTable, file: DataFile, lacks: tuple[str, ...]
    ) -> DataFile:
        """The file as a part of a table with more columns: its rows are hashed with NULLs in them.

        Args:
            connection: Where the hashes are taken.
            table: The table with its new columns.
            file: The file, which is shared.
            lacks: The columns that it lacks.
        """
        file = replace(file, lacks=(*file.lacks, *lacks))
        with engine_errors(table.name):
            found = fingerprint_of(connection, table.relation(str(self.catalog.folder), [file]), table.columns)
        return replace(file, total=f"{found.total:032x}")

    def publish(self, name: str, file: DataFile) -> DataFile:
        """Links a staged file under its hash among the store's data; a file that is there already stays as it is."""
        if not file.path.startswith(self.catalog.staging.name + "/"):
            return file
        target = self.catalog.data / folder_name(name) / f"{file.sha256}.parquet"
        with disk_errors(target):
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                sync_folder(self.catalog.data)
            try:
                os.link(self.catalog.folder / file.path, target)
            except FileExistsError:
                target.touch()
            sync_folder(target.parent)
        return replace(file, path=str(target.relative_to(self.catalog.folder)))


def folder_name(table: str) -> str:
    """A folder's name for a table: its name where that is plain, else what is plain of it; files are told by hash.

    >>> folder_name("orders"), folder_name("../etc; drop")
    ('orders', '___etc__drop')
    """
    return re.sub(r"[^A-Za-z0-9_-]", "_", table)[:80] or "_"


@contextmanager
def engine_errors(where: str) -> Iterator[None]:
    """Turns what DuckDB raises into Steelyard's errors; a full disk says so."""
    try:
        yield
    except Exception as error:
        if not is_engine_error(error):
            raise
        if any(words in str(error).lower() for words in _FULL):
            hint = "free space and run it again; what was stored before is as it was"
            raise WarehouseError("the disk is full", where=where, hint=hint) from error
        raise from_duckdb(error, where=where) from error


def _with_kept_types(select: str, columns: Mapping[str, str], where: str) -> str:
    kept = {name: _kept_type(name, kind, where) for name, kind in columns.items()}
    casts = ", ".join(
        f"CAST({quote_name(name)} AS {kind}) AS {quote_name(name)}"
        for name, kind in kept.items()
        if kind != columns[name]
    )
    return f"SELECT * REPLACE ({casts}) FROM ({select})" if casts else select


def _kept_type(name: str, kind: str, where: str) -> str:
    if kind.startswith("ENUM("):
        return "VARCHAR"
    if kind in _KEPT_AS:
        return _KEPT_AS[kind]
    if _REFUSED.search(kind):
        hint = f'cast it: CAST("{name}" AS ...) to a number, a date or time, a decimal or a text'
        raise DataError(
            f"column {name!r} has the type {kind}, which Parquet does not keep exactly", where=where, hint=hint
        )
    return re.sub(r"\[\d+\]", "[]", kind)
