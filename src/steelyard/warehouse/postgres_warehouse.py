"""PostgreSQL as a warehouse, through ADBC."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from steelyard.errors import DefinitionError, MissingExtraError, SteelyardError, WarehouseError, unknown_name
from steelyard.warehouse.answer_types import AnswerTypes, answer_types, in_types
from steelyard.warehouse.arrow_types import read_at_most, settle_types
from steelyard.warehouse.bound import Bound, bind
from steelyard.warehouse.dialect import orders_text, parameter_names, render_bound, table_paths
from steelyard.warehouse.dialect_spelling import Spelling
from steelyard.warehouse.postgres_catalog import PostgresTable, catalog_sql, tables_of
from steelyard.warehouse.postgres_errors import from_postgres, lost_connection
from steelyard.warehouse.postgres_write import write_table
from steelyard.warehouse.query import Query
from steelyard.warehouse.row_stream import RowStream, row_stream
from steelyard.warehouse.running import Running, RunningQuery
from steelyard.warehouse.warehouse import TableVersion, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PostgresWarehouse"]

_SESSION = (
    "SET TIME ZONE 'UTC'",
    "SET DateStyle = 'ISO, YMD'",
    "SET standard_conforming_strings = on",
    "SET transform_null_equals = off",
    "SET extra_float_digits = 1",
)
_ABOUT = (
    "SELECT current_setting('server_version') AS version, 'B' < 'a' AND 'z' < 'ä' AND 'a-c' < 'aab' AS by_code_point"
)

_T = TypeVar("_T")


class PostgresWarehouse(Warehouse):
    """PostgreSQL as a warehouse; every call works on a connection of its own, which is kept for the next.

    Reading happens in read-only transactions and in UTC. Answers come in the types that DuckDB gives the same SQL.

    Args:
        url: `postgresql://...`, with its secrets.
        name: What to call it; without secrets.
        read_only: Whether `write` is refused.

    Raises:
        MissingExtraError: The driver is not installed.
        WarehouseError: The server does not answer, or does not let the user in.
    """

    engine = "postgres"

    def __init__(self, url: str, *, name: str, read_only: bool = False) -> None:
        self.name, self.read_only = name, read_only
        self._url, self._closed = url, False
        self._idle: list[Any] = []
        self._guard, self._running = threading.Lock(), Running()
        self._answers: dict[tuple[object, ...], AnswerTypes] = {}
        about = self._native(_ABOUT)[0]
        self.engine_version = str(about["version"]).split(" ")[0]
        self._by_code_point = bool(about["by_code_point"])

    def __repr__(self) -> str:
        return f"PostgresWarehouse({self.name!r})"

    def fetch(self, query: Query | str, *, timeout: float | None = None) -> pa.Table:
        """What the query gives, as Arrow; see `Warehouse.fetch`."""
        query = Query(sql=query) if isinstance(query, str) else query
        with self._reader(query, timeout) as (reader, running, wanted):
            table = read_at_most(reader, query.limit, running.check)
        return settle_types(in_types(table, wanted))

    @contextmanager
    def stream(self, query: Query, *, timeout: float | None = None) -> Iterator[RowStream]:
        """What the query gives, part by part; see `Warehouse.stream`."""
        with self._reader(query, timeout) as (reader, running, wanted):
            yield row_stream(reader, query.limit, running.check, typed=lambda table: in_types(table, wanted))

    @contextmanager
    def _reader(
        self, query: Query, timeout: float | None
    ) -> Iterator[tuple[pa.RecordBatchReader, RunningQuery, AnswerTypes]]:
        """The query's rows as the server sends them, and the types that they should have."""
        bound = bind(query, parameter_names(query.sql))
        tables = self._tables_of(query.sql)
        wanted = self._answer(query.sql, bound, tables)
        sql, names = render_bound(query.sql, "postgres", self._spelling(query.sql, tables, bound.types))
        columns = [name for found in tables.values() for name in found.columns]
        with self._at_work(timeout=timeout, columns=columns) as (cursor, running):
            cursor.execute(sql, [bound.values[name] for name in names] or None)
            running.check()
            yield cursor.fetch_record_batch(), running, wanted

    def render(self, sql: str) -> str:
        """The SQL as PostgreSQL gets it."""
        return render_bound(sql, "postgres", self._spelling(sql, self._tables_of(sql), {}))[0]

    def tables(self) -> tuple[str, ...]:
        """Names of the tables and views, sorted; one outside of the search path is `schema.table`."""
        return tuple(sorted(table.shown for table in self._catalog()))

    def columns(self, table: str) -> Mapping[str, str]:
        """Column name -> type in DuckDB's words, in the table's order."""
        found = next((item for item in self._catalog(table, table.rpartition(".")[2]) if item.shown == table), None)
        if found is None:
            raise unknown_name("table", table, self.tables(), where=self.name)
        return found.columns

    def schema(self) -> Mapping[str, Mapping[str, str]]:
        """Table or view -> its columns with their types."""
        return {table.shown: table.columns for table in sorted(self._catalog(), key=lambda table: table.shown)}

    def version(self, table: str) -> TableVersion:
        """The table by name; PostgreSQL keeps no versions, and its rows are not counted."""
        self.columns(table)
        return TableVersion(name=table)

    def write(
        self, name: str, rows: pa.Table | pa.RecordBatchReader, *, mode: Literal["replace", "append"] = "replace"
    ) -> int:
        """Writes a table in one transaction; returns the rows written. Appending goes by column name."""
        if self.read_only:
            raise WarehouseError(f"table {name!r} cannot be written: {self.name} is read-only", where=self.name)
        if len(name.encode()) > 63:
            raise DefinitionError(
                f"the name {name!r} is longer than PostgreSQL's 63 bytes", where=self.name, hint="shorten it"
            )
        exists = any(table.is_at((name,)) for table in self._catalog(name))
        return self._run(lambda cursor, _: write_table(cursor, name, rows, mode=mode, exists=exists), writes=True)

    def cancel(self) -> None:
        """Stops what is running; may be called from another thread."""
        self._running.cancel()

    def close(self) -> None:
        """Closes every connection; calling it twice is harmless."""
        self._closed = True
        self._running.cancel()
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _answer(self, sql: str, bound: Bound, tables: Mapping[str, PostgresTable]) -> AnswerTypes:
        catalog = {table_paths(sql)[name]: table.columns for name, table in tables.items()}
        key = (sql, tuple(bound.types.items()), tuple((parts, *columns.items()) for parts, columns in catalog.items()))
        if key not in self._answers:
            if len(self._answers) > 500:
                self._answers.clear()
            duckdb_sql, _ = render_bound(sql, "duckdb", Spelling(types=bound.types))
            self._answers[key] = answer_types(duckdb_sql, bound.values, catalog, self.name)
        return self._answers[key]

    def _spelling(self, sql: str, tables: Mapping[str, PostgresTable], types: Mapping[str, str]) -> Spelling:
        otherwise = not self._by_code_point or any(table.ordered_otherwise for table in tables.values())
        if not (otherwise and orders_text(sql)):
            return Spelling(types=types)
        texts = {
            name: {column: kind == "VARCHAR" for column, kind in table.columns.items()}
            for name, table in tables.items()
        }
        return Spelling(types=types, collated=texts, by_code_point=True)

    def _tables_of(self, sql: str) -> dict[str, PostgresTable]:
        """The tables that the SQL names; all of them must be there."""
        paths = table_paths(sql)
        known = self._catalog(*(parts[-1] for parts in paths.values())) if paths else ()
        found = {name: next((table for table in known if table.is_at(parts)), None) for name, parts in paths.items()}
        if missing := [name for name, table in found.items() if table is None]:
            raise unknown_name("table", missing[0], self.tables(), where=self.name)
        return {name: table for name, table in found.items() if table is not None}

    def _catalog(self, *names: str) -> tuple[PostgresTable, ...]:
        return tables_of(self._native(catalog_sql(names or None)))

    def _native(self, sql: str) -> list[dict[str, Any]]:
        def read(cursor: Any, _: RunningQuery) -> list[dict[str, Any]]:
            cursor.execute(sql)
            return list(cursor.fetch_arrow_table().to_pylist())

        return self._run(read)

    def _run(self, work: Callable[[Any, RunningQuery], _T], *, writes: bool = False) -> _T:
        with self._at_work(writes=writes) as (cursor, running):
            return work(cursor, running)

    @contextmanager
    def _at_work(
        self, *, timeout: float | None = None, columns: list[str] | None = None, writes: bool = False
    ) -> Iterator[tuple[Any, RunningQuery]]:
        """A cursor in a transaction that ends with the block."""
        with (
            self._connection(writes=writes) as connection,
            connection.cursor() as cursor,
            self._running.query(cursor.adbc_cancel, timeout) as running,
        ):
            try:
                yield cursor, running
                running.check()
                connection.commit()
            except SteelyardError:
                raise
            except Exception as error:  # noqa: BLE001  the driver's own, Arrow's and the system's errors, all told alike
                running.check()
                raise self._translated(error, columns or []) from None

    @contextmanager
    def _connection(self, *, writes: bool) -> Iterator[Any]:
        """A connection in a transaction of its own; kept for the next call if that ended well or could be undone."""
        if self._closed:
            raise WarehouseError(f"{self.name} is closed", where=self.name, hint="connect again")
        connection = self._begun(writes=writes)
        good = False
        try:
            yield connection
            good = True
        finally:
            self._put_back(connection, good=good)

    def _begun(self, *, writes: bool) -> Any:
        """A connection in a new transaction: one that is kept, unless the server has hung up on it meanwhile."""
        begin = f"SET TRANSACTION {'READ WRITE' if writes else 'READ ONLY'}"
        while True:
            with self._guard:
                kept = self._idle.pop() if self._idle else None
            connection = kept or self._open()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(begin)
            except Exception as error:  # noqa: BLE001  see _run
                connection.close()
                if kept is None or not lost_connection(error):
                    raise self._translated(error, []) from None
            else:
                return connection

    def _put_back(self, connection: Any, *, good: bool) -> None:
        """Undoes what is open; a connection that cannot do so is closed."""
        try:
            if not good:
                connection.rollback()
        except Exception:  # noqa: BLE001  the driver raises many kinds, and the first error is already under way
            connection.close()
            return
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> Any:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError as error:
            raise MissingExtraError(
                "PostgreSQL's driver is not installed", hint="pip install 'steelyard[postgres]'"
            ) from error
        connection = None
        try:
            connection = dbapi.connect(self._url)
            with connection.cursor() as cursor:
                for setting in _SESSION:
                    cursor.execute(setting)
            connection.commit()
        except Exception as error:  # noqa: BLE001  see _run
            if connection is not None:
                connection.close()
            raise self._translated(error, []) from None
        return connection

    def _translated(self, error: Exception, columns: list[str]) -> SteelyardError:
        if lost_connection(error):
            with self._guard:
                idle, self._idle = self._idle, []
            for connection in idle:
                connection.close()
        return from_postgres(error, where=self.name, url=self._url, tables=lambda: (), columns=lambda: columns)
