"""One small set of Arrow types for what comes back, whichever engine answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from steelyard.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_at_most", "settle_types", "settled_type", "storage_of"]


def settle_types(table: pa.Table) -> pa.Table:
    """The same values in the types that every engine agrees on.

    Whole numbers are int64, or decimal128(38, 0) where one of the column does not fit; decimals are
    decimal128(38, scale); other numbers are double; text, enumerations and UUIDs are string; moments are
    timestamp[us], with the zone UTC where they have one; days are date32.

    >>> import pyarrow as pa
    >>> settle_types(pa.table({"n": pa.array([1, 2], pa.int16()), "s": pa.array(["a", "b"], pa.large_string())})).schema
    n: int64
    s: string
    """
    import pyarrow as pa

    columns = [_settle(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]
    fields = [pa.field(name, column.type) for name, column in zip(table.column_names, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _settle(name: str, column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        stored = storage_of(column)
        return _settle(name, _uuid_text(stored) if kind.extension_name == "arrow.uuid" else stored)
    if pa.types.is_interval(kind) or pa.types.is_duration(kind):
        hint = "seconds_between(a, b), days_between(a, b)"
        raise DataError(f"column {name!r} is an interval, which engines write differently", hint=hint)
    if pa.types.is_dictionary(kind):
        return _settle(name, column.cast(kind.value_type))
    if pa.types.is_decimal(kind) and kind.scale == 0:
        return _whole(column.cast(pa.decimal128(38, 0)))
    if pa.types.is_uint64(kind):
        return _whole(column.cast(pa.decimal128(20, 0)).cast(pa.decimal128(38, 0)))
    target = settled_type(kind)
    if target is None or target == kind:
        return column
    try:
        return column.cast(target)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"column {name!r} has a value of type {kind} that {target} cannot hold: {error}",
            hint="cast it in the SELECT to a coarser type",
        ) from error


def settled_type(kind: pa.DataType) -> pa.DataType | None:
    """The type that stands for `kind`; None where it is kept as it is.

    >>> import pyarrow as pa
    >>> settled_type(pa.int8()), settled_type(pa.float32()), settled_type(pa.bool_())
    (DataType(int64), DataType(double), None)
    """
    import pyarrow as pa

    is_a = pa.types
    families: tuple[tuple[pa.DataType, tuple[Callable[[pa.DataType], bool], ...]], ...] = (
        (pa.int64(), (is_a.is_integer, is_a.is_null)),
        (pa.float64(), (is_a.is_floating,)),
        (pa.string(), (is_a.is_string, is_a.is_large_string, is_a.is_string_view)),
        (pa.date32(), (is_a.is_date,)),
        (pa.time64("us"), (is_a.is_time,)),
        (pa.binary(), (is_a.is_large_binary, is_a.is_binary_view)),
    )
    if isinstance(kind, pa.TimestampType):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if is_a.is_decimal(kind):
        return pa.decimal128(38, kind.scale)
    return next((target for target, tests in families if any(test(kind) for test in tests)), None)


def storage_of(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """What an extension type is stored as."""
    import pyarrow as pa

    chunks: list[Any] = [chunk.storage for chunk in column.chunks]  # type: ignore[attr-defined]
    return pa.chunked_array(chunks, column.type.storage_type)


def _whole(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    import pyarrow as pa

    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def _uuid_text(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    from uuid import UUID

    import pyarrow as pa

    values = [None if value is None else str(UUID(bytes=value)) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(values, pa.string())])


def read_at_most(reader: pa.RecordBatchReader, limit: int, check: Callable[[], None]) -> pa.Table:
    """Every row of the reader.

    Args:
        reader: What the engine gives.
        limit: The most rows.
        check: Called between batches; raises to stop.

    Raises:
        DataError: There are more than `limit` rows; as soon as that is known.
    """
    import pyarrow as pa

    batches, rows = [], 0
    for batch in reader:
        check()
        rows += batch.num_rows
        batches.append(batch)
        if rows > limit:
            hint = "aggregate further, select a narrower range, or raise the query's limit"
            raise DataError(f"the query gives more than {limit:,} rows", hint=hint)
    return pa.Table.from_batches(batches, schema=reader.schema)
