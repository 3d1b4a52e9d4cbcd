"""One change of a store: staged beside, published in one step, or not at all."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from steelyard.canonical import plain
from steelyard.errors import DataError, DefinitionError, WarehouseError, unknown_name
from steelyard.warehouse.catalog import Catalog
from steelyard.warehouse.compaction import compacted
from steelyard.warehouse.duckdb_open import open_duckdb
from steelyard.warehouse.durable import held
from steelyard.warehouse.query import Query, quote_name, quote_text
from steelyard.warehouse.snapshot import DataFile, Snapshot, StoredTable, stored_table
from steelyard.warehouse.staging import Staging, Written, engine_errors

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from steelyard.warehouse.duckdb_warehouse import DuckDbWarehouse

__all__ = ["ConflictError", "Transaction"]


class ConflictError(WarehouseError):
    """Another writer published a change of the same table or state first; nothing of this one was stored."""


class Transaction:
    """One change of a store. Made by `Store.transaction`; use it as a context manager.

    Isolation: it reads the version that it began with, and what it has staged itself. Two transactions that touch other
    tables and other state keys both commit; of two that touch the same, the first wins and the other gets a
    `ConflictError`. What a transaction only read may have moved on by the time that it commits.

    `create` and `replace_where` may be called from several threads when each gives a cursor of its own.

    Attributes:
        base: The version that it began with.
        state: What the pipelines remember; a dictionary of plain JSON to change at will.
        committed: The version that it published; None before.
    """

    def __init__(
        self, catalog: Catalog, says: str, *, memory_limit: str | None = None, threads: int | None = None
    ) -> None:
        self.says = says
        self.committed: Snapshot | None = None
        self._catalog, self._lock, self._exits = catalog, threading.RLock(), ExitStack()
        self._erasures = catalog.erasure_numbers()
        self.base = catalog.latest()
        self.state: dict[str, Any] = copy.deepcopy(dict(self.base.state))
        self._staged: dict[str, StoredTable | None] = {}
        self._closed = False
        self._staging = self._exits.enter_context(Staging(catalog))
        self._settings = {"memory_limit": memory_limit, "threads": threads}
        self._opened: duckdb.DuckDBPyConnection | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The transaction's own DuckDB, in memory, with a view of every table; temporary work may be done on it."""
        with self._lock:
            if self._opened is None:
                if self._closed:
                    raise WarehouseError("the transaction is over", where=self.says, hint="begin another")
                self._opened = open_duckdb(**self._settings)  # type: ignore[arg-type]
                self._exits.callback(self._opened.close)
                self._opened.execute(f"SET temp_directory = {quote_text(str(self._staging.folder / 'spill'))}")
                for table in self.base.tables.values():
                    self._view(table)
            return self._opened

    @property
    def tables(self) -> Mapping[str, StoredTable]:
        """The tables as they would be published now."""
        tables = {**self.base.tables, **self._staged}
        return {name: table for name, table in sorted(tables.items()) if table is not None}

    @property
    def warehouse(self) -> DuckDbWarehouse:
        """The base's tables and everything staged so far, as a warehouse to read from."""
        from steelyard.warehouse.duckdb_warehouse import DuckDbWarehouse

        name = f"{self._catalog.folder.name} (after version {self.base.number})"
        return DuckDbWarehouse(self.connection, name=name, read_only=True, versions=self.tables)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Runs DuckDB's own SQL on the transaction's connection; returns the rows."""
        with self._lock:
            return self.connection.execute(sql, dict(parameters) if parameters else None).fetchall()

    def create(
        self,
        name: str,
        source: str | Query | pa.Table | pa.RecordBatchReader,
        *,
        mode: Literal["replace", "append"] = "replace",
        details: Mapping[str, Any] | None = None,
        cursor: duckdb.DuckDBPyConnection | None = None,
    ) -> StoredTable:
        """Stages a table, or more rows of one.

        Types are kept exactly; where Parquet has no such type: HUGEINT (what `sum` of integers gives) becomes BIGINT
        or fails when a value does not fit, ENUM and BIT become text, TIMESTAMP_S and _MS become TIMESTAMP, arrays
        become lists. INTERVAL, BIGNUM, zoned times without a date and untyped NULLs are refused.

        Args:
            name: The table.
            source: DuckDB's own SQL run on `connection`, or rows in memory.
            mode: `append` keeps the rows that are there; the source must have every column of the table with its type,
                and may bring new ones, which are NULL in the rows that were there.
            details: What is to be known of this version (plain JSON); None keeps what an append found, and is empty
                for a replacement.
            cursor: Where the SQL runs; None runs it on `connection`, one at a time.

        Raises:
            DataError: A column is missing, has another type, or a type that cannot be kept.
            WarehouseError: The disk is full, or the SQL failed.
        """
        if mode not in ("replace", "append"):
            raise DefinitionError(f"mode {mode!r} is neither 'replace' nor 'append'", where=name)
        present = self._present(name)
        if mode == "append" and present is not None:
            return self._append(present, source, details, cursor)
        written = self._write(name, source, cursor)
        return self._stage(name, written.columns, [written.file], details or {})

    def replace_where(
        self,
        name: str,
        predicate: str,
        source: str | Query | pa.Table | pa.RecordBatchReader,
        *,
        details: Mapping[str, Any] | None = None,
        cursor: duckdb.DuckDBPyConnection | None = None,
    ) -> StoredTable:
        """Stages a table without the rows for which a predicate is true, and with the source's rows.

        Files in which no row is met are shared with the version before. A row for which the predicate is NULL stays.

        Args:
            name: The table, which must be there.
            predicate: A condition in DuckDB's own SQL over the table's columns.
            source: The rows to add, as for `create`; same columns and types.
            details: As for `create` with append.
            cursor: As for `create`.
        """
        present = self._present(name)
        if present is None:
            raise unknown_name("table", name, self.tables, where=str(self._catalog.folder))
        added = self._write(name, source, cursor)
        if new := _new_columns(present, added.columns):
            hint = "append with the new columns first, or replace the whole table"
            raise DataError(f"the new rows of {name!r} bring the column {next(iter(new))!r}", where=name, hint=hint)
        with self._turn(cursor) as connection:
            kept = [self._staging.without(connection, present, file, predicate) for file in present.files]
        files = [file for file in (*kept, added.file if added.file.rows else None) if file is not None]
        return self._stage(name, present.columns, files or [added.file], _details(present, details))

    def drop(self, name: str) -> None:
        """Stages the end of a table; its older versions stay readable."""
        if self._present(name) is None:
            raise unknown_name("table", name, self.tables, where=str(self._catalog.folder))
        with self._lock:
            self._staged[name] = None
            if self._opened is not None:
                self._opened.execute(f"DROP VIEW {quote_name(name)}")

    def describe(self, name: str, details: Mapping[str, Any]) -> StoredTable:
        """Stages what is to be known of a table in the place of what was; its rows stay as they are."""
        present = self._present(name)
        if present is None:
            raise unknown_name("table", name, self.tables, where=str(self._catalog.folder))
        table = replace(present, details=plain(details))
        with self._lock:
            self._staged[name] = table
        return table

    def withdraw(self, name: str) -> None:
        """Takes back what was staged of a table: it is again what it was when the transaction began."""
        with self._lock:
            self._staged.pop(name, None)
            if name in self.base.tables:
                self._view(self.base.tables[name])
            else:
                self.connection.cursor().execute(f"DROP VIEW IF EXISTS {quote_name(name)}")

    def commit(self) -> Snapshot:
        """Publishes everything that was staged; where nothing was, the newest version is given and none is made.

        Raises:
            ConflictError: Another writer changed the same table or state since this transaction began.
            WarehouseError: The disk is full, or rows were erased from the store since it began.
        """
        if self._closed:
            raise WarehouseError("the transaction is over", where=self.says, hint="begin another")
        state = plain(self.state)
        try:
            self.committed = self._publish(state)
        finally:
            self.close()
        return self.committed

    def close(self) -> None:
        """Discards what was not committed; calling it twice is harmless."""
        self._closed = True
        self._exits.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._closed:
            self.commit()
        self.close()

    def _present(self, name: str) -> StoredTable | None:
        with self._lock:
            return self._staged[name] if name in self._staged else self.base.tables.get(name)

    def _append(
        self,
        present: StoredTable,
        source: str | Query | pa.Table | pa.RecordBatchReader,
        details: Mapping[str, Any] | None,
        cursor: duckdb.DuckDBPyConnection | None,
    ) -> StoredTable:
        added = self._write(present.name, source, cursor)
        new = _new_columns(present, added.columns)
        table = replace(present, columns={**present.columns, **new})
        with self._turn(cursor) as connection:
            files = list(present.files)
            if new:
                files = [self._staging.widened(connection, table, file, tuple(new)) for file in files]
            if added.file.rows:
                files = [*(file for file in files if file.rows), added.file]
            files = list(compacted(connection, self._staging, replace(table, files=tuple(files))))
        return self._stage(present.name, table.columns, files, _details(present, details))

    @contextmanager
    def _turn(self, cursor: duckdb.DuckDBPyConnection | None) -> Iterator[duckdb.DuckDBPyConnection]:
        if cursor is not None:
            yield cursor
            return
        with self._lock:
            yield self.connection

    def _write(
        self,
        name: str,
        source: str | Query | pa.Table | pa.RecordBatchReader,
        cursor: duckdb.DuckDBPyConnection | None,
    ) -> Written:
        with self._turn(cursor) as connection:
            if isinstance(source, str):
                return self._staging.write(connection, _as_select(source), where=name)
            if isinstance(source, Query):
                return self._staging.write(connection, _as_select(source.sql), source.parameters, where=name)
            view = f"steelyard incoming {os.urandom(4).hex()}"
            with engine_errors(name):
                connection.register(view, source)
            try:
                return self._staging.write(connection, f"SELECT * FROM {quote_name(view)}", where=name)
            finally:
                connection.unregister(view)

    def _stage(
        self, name: str, columns: Mapping[str, str], files: Sequence[DataFile], details: Mapping[str, Any]
    ) -> StoredTable:
        table = stored_table(name, columns, files, published_at="", details=plain(details))
        with self._lock:
            for other in self.tables:
                if other != name and other.casefold() == name.casefold():
                    problem = f"tables {other!r} and {name!r} differ in upper and lower case alone"
                    raise DefinitionError(problem, where=str(self._catalog.folder))
            self._view(table)
            self._staged[name] = table
        return table

    def _view(self, table: StoredTable) -> None:
        with engine_errors(table.name):
            self.connection.cursor().execute(table.view(str(self._catalog.folder)))

    def _publish(self, state: Mapping[str, Any]) -> Snapshot:
        keys = {key for key in {*state, *self.base.state} if state.get(key, _GONE) != self.base.state.get(key, _GONE)}
        if not self._staged and not keys:
            return self._catalog.latest()
        with held(self._catalog.publishing, shared=True):
            if self._catalog.erasure_numbers() != self._erasures:
                problem = "rows were erased from the store since this transaction began, which may have read them"
                raise ConflictError(problem, where=self.says, hint="run it again")
            records = {name: self._published(table) if table else _GONE for name, table in self._staged.items()}
            while True:
                parent = self._catalog.latest()
                self._refuse_conflict(parent, keys)
                state_now = _changed(parent.state, {key: state.get(key, _GONE) for key in keys})
                number = self._catalog.put_entry(parent, self.says, _changed(parent.records, records), state_now)
                if number is not None:
                    return self._catalog.snapshot(number)

    def _published(self, table: StoredTable) -> str:
        files = tuple(self._staging.publish(table.name, file) for file in table.files)
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        return self._catalog.put_table(replace(table, files=files, published_at=now))

    def _refuse_conflict(self, parent: Snapshot, keys: set[str]) -> None:
        if parent.number == self.base.number:
            return
        tables = [name for name in self._staged if parent.records.get(name) != self.base.records.get(name)]
        states = [key for key in keys if parent.state.get(key, _GONE) != self.base.state.get(key, _GONE)]
        if not tables and not states:
            return
        what = f"table {tables[0]!r}" if tables else f"state {states[0]!r}"
        first = self._catalog.first_change(self.base, tables, states)
        raise ConflictError(
            f"version {first['number']} ({first['says']}) changed {what} at {first['published_at']}, "
            f"after this transaction began at version {self.base.number}",
            where=self.says,
            hint="nothing of it was stored: run it again, or use Store.write, which does",
        )


_GONE: Any = object()


def _changed(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with its changes; what is gone is left out."""
    return {key: value for key, value in {**before, **changes}.items() if value is not _GONE}


def _details(present: StoredTable, details: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return present.details if details is None else details


def _new_columns(present: StoredTable, columns: Mapping[str, str]) -> dict[str, str]:
    """The columns that a table has not; a column that is missing or has another type is an error."""
    for name, kind in present.columns.items():
        if name not in columns:
            hint = f"select CAST(NULL AS {kind}) AS {quote_name(name)}, or replace the whole table"
            raise DataError(f"the new rows of {present.name!r} have no column {name!r}", where=present.name, hint=hint)
        if columns[name] != kind:
            problem = f"column {name!r} of {present.name!r} is {kind}, and the new rows have {columns[name]}"
            raise DataError(problem, where=present.name, hint="cast the new rows, or replace the whole table")
    return {name: kind for name, kind in columns.items() if name not in present.columns}


def _as_select(sql: str) -> str:
    """The SQL as it may stand in a longer one: no semicolon at its end, and a last comment swallows nothing."""
    return f"SELECT * FROM (\n{sql.rstrip().rstrip(';')}\n)"
