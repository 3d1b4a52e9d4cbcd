"""Writing a table to PostgreSQL: made beside, then put in its place, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from steelyard.errors import DataError, DefinitionError
from steelyard.warehouse.arrow_types import settled_type
from steelyard.warehouse.query import quote_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_table"]


def write_table(
    cursor: Any, name: str, rows: pa.Table | pa.RecordBatchReader, *, mode: Literal["replace", "append"], exists: bool
) -> int:
    """Writes the rows within the cursor's transaction, which the caller commits; returns how many.

    Args:
        cursor: An ADBC cursor.
        name: The table.
        rows: The rows.
        mode: Whether they replace the table or are added to it.
        exists: Whether it is there.
    """
    import pyarrow as pa

    schema = pa.schema([pa.field(field.name, _stored(field.name, field.type)) for field in rows.schema])
    beside = f"steelyard {uuid4().hex}"
    listed = ", ".join(f"{quote_name(field.name)} {_spelled(field.type)}" for field in schema)
    cursor.execute(f"CREATE TABLE {quote_name(beside)} ({listed})")
    batches = rows.to_batches() if isinstance(rows, pa.Table) else rows
    counted, made = 0, []
    for batch in batches:
        made.append(_cast(batch, schema))
        counted += batch.num_rows
    cursor.adbc_ingest(beside, pa.RecordBatchReader.from_batches(schema, made), mode="append")
    if exists and mode == "append":
        columns = ", ".join(quote_name(column) for column in schema.names)
        cursor.execute(f"INSERT INTO {quote_name(name)} ({columns}) SELECT {columns} FROM {quote_name(beside)}")
        cursor.execute(f"DROP TABLE {quote_name(beside)}")
        return counted
    if exists:
        cursor.execute(f"DROP TABLE {quote_name(name)}")
    cursor.execute(f"ALTER TABLE {quote_name(beside)} RENAME TO {quote_name(name)}")
    return counted


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    try:
        arrays = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    except pa.ArrowException as error:
        raise DataError(f"a value does not fit PostgreSQL's type: {error}", hint="cast the column first") from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _stored(name: str, kind: pa.DataType) -> pa.DataType:
    """The Arrow type in which a column goes to PostgreSQL."""
    import pyarrow as pa

    if isinstance(kind, pa.DictionaryType):
        return _stored(name, kind.value_type)
    if pa.types.is_uint64(kind):
        return pa.decimal128(20, 0)
    if pa.types.is_null(kind):
        return pa.string()
    stored = kind if pa.types.is_decimal128(kind) else settled_type(kind) or kind
    if not pa.types.is_decimal128(stored) and stored not in _spellings():
        hint = "spread it over columns first"
        raise DefinitionError(f"column {name!r} is a {kind}, which is not written to PostgreSQL", hint=hint)
    return stored


def _spelled(kind: pa.DataType) -> str:
    import pyarrow as pa

    return f"NUMERIC({kind.precision}, {kind.scale})" if isinstance(kind, pa.Decimal128Type) else _spellings()[kind]


def _spellings() -> dict[pa.DataType, str]:
    import pyarrow as pa

    return {
        pa.int64(): "BIGINT",
        pa.float64(): "DOUBLE PRECISION",
        pa.string(): "TEXT",
        pa.bool_(): "BOOLEAN",
        pa.date32(): "DATE",
        pa.time64("us"): "TIME",
        pa.binary(): "BYTEA",
        pa.timestamp("us"): "TIMESTAMP",
        pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
    }
