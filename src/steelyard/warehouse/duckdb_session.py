"""The session in which a query runs on DuckDB, so that neither the machine nor the user's settings change a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from steelyard.warehouse.query import quote_text

if TYPE_CHECKING:
    from typing import TypeAlias

    import duckdb
    import pyarrow as pa

    # The type's name for pipelines, which know no driver; import it for type checking only.
    Cursor: TypeAlias = duckdb.DuckDBPyConnection

__all__ = ["SESSION", "own_cursor", "settled"]

SESSION: Mapping[str, str] = {
    "TimeZone": "UTC",
    "default_null_order": "nulls_last",
    "default_order": "asc",
    "default_collation": "",
    "integer_division": "false",
    "enable_progress_bar": "true",
    "enable_progress_bar_print": "false",
    "arrow_lossless_conversion": "false",
    "python_enable_replacements": "false",
}
"""What holds while one of our queries runs; no Python variable is a table, progress is not printed."""

_SET = "; ".join(f"SET SESSION {name} = {quote_text(value)}" for name, value in SESSION.items())
_KEPT = "SELECT " + ", ".join(f"CAST(current_setting({quote_text(name)}) AS VARCHAR)" for name in SESSION)


@contextmanager
def own_cursor(
    connection: duckdb.DuckDBPyConnection, frames: Mapping[str, pa.Table]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor with our session and the frames as tables; an open transaction of it ends undone."""
    cursor = connection.cursor()
    try:
        cursor.execute(_SET)
        for name, frame in frames.items():
            cursor.register(name, frame)
        yield cursor
    finally:
        cursor.close()


@contextmanager
def settled(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The connection itself with our session, which is put back afterwards."""
    before = connection.execute(_KEPT).fetchall()[0]
    connection.execute(_SET)
    try:
        yield connection
    finally:
        for name, value in zip(SESSION, before, strict=True):
            connection.execute(f"SET SESSION {name} = {quote_text(value or '')}")
