"""DuckDB connections with Steelyard's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.warehouse.duckdb_errors import from_duckdb

if TYPE_CHECKING:
    import duckdb

__all__ = ["open_duckdb"]


def open_duckdb(
    path: str = ":memory:", *, read_only: bool = False, memory_limit: str | None = None, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with Steelyard's settings: no extension is looked for, and files open in DuckDB 1.5 and 2.

    Args:
        path: The file, or `:memory:`.
        read_only: Whether writing is refused.
        memory_limit: The most memory that it may take, such as `"2GB"`.
        threads: The most threads that it may use.

    >>> open_duckdb(threads=1).execute("SELECT current_setting('threads')").fetchone()
    (1,)
    """
    import duckdb

    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "storage_compatibility_version": "v1.5.0",
    }
    config |= {
        name: value for name, value in (("memory_limit", memory_limit), ("threads", threads)) if value is not None
    }
    try:
        connection = duckdb.connect(path, read_only=read_only, config=config)
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET TimeZone = 'UTC'")
    except duckdb.Error as error:
        raise from_duckdb(error, where=path) from error
    return connection
