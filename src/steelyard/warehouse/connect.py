"""Opens a warehouse from what a person has: a path, a URL, an open connection, a frame, a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import DataError, DefinitionError, WarehouseError
from steelyard.warehouse.duckdb_errors import from_duckdb
from steelyard.warehouse.duckdb_open import open_duckdb
from steelyard.warehouse.duckdb_warehouse import DuckDbWarehouse
from steelyard.warehouse.query import quote_name, quote_text
from steelyard.warehouse.secrets import resolve, without_secrets
from steelyard.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["connect"]

_DATABASES = (".duckdb", ".ddb", ".db")
_FILES = {".parquet": "read_parquet", ".csv": "read_csv", ".tsv": "read_csv", ".gz": "read_csv"}


def connect(
    source: Any, *, read_only: bool = False, memory_limit: str | None = None, threads: int | None = None
) -> Warehouse:
    """The warehouse behind `source`.

    Args:
        source: One of
            a DuckDB file (`shop.duckdb`; made where it is absent), or `duckdb://` for memory;
            an open DuckDB connection: none of its settings is changed. Queries run on cursors of their own, which set
            for themselves the time zone (UTC), the order of NULLs, no collation, no integer division with `/`, and no
            progress bar;
            `postgresql://user@host/database`: `${NAME}` in it is taken from the environment, a password also from
            libpq's own places (PGPASSWORD, ~/.pgpass), and is never shown;
            `spark://host:port`: a cluster, with settings of Spark after a `?`; or an open SparkSession, with its
            temporary views. Queries run in copies of the session: none of its settings is changed;
            the folder of a store;
            an Arrow, pandas or polars table, which becomes the table `data`, or a mapping of names to such tables;
            a Parquet or CSV path or glob, which becomes a table named after the file, and `data`.
        read_only: Whether `write` is refused; a DuckDB file must then exist.
        memory_limit: The most memory that DuckDB may take, such as `"2GB"`; None leaves it to DuckDB.
        threads: The most threads that DuckDB may use; None leaves it to DuckDB.

    Raises:
        LockedError: Another process has the DuckDB file open.
        WarehouseError: There is nothing there, or it does not answer.
        DefinitionError: `source` is nothing of the above.

    >>> import pyarrow as pa
    >>> with connect(pa.table({"amount": [1, 2]})) as warehouse:
    ...     warehouse.fetch("SELECT sum(amount) AS total FROM data").to_pylist()
    [{'total': 3}]
    """
    settings: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads}
    if isinstance(source, (str, Path)):
        return _from_text(str(source), read_only, settings)
    if type(source).__name__ == "DuckDBPyConnection":
        return DuckDbWarehouse(source, name="an open DuckDB connection", read_only=read_only)
    if type(source).__name__ == "SparkSession":
        from steelyard.warehouse.spark_warehouse import SparkWarehouse

        return SparkWarehouse(source, name="an open SparkSession", read_only=read_only)
    frames = source if isinstance(source, Mapping) else {"data": source}
    tables = {str(name): _arrow(str(name), frame) for name, frame in frames.items()}
    return DuckDbWarehouse(
        open_duckdb(**settings), name="tables in memory", read_only=read_only, frames=tables, owned=True
    )


def _from_text(written: str, read_only: bool, settings: dict[str, Any]) -> Warehouse:
    text = resolve(written)
    if not text:
        raise _nothing(text)
    shown = without_secrets(written if "://" in written else text)
    scheme, found, rest = text.partition("://")
    if found and scheme in ("postgresql", "postgres"):
        from steelyard.warehouse.postgres_warehouse import PostgresWarehouse

        return PostgresWarehouse(text, name=shown, read_only=read_only)
    if found and scheme == "spark":
        from steelyard.warehouse.spark_warehouse import SparkWarehouse

        return SparkWarehouse(text, name=shown.partition("?")[0], read_only=read_only)
    if found and scheme != "duckdb":
        hint = "duckdb://, postgresql:// or spark://"
        raise DefinitionError(f"no warehouse speaks {scheme!r}", where=shown, hint=hint)
    place = rest if found else text
    if place == ":memory:" or (found and not place):
        return DuckDbWarehouse(open_duckdb(**settings), name="duckdb://", read_only=read_only, owned=True)
    return _from_path(Path(place), read_only, settings)


def _from_path(path: Path, read_only: bool, settings: dict[str, Any]) -> Warehouse:
    if path.suffix in _DATABASES:
        return _from_database(path, read_only, settings)
    if path.is_dir():
        from steelyard.warehouse.store import Store

        return Store.open(path, create=False).warehouse(**settings)
    if any(suffix in _FILES for suffix in path.suffixes):
        return _from_files(path, read_only, settings)
    raise _nothing(str(path))


def _nothing(text: str) -> DefinitionError:
    return DefinitionError(
        f"{text!r} is nothing that can be connected to",
        hint="give a .duckdb file, duckdb://, postgresql://..., spark://..., a store's folder, a .parquet or .csv "
        "path, or a table",
    )


def _from_database(path: Path, read_only: bool, settings: dict[str, Any]) -> Warehouse:
    if read_only and not path.exists():
        raise WarehouseError(
            f"there is no file {str(path)!r}", where=str(path), hint="check the path, or open it for writing"
        )
    if not path.parent.is_dir():
        raise WarehouseError(f"there is no folder {str(path.parent)!r}", where=str(path), hint="make it first")
    connection = open_duckdb(str(path), read_only=read_only, **settings)
    return DuckDbWarehouse(connection, name=str(path), read_only=read_only, owned=True)


def _from_files(path: Path, read_only: bool, settings: dict[str, Any]) -> Warehouse:
    import duckdb

    reader = next(_FILES[suffix] for suffix in reversed(path.suffixes) if suffix in _FILES)
    whole = ", sample_size = -1" if reader == "read_csv" else ""
    what = "TABLE" if reader == "read_csv" else "VIEW"
    name = path.name.split(".")[0].replace("*", "") or "data"
    connection = open_duckdb(**settings)
    try:
        connection.execute(
            f"CREATE {what} {quote_name(name)} AS SELECT * FROM {reader}({quote_text(str(path))}{whole})"
        )
        if name != "data":
            connection.execute(f"CREATE VIEW data AS SELECT * FROM {quote_name(name)}")
    except duckdb.Error as error:
        connection.close()
        if "No files found" in str(error):
            raise WarehouseError(f"no file matches {str(path)!r}", where=str(path), hint="check the path") from error
        problem = from_duckdb(error, where=str(path)).problem
        raise DataError(problem, where=str(path), hint="check that the file is what its name says") from error
    return DuckDbWarehouse(connection, name=str(path), read_only=read_only, owned=True)


def _arrow(name: str, frame: Any) -> pa.Table:
    """The frame as an Arrow table, without importing a library that made none of it."""
    import pyarrow as pa

    try:
        if isinstance(frame, pa.Table):
            return frame
        if isinstance(frame, pa.RecordBatch):
            return pa.Table.from_batches([frame])
        if isinstance(frame, pa.RecordBatchReader):
            return frame.read_all()
        maker = type(frame).__module__.split(".")[0]
        if maker == "pandas":
            return pa.Table.from_pandas(frame, preserve_index=False)
        if maker == "polars":
            return pa.table((frame.collect() if type(frame).__name__ == "LazyFrame" else frame).to_arrow())
        if hasattr(frame, "__arrow_c_stream__"):
            return pa.table(frame)
    except (pa.ArrowException, TypeError) as error:
        hint = "give each column one type"
        raise DataError(f"the frame does not become an Arrow table: {error}", where=name, hint=hint) from error
    raise DefinitionError(
        f"a {type(frame).__name__} is nothing that can be connected to",
        where=name,
        hint="give a path, a URL, an open DuckDB connection or SparkSession, or an Arrow, pandas or polars table",
    )
