"""What types DuckDB gives an answer, so that another engine's answer can be put in the same ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.errors import DataError
from steelyard.warehouse.arrow_types import storage_of
from steelyard.warehouse.duckdb_errors import from_duckdb
from steelyard.warehouse.duckdb_open import open_duckdb
from steelyard.warehouse.query import quote_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AnswerTypes", "answer_types", "in_types"]

_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_WHOLE = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}


@dataclass(frozen=True, kw_only=True)
class AnswerTypes:
    """Names and DuckDB types of an answer's columns, in order."""

    names: tuple[str, ...]
    types: tuple[str, ...]


def answer_types(
    sql: str, values: Mapping[str, Any], catalog: Mapping[tuple[str, ...], Mapping[str, str]], where: str
) -> AnswerTypes:
    """What DuckDB says of the SQL over empty tables of these columns.

    Args:
        sql: The SQL as DuckDB gets it.
        values: Its values.
        catalog: The parts of a table's name -> column -> DuckDB type.
        where: For errors.

    Raises:
        DefinitionError: DuckDB finds a name or a type that does not fit; `UnknownNameError` names it.
    """
    import duckdb

    connection = open_duckdb(threads=1)
    try:
        for parts, columns in catalog.items():
            path = ".".join(quote_name(part) for part in parts)
            for schema in parts[:-1]:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(schema)}")
            listed = ", ".join(f"{quote_name(column)} {kind}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE {path} ({listed})")
        relation = connection.sql(sql, params=dict(values) or None)
        return AnswerTypes(names=tuple(relation.columns), types=tuple(str(kind) for kind in relation.types))
    except duckdb.Error as error:
        known = [column for columns in catalog.values() for column in columns]
        raise from_duckdb(
            error, where=where, tables=lambda: [parts[-1] for parts in catalog], columns=lambda: known
        ) from error
    finally:
        connection.close()


def in_types(table: pa.Table, wanted: AnswerTypes) -> pa.Table:
    """The table's columns in the wanted types and under the wanted names.

    Raises:
        DataError: A value is none of its type: a NaN in a decimal, more digits than a decimal has.
    """
    import pyarrow as pa

    columns = [
        _in_type(name, column, kind)
        for name, column, kind in zip(wanted.names, table.columns, wanted.types, strict=True)
    ]
    fields = [pa.field(name, column.type) for name, column in zip(wanted.names, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _in_type(name: str, column: pa.ChunkedArray[Any], kind: str) -> pa.ChunkedArray[Any]:
    import pyarrow as pa

    if isinstance(column.type, pa.BaseExtensionType) and column.type.extension_name != "arrow.uuid":
        column = storage_of(column)
    if found := _DECIMAL.fullmatch(kind):
        return _decimal(name, column, int(found[2]))
    if kind in _WHOLE:
        return column if pa.types.is_integer(column.type) else _decimal(name, column, 0)
    targets: dict[str, pa.DataType] = {
        "DOUBLE": pa.float64(),
        "FLOAT": pa.float64(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us"),
        "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
        "BOOLEAN": pa.bool_(),
        '"NULL"': pa.int64(),
    }
    target = targets.get(kind)
    return column if target is None or column.type == target else _cast(name, column, target)


def _decimal(name: str, column: pa.ChunkedArray[Any], scale: int) -> pa.ChunkedArray[Any]:
    """The column as a decimal of at least this scale: of more places where the values have more."""
    import pyarrow as pa

    if not pa.types.is_string(column.type):
        return _cast(name, column, pa.decimal128(38, scale))
    try:
        return column.cast(pa.decimal128(38, scale))
    except pa.ArrowInvalid:
        pass_on = max((len(text.partition(".")[2].rstrip("0")) for text in column.to_pylist() if text), default=0)
        return _cast(name, column, pa.decimal128(38, min(max(pass_on, scale), 38)))


def _cast(name: str, column: pa.ChunkedArray[Any], target: pa.DataType) -> pa.ChunkedArray[Any]:
    import pyarrow as pa

    try:
        return column.cast(target)
    except pa.ArrowException as error:
        raise DataError(
            f"column {name!r} has a value that {target} cannot hold: {error}", hint="cast it in the SELECT"
        ) from error
