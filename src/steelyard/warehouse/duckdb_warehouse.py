"""DuckDB as a warehouse: a file, memory, data frames, or a connection that somebody else opened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from steelyard.errors import DataError, SteelyardError, WarehouseError, unknown_name
from steelyard.warehouse.arrow_types import settle_types
from steelyard.warehouse.bound import bind
from steelyard.warehouse.dialect import render
from steelyard.warehouse.duckdb_errors import from_duckdb, is_engine_error
from steelyard.warehouse.query import Query, quote_name
from steelyard.warehouse.running import Running, RunningQuery
from steelyard.warehouse.warehouse import TableVersion, Warehouse

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["SESSION", "DuckDbWarehouse"]

SESSION = (
    "SET SESSION TimeZone = 'UTC'; SET SESSION default_null_order = 'nulls_last'; SET SESSION default_order = 'asc'; "
    "SET SESSION integer_division = false; SET SESSION default_collation = ''; SET SESSION enable_progress_bar = false; "
    "SET SESSION arrow_lossless_conversion = false"
)
"""What each of our cursors sets for itself, so that neither the machine nor the user's session changes a number."""

_COLUMNS = (
    "SELECT CASE WHEN schema_name = current_schema() OR database_name = 'temp' THEN table_name "
    "ELSE schema_name || '.' || table_name END AS name, column_name, data_type FROM duckdb_columns() "
    "WHERE NOT internal AND database_name IN (current_database(), 'temp') ORDER BY name, column_index"
)
_BATCH = 65_536


class DuckDbWarehouse(Warehouse):
    """DuckDB as a warehouse; every call works on its own cursor, so that threads may call at once.

    A cursor sets the session settings of `SESSION` for itself; the connection's own settings stay as they are.
    Temporary tables and registered frames of a connection are seen by no cursor: a query that names one runs on the
    connection itself, one at a time, with those settings set for as long as it runs and then put back.

    Args:
        connection: An open DuckDB connection.
        name: What to call it; without secrets.
        read_only: Whether `write` is refused.
        versions: The versions of the tables, where somebody keeps them.
        frames: Arrow tables to see as tables, without a copy.
        owned: Whether `close` closes the connection.

    >>> import duckdb
    >>> with DuckDbWarehouse(duckdb.connect(), owned=True) as warehouse:
    ...     warehouse.fetch(Query(sql="SELECT $a + 1 AS b", parameters={"a": 41})).to_pylist()
    [{'b': 42}]
    """

    engine = "duckdb"

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        name: str = "duckdb",
        read_only: bool = False,
        versions: Mapping[str, TableVersion] | None = None,
        frames: Mapping[str, pa.Table] | None = None,
        owned: bool = False,
    ) -> None:
        import duckdb

        self.name, self.engine_version = name, duckdb.__version__
        self.read_only = read_only
        self._connection, self._owned, self._closed = connection, owned, False
        self._versions, self._frames = dict(versions or {}), dict(frames or {})
        self._running, self._own_turn = Running(), threading.Lock()

    def __repr__(self) -> str:
        return f"DuckDbWarehouse({self.name!r})"

    def fetch(self, query: Query | str, *, timeout: float | None = None) -> pa.Table:
        """What the query gives, as Arrow; see `Warehouse.fetch`."""
        query = Query(sql=query) if isinstance(query, str) else query
        bound = bind(query.sql, query.parameters)
        sql = render(bound.sql, "duckdb")

        def read(cursor: duckdb.DuckDBPyConnection, running: RunningQuery) -> pa.Table:
            running.check()
            reader = cursor.sql(sql, params=dict(bound.parameters) or None).to_arrow_reader(_BATCH)
            return _read_at_most(reader, query.limit, running)

        return settle_types(self._on_cursor(sql, read, timeout=timeout))

    def render(self, sql: str) -> str:
        """The SQL as DuckDB gets it."""
        return render(sql, "duckdb")

    def tables(self) -> tuple[str, ...]:
        """Names of the tables and views, sorted; one of another schema is `schema.table`."""
        return tuple(sorted(self._catalog()))

    def columns(self, table: str) -> Mapping[str, str]:
        """Column name -> type in DuckDB's words, in the table's order."""
        catalog = self._catalog()
        if table not in catalog:
            raise unknown_name("table", table, catalog, where=self.name)
        return catalog[table]

    def version(self, table: str) -> TableVersion:
        """The table's present state; DuckDB itself keeps no versions, so that only the rows are known."""
        if table in self._versions:
            return self._versions[table]
        self.columns(table)
        if table in self._frames:
            return TableVersion(name=table, rows=self._frames[table].num_rows)
        counted = self._on_cursor(
            table, lambda cursor, _: cursor.execute(f"SELECT count(*) FROM {_path(table)}").fetchone()
        )
        return TableVersion(name=table, rows=int(counted[0]) if counted else None)

    def write(
        self, name: str, rows: pa.Table | pa.RecordBatchReader, *, mode: Literal["replace", "append"] = "replace"
    ) -> int:
        """Writes a table in one transaction; returns the rows written."""
        if self.read_only or name in self._versions:
            raise WarehouseError(f"table {name!r} cannot be written: {self.name} is read-only", where=self.name)
        if mode == "append" and name in self._frames:
            raise WarehouseError(f"rows cannot be added to {name!r}: it is a frame in memory", where=self.name)
        incoming = quote_name("steelyard incoming rows")
        verb = (
            "INSERT INTO {0} BY NAME"
            if mode == "append" and name in self._catalog()
            else "CREATE OR REPLACE TABLE {0} AS"
        )

        def store(cursor: duckdb.DuckDBPyConnection, running: RunningQuery) -> int:
            cursor.register("steelyard incoming rows", rows)
            cursor.execute("BEGIN TRANSACTION")
            try:
                written = cursor.execute(f"{verb.format(_path(name))} SELECT * FROM {incoming}").fetchone()
                running.check()
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            return int(written[0]) if written else 0

        written = self._on_cursor("", store)
        self._frames.pop(name, None)
        return written

    def cancel(self) -> None:
        """Stops what is running; may be called from another thread."""
        self._running.cancel()

    def close(self) -> None:
        """Closes the connection if it was opened for this warehouse; calling it twice is harmless."""
        if self._owned and not self._closed:
            self._running.cancel()
            self._connection.close()
        self._closed = True

    def _catalog(self) -> dict[str, dict[str, str]]:
        rows = self._on_cursor("", lambda cursor, _: cursor.execute(_COLUMNS).fetchall())
        if not self._owned:
            with self._own_turn, self._translated():
                rows += [row for row in self._connection.execute(_COLUMNS).fetchall() if row not in rows]
        catalog: dict[str, dict[str, str]] = {}
        for table, column, kind in rows:
            catalog.setdefault(table, {})[column] = kind
        return catalog

    def _on_cursor(
        self,
        sql: str,
        work: Callable[[duckdb.DuckDBPyConnection, RunningQuery], Any],
        *,
        timeout: float | None = None,
    ) -> Any:
        """Does the work on a cursor of its own, or on the connection where the SQL names one of its temporary tables."""
        if self._closed:
            raise WarehouseError(f"{self.name} is closed", where=self.name, hint="connect again")
        with self._cursor(sql) as cursor, self._running.query(cursor.interrupt, timeout) as running:
            try:
                with self._translated():
                    return work(cursor, running)
            except SteelyardError:
                running.check()
                raise

    @contextmanager
    def _cursor(self, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._translated():
            cursor = self._connection.cursor()
            cursor.execute(SESSION)
            for name, frame in self._frames.items():
                cursor.register(name, frame)
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_engine_error(error):
                raise
            raise from_duckdb(error, where=self.name, tables=self.tables) from error


def _path(name: str) -> str:
    return quote_name(name)


def _read_at_most(reader: pa.RecordBatchReader, limit: int, running: RunningQuery) -> pa.Table:
    """Every row of the reader, or an error as soon as there are more than `limit`."""
    import pyarrow as pa

    batches, rows = [], 0
    for batch in reader:
        running.check()
        rows += batch.num_rows
        batches.append(batch)
        if rows > limit:
            raise DataError(
                f"the query gives more than {limit:,} rows",
                hint="aggregate further, select a narrower range, or raise the query's limit",
            )
    return pa.Table.from_batches(batches, schema=reader.schema)
