"""Totals of the counts that stand beside an answer, one a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.metrics.expression import UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["counted"]


def counted(table: pa.Table, count: str, *, unknown: str | None = None, repeated: bool = False) -> int:
    """The total of a count over the answer's groups.

    Args:
        table: The answer with its counts.
        count: The column of the count; NULL in a group that its fact does not have.
        repeated: Whether every group has the same count, which is that of all of them.
        unknown: A dimension: only the groups in which it is not there count, be that `(unknown)` or NULL.

    >>> import pyarrow as pa
    >>> table = pa.table({"country": ["DE", "(unknown)", None], "day": [None, 1, 2], "orders_rows": [5, 2, None]})
    >>> counted(table, "orders_rows"), counted(table, "orders_rows", unknown="country")
    (7, 2)
    >>> counted(table, "orders_rows", unknown="day")
    5
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if unknown is not None:
        values = table.column(unknown)
        labels = [None, UNKNOWN] if pa.types.is_string(values.type) else [None]
        table = table.filter(pc.is_in(values, pa.array(labels, values.type)))
    if repeated:
        return int(pc.max(table.column(count).cast(pa.int64())).as_py() or 0)
    return int(pc.sum(table.column(count).cast(pa.int64())).as_py() or 0)
