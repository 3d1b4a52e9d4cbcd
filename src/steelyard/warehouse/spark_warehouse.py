"""Spark as a warehouse, through its SQL and Arrow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from steelyard.errors import DataError, DefinitionError, SteelyardError, WarehouseError, unknown_name
from steelyard.warehouse.answer_types import AnswerTypes, answer_types, in_types
from steelyard.warehouse.arrow_types import settle_types
from steelyard.warehouse.bound import Bound, bind
from steelyard.warehouse.dialect import parameter_names, render, render_bound, table_paths
from steelyard.warehouse.dialect_spelling import Spelling
from steelyard.warehouse.query import Query, Value
from steelyard.warehouse.running import Running, RunningQuery
from steelyard.warehouse.spark_catalog import columns_of, tables_of
from steelyard.warehouse.spark_errors import from_spark
from steelyard.warehouse.spark_session import close_session, open_session, own_copy
from steelyard.warehouse.spark_write import write_table
from steelyard.warehouse.warehouse import TableVersion, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SparkWarehouse"]

_T = TypeVar("_T")


class SparkWarehouse(Warehouse):
    """Spark as a warehouse; every call works in a copy of the session, so that none of the session's settings changes.

    Answers come in the types that DuckDB gives the same SQL. What Spark cannot give is refused: a sum of whole numbers
    beyond 64 bits, the type TIME, AT TIME ZONE of a type that is not written beside it.

    Args:
        source: `spark://host:port`, or an open SparkSession, which stays open.
        name: What to call it; without secrets.
        read_only: Whether `write` is refused.

    Raises:
        MissingExtraError: pyspark is not installed.
        WarehouseError: The cluster does not answer.
        DefinitionError: The session is one of Spark Connect, which has no copies that see temporary views.
    """

    engine = "spark"

    def __init__(self, source: Any, *, name: str, read_only: bool = False) -> None:
        self.name, self.read_only = name, read_only
        self._master = ""
        self._session: Any = source
        if isinstance(source, str):
            self._session, self._master = open_session(source, where=name)
        elif not hasattr(source, "_jsparkSession"):
            hint = "give the classic session: SparkSession.builder.master('spark://...')"
            raise DefinitionError("a session of Spark Connect cannot be connected to", where=name, hint=hint)
        self.engine_version = str(self._session.version)
        self._closed, self._running = False, Running()
        self._answers: dict[tuple[object, ...], AnswerTypes] = {}

    def __repr__(self) -> str:
        return f"SparkWarehouse({self.name!r})"

    def fetch(self, query: Query | str, *, timeout: float | None = None) -> pa.Table:
        """What the query gives, as Arrow; see `Warehouse.fetch`."""
        query = Query(sql=query) if isinstance(query, str) else query
        bound = bind(query, parameter_names(query.sql))
        sql, names = render_bound(query.sql, "spark", Spelling(types=bound.types))
        values = {name: _written(bound.values[name]) for name in names}

        def read(session: Any, running: RunningQuery) -> pa.Table:
            wanted = self._answer(session, query.sql, bound)
            running.check()
            table = session.sql(sql, args=values).limit(query.limit + 1).toArrow()
            running.check()
            if table.num_rows > query.limit:
                hint = "aggregate further, select a narrower range, or raise the query's limit"
                raise DataError(f"the query gives more than {query.limit:,} rows", hint=hint)
            return settle_types(in_types(table, wanted))

        return self._run(read, timeout=timeout)

    def render(self, sql: str) -> str:
        """The SQL as Spark gets it; a value is `:name`."""
        return render(sql, "spark")

    def tables(self) -> tuple[str, ...]:
        """Names of the tables and views of the session's schema, sorted; temporary views are among them."""
        return self._run(lambda session, _: tables_of(session))

    def columns(self, table: str) -> Mapping[str, str]:
        """Column name -> type in DuckDB's words, in the table's order."""
        return self._run(lambda session, _: self._columns(session, *table.split(".")))

    def version(self, table: str) -> TableVersion:
        """The table by name; what versions its files have is not asked, and its rows are not counted."""
        self.columns(table)
        return TableVersion(name=table)

    def write(
        self, name: str, rows: pa.Table | pa.RecordBatchReader, *, mode: Literal["replace", "append"] = "replace"
    ) -> int:
        """Writes a table of the session's schema; returns the rows written. Appending goes by column name.

        Spark has no transactions: a reader may meet the short moment in which a replaced table is not there.
        """
        import pyarrow as pa

        if self.read_only:
            raise WarehouseError(f"table {name!r} cannot be written: {self.name} is read-only", where=self.name)
        table = rows if isinstance(rows, pa.Table) else rows.read_all()
        return self._run(lambda session, _: write_table(session, name, table, mode=mode, where=self.name))

    def cancel(self) -> None:
        """Stops what is running; may be called from another thread."""
        self._running.cancel()

    def close(self) -> None:
        """Ends the application if `connect` began it; calling it twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._running.cancel()
        if self._master:
            close_session(self._session, self._master)

    def _answer(self, session: Any, sql: str, bound: Bound) -> AnswerTypes:
        catalog = {parts: self._columns(session, *parts) for parts in table_paths(sql).values()}
        key = (sql, tuple(bound.types.items()), tuple((parts, *columns.items()) for parts, columns in catalog.items()))
        if key not in self._answers:
            if len(self._answers) > 500:
                self._answers.clear()
            duckdb_sql, _ = render_bound(sql, "duckdb", Spelling(types=bound.types))
            self._answers[key] = answer_types(duckdb_sql, bound.values, catalog, self.name)
        return self._answers[key]

    def _columns(self, session: Any, *parts: str) -> Mapping[str, str]:
        found = columns_of(session, *parts)
        if found is None:
            raise unknown_name("table", ".".join(parts), tables_of(session), where=self.name)
        return found

    def _run(self, work: Callable[[Any, RunningQuery], _T], *, timeout: float | None = None) -> _T:
        if self._closed:
            raise WarehouseError(f"{self.name} is closed", where=self.name, hint="connect again")
        try:
            with (
                own_copy(self._session) as session,
                self._running.query(session.interruptAll, timeout) as running,
            ):
                try:
                    return work(session, running)
                except SteelyardError:
                    raise
                except Exception:
                    running.check()
                    raise
        except SteelyardError:
            raise
        except Exception as error:  # noqa: BLE001  Spark's own, Java's, Arrow's and the system's errors, all told alike
            raise from_spark(error, where=self.name) from None


def _written(value: Value) -> bool | int | float | str | None:
    """The value as it is bound; the SQL casts it, so that no time zone of this machine has a say."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
