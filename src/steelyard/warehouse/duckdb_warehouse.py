"""DuckDB as a warehouse: a file, memory, data frames, or a connection that somebody else opened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

from steelyard.errors import SteelyardError, WarehouseError, unknown_name
from steelyard.warehouse.arrow_types import read_at_most, settle_types
from steelyard.warehouse.bound import bind
from steelyard.warehouse.dialect import parameter_names, referenced_tables, render, render_bound
from steelyard.warehouse.dialect_spelling import Spelling
from steelyard.warehouse.duckdb_errors import from_duckdb, is_engine_error
from steelyard.warehouse.duckdb_session import own_cursor, settled
from steelyard.warehouse.query import Query, quote_name
from steelyard.warehouse.row_stream import RowStream, row_stream
from steelyard.warehouse.running import Running, RunningQuery
from steelyard.warehouse.warehouse import TableVersion, Warehouse

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["DuckDbWarehouse"]

_COLUMNS = (
    "SELECT database_name = 'temp' OR schema_name = current_schema(), schema_name, table_name, column_name, data_type "
    "FROM duckdb_columns() WHERE NOT internal AND database_name IN (current_database(), 'temp') "
    "ORDER BY schema_name, table_name, column_index"
)
_TEMPORARY = (
    "SELECT table_name FROM duckdb_tables() WHERE temporary UNION ALL "
    "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal"
)
_INCOMING = "steelyard incoming rows"
_BATCH = 65_536

_T = TypeVar("_T")


class DuckDbWarehouse(Warehouse):
    """DuckDB as a warehouse; every call works on its own cursor, so that threads may call at once.

    A cursor sets `duckdb_session.SESSION` for itself; the connection's own settings stay as they are.
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
        self._running, self._turn = Running(), threading.RLock()

    def __repr__(self) -> str:
        return f"DuckDbWarehouse({self.name!r})"

    def fetch(self, query: Query | str, *, timeout: float | None = None) -> pa.Table:
        """What the query gives, as Arrow; see `Warehouse.fetch`."""
        query = Query(sql=query) if isinstance(query, str) else query
        with self._reader(query, timeout) as (reader, running):
            table = read_at_most(reader, query.limit, running.check)
        return settle_types(table)

    @contextmanager
    def stream(self, query: Query, *, timeout: float | None = None) -> Iterator[RowStream]:
        """What the query gives, part by part; see `Warehouse.stream`."""
        with self._reader(query, timeout) as (reader, running):
            yield row_stream(reader, query.limit, running.check)

    @contextmanager
    def _reader(self, query: Query, timeout: float | None) -> Iterator[tuple[pa.RecordBatchReader, RunningQuery]]:
        """The query's rows as DuckDB makes them, while it runs."""
        bound = bind(query, parameter_names(query.sql))
        sql, _ = render_bound(query.sql, "duckdb", Spelling(types=bound.types))
        tables = referenced_tables(query.sql)
        self._refuse_files(tables)
        with self._at_work(tables=tables, timeout=timeout) as (cursor, running):
            yield cursor.sql(sql, params=dict(bound.values) or None).to_arrow_reader(_BATCH), running

    def render(self, sql: str) -> str:
        """The SQL as DuckDB gets it."""
        return render(sql, "duckdb")

    def tables(self) -> tuple[str, ...]:
        """Names of the tables and views, sorted; one of another schema is `schema.table`."""
        return tuple(sorted(self._catalog()))

    def columns(self, table: str) -> Mapping[str, str]:
        """Column name -> type in DuckDB's words, in the table's order."""
        return self._found(table)[1]

    def schema(self) -> Mapping[str, Mapping[str, str]]:
        """Table or view -> its columns with their types."""
        return {table: columns for table, (_, columns) in sorted(self._catalog().items())}

    def version(self, table: str) -> TableVersion:
        """The table's present state; DuckDB itself keeps no versions, so that only the rows are known."""
        if table in self._versions:
            return self._versions[table]
        if table in self._frames:
            return TableVersion(name=table, rows=self._frames[table].num_rows)
        sql = f"SELECT count(*) FROM {self._found(table)[0]}"
        rows = self._run(lambda cursor, _: cursor.execute(sql).fetchall()[0][0], tables=(table,))
        return TableVersion(name=table, rows=int(rows))

    def write(
        self, name: str, rows: pa.Table | pa.RecordBatchReader, *, mode: Literal["replace", "append"] = "replace"
    ) -> int:
        """Writes a table in one transaction; returns the rows written.

        Args:
            name: The table; whatever characters it has, a dot included, it is one name in the current schema.
            rows: The rows.
            mode: `append` adds to a table, column by column name, and makes it where it is absent.
        """
        if self.read_only or name in self._versions:
            raise WarehouseError(f"table {name!r} cannot be written: {self.name} is read-only", where=self.name)
        if mode == "append" and name in self._frames:
            raise WarehouseError(
                f"rows cannot be added to {name!r}, a frame in memory", where=self.name, hint="replace it"
            )
        exists = mode == "append" and name in self._catalog()
        into = f"INSERT INTO {quote_name(name)} BY NAME" if exists else f"CREATE OR REPLACE TABLE {quote_name(name)} AS"

        def store(cursor: duckdb.DuckDBPyConnection, running: RunningQuery) -> int:
            if name in self._frames:
                cursor.unregister(name)
            cursor.register(_INCOMING, rows)
            cursor.execute("BEGIN TRANSACTION")
            written = cursor.execute(f"{into} SELECT * FROM {quote_name(_INCOMING)}").fetchall()[0][0]
            running.check()
            cursor.execute("COMMIT")
            return int(written)

        with self._turn:
            written = self._run(store)
            self._frames.pop(name, None)
        return written

    def cancel(self) -> None:
        """Stops what is running; may be called from another thread."""
        self._running.cancel()

    def progress(self) -> float | None:
        """The share of the slowest running query that is done, as DuckDB estimates it."""
        return self._running.progress()

    def close(self) -> None:
        """Closes the connection if it was opened for this warehouse; calling it twice is harmless."""
        if self._owned and not self._closed:
            self._running.cancel()
            self._connection.close()
        self._closed = True

    def _listed(self) -> list[tuple[bool, str, str, str, str]]:
        """Every column: whether its table's name alone finds it, schema, table, column, type."""
        rows = self._run(lambda cursor, _: cursor.execute(_COLUMNS).fetchall())
        if not self._owned:
            with self._turn, self._translated():
                rows += [row for row in self._connection.execute(_COLUMNS).fetchall() if row not in rows]
        return rows

    def _catalog(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Name -> its path as SQL writes it, and its columns with their types."""
        catalog: dict[str, tuple[str, dict[str, str]]] = {}
        for here, schema, table, column, kind in self._listed():
            path = quote_name(table) if here else f"{quote_name(schema)}.{quote_name(table)}"
            catalog.setdefault(table if here else f"{schema}.{table}", (path, {}))[1][column] = kind
        return catalog

    def _found(self, table: str) -> tuple[str, dict[str, str]]:
        catalog = self._catalog()
        if table not in catalog:
            raise unknown_name("table", table, catalog, where=self.name)
        return catalog[table]

    def _refuse_files(self, tables: tuple[str, ...]) -> None:
        """DuckDB takes an unknown name with a dot for the path of a file; here it is a name that nothing carries."""
        if dotted := [name for name in tables if "." in name]:
            listed = self._listed()
            known = {row[2].lower() for row in listed if row[0]} | {f"{row[1]}.{row[2]}".lower() for row in listed}
            for name in dotted:
                if name.lower() not in known:
                    raise unknown_name("table", name, self.tables(), where=self.name)

    def _run(
        self, work: Callable[[duckdb.DuckDBPyConnection, RunningQuery], _T], *, tables: tuple[str, ...] = ()
    ) -> _T:
        with self._at_work(tables=tables) as (cursor, running):
            return work(cursor, running)

    @contextmanager
    def _at_work(
        self, *, tables: tuple[str, ...] = (), timeout: float | None = None
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, RunningQuery]]:
        """A cursor for the block's work, or the connection where a table is seen by that one only."""
        if self._closed:
            raise WarehouseError(f"{self.name} is closed", where=self.name, hint="connect again")
        with (
            self._session(tables) as cursor,
            self._running.query(cursor.interrupt, timeout, percent=cursor.query_progress) as running,
        ):
            try:
                with self._translated(tables):
                    running.check()
                    yield cursor, running
            except SteelyardError:
                running.check()
                raise

    @contextmanager
    def _session(self, tables: tuple[str, ...]) -> Iterator[duckdb.DuckDBPyConnection]:
        if tables and not self._owned:
            with self._turn, self._translated():
                temporary = {row[0].lower() for row in self._connection.execute(_TEMPORARY).fetchall()}
            if temporary & {name.lower() for name in tables}:
                with self._turn, settled(self._connection) as connection:
                    yield connection
                return
        with own_cursor(self._connection, self._frames) as cursor:
            yield cursor

    @contextmanager
    def _translated(self, tables: tuple[str, ...] = ()) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_engine_error(error):
                raise
            raise from_duckdb(
                error, where=self.name, tables=self.tables, columns=lambda: self._known(tables)
            ) from error

    def _known(self, tables: tuple[str, ...]) -> list[str]:
        catalog = {name.lower(): columns for name, (_, columns) in self._catalog().items()}
        return [column for name in tables for column in catalog.get(name.lower(), {})]
