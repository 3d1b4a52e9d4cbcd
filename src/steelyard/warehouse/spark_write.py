"""Writing a table to Spark: made beside, then put in its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from steelyard.errors import DataError, DefinitionError
from steelyard.warehouse.arrow_types import settle_types
from steelyard.warehouse.spark_catalog import columns_of, spark_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_table"]

_NAME = re.compile(r"[A-Za-z0-9_]+")


def write_table(session: Any, name: str, rows: pa.Table, *, mode: Literal["replace", "append"], where: str) -> int:
    """Writes the rows; returns how many.

    Spark has no transactions: a reader may meet the short moment in which a replaced table is not there, and a process
    that is killed just then leaves the rows in a table `steelyard_...`.

    Args:
        session: A session with our settings.
        name: The table.
        rows: The rows.
        mode: Whether they replace the table or are added to it.
        where: The warehouse's name, for errors.

    Raises:
        DefinitionError: Spark's catalog allows no such name.
        DataError: The columns to append are not the table's.
    """
    if not _NAME.fullmatch(name):
        hint = "letters from a to z, digits and _: what Spark's own catalog allows"
        raise DefinitionError(f"the name {name!r} is none that Spark can give a table", where=where, hint=hint)
    frame = session.createDataFrame(_readable(rows))
    there = columns_of(session, name)
    if there is not None and mode == "append":
        if {column.lower() for column in there} != {column.lower() for column in frame.columns}:
            problem = f"the columns {', '.join(frame.columns)} are not those of table {name!r}"
            raise DataError(problem, where=where, hint=f"it has {', '.join(there)}")
        frame.select([spark_name(column) for column in there]).write.insertInto(spark_name(name))
        return rows.num_rows
    beside = f"steelyard_{uuid4().hex}"
    frame.write.saveAsTable(beside)
    session.sql(f"DROP TABLE IF EXISTS {spark_name(name)}")
    session.sql(f"ALTER TABLE {spark_name(beside)} RENAME TO {spark_name(name)}")
    return rows.num_rows


def _readable(rows: pa.Table) -> pa.Table:
    """The rows in types that Spark knows; the rest as `settle_types` has it."""
    import pyarrow as pa

    known = {pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.bool_(), pa.string()}
    settled = settle_types(rows)
    for place, field in enumerate(rows.schema):
        if field.type in known or pa.types.is_decimal128(field.type):
            settled = settled.set_column(place, field.name, rows.column(place))
    return settled
