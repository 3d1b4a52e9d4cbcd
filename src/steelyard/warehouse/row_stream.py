"""What a query gives, part by part, every part in the types that the first one has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.errors import DataError
from steelyard.warehouse.arrow_types import settle_types

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RowStream", "row_stream"]


@dataclass(frozen=True, kw_only=True)
class RowStream:
    """What a query gives, part by part.

    Args:
        schema: The columns of every part. Whole numbers of more than 64 bits are decimal128(38, 0) in all of them,
            where `fetch` gives int64 if all of the column fits.
        parts: Tables of some ten thousand rows; an empty answer has no parts.
    """

    schema: pa.Schema
    parts: Iterator[pa.Table]


def row_stream(
    reader: pa.RecordBatchReader,
    limit: int,
    check: Callable[[], None],
    *,
    typed: Callable[[pa.Table], pa.Table] = lambda table: table,
) -> RowStream:
    """The reader's rows in settled types.

    Args:
        reader: What the engine gives.
        limit: The most rows; the part that goes beyond raises a `DataError`.
        check: Called between parts; raises to stop.
        typed: Gives the columns the types that the query should have, where the engine gives others.
    """
    schema = _stable(typed(reader.schema.empty_table()))

    def parts() -> Iterator[pa.Table]:
        import pyarrow as pa

        rows = 0
        for batch in reader:
            check()
            rows += batch.num_rows
            if rows > limit:
                hint = "aggregate further, select a narrower range, or raise the query's limit"
                raise DataError(f"the query gives more than {limit:,} rows", hint=hint)
            if batch.num_rows:
                yield _in_schema(settle_types(typed(pa.Table.from_batches([batch]))), schema)

    return RowStream(schema=schema, parts=parts())


def _stable(empty: pa.Table) -> pa.Schema:
    """The types that hold for every part: what `settle_types` decides by the values is decided for the widest."""
    import pyarrow as pa

    settled = settle_types(empty).schema
    wide: list[pa.Field[Any]] = []
    for given, field in zip(empty.schema, settled, strict=True):
        kind = given.type
        large = (pa.types.is_decimal(kind) and kind.scale == 0) or pa.types.is_uint64(kind)
        wide.append(pa.field(field.name, pa.decimal128(38, 0) if large else field.type))
    return pa.schema(wide)


def _in_schema(part: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    try:
        return pa.Table.from_arrays(
            [column.cast(field.type) for column, field in zip(part.columns, schema, strict=True)], schema=schema
        )
    except pa.ArrowInvalid as error:
        raise DataError(f"a later part of the answer has other types: {error}", hint="cast it in the SELECT") from error
