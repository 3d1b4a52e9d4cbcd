"""What the warehouse gave for a question, as the columns that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from steelyard.errors import DataError
from steelyard.metrics.asked import Asked
from steelyard.metrics.local_hours import hours_in_zone

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["answer_table"]


def answer_table(asked: Asked, fetched: pa.Table) -> pa.Table:
    """The answer, or a part of it, without the counts beside it.

    Raises:
        DataError: A number is a NaN or an infinity.
    """
    _must_be_finite(fetched, asked.question.metrics)
    table = _without_negative_zero(fetched.drop_columns([*asked.plan.counted, *asked.plan.sizes]))
    return hours_in_zone(table, asked.catalog.zone) if asked.question.grain == "hour" else table


def _must_be_finite(table: pa.Table, metrics: Sequence[str]) -> None:
    """A NaN or an infinity is no number that anyone can use: it is said which metric, and in how many rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in metrics:
        values = table.column(name)
        if not pa.types.is_floating(values.type):
            continue
        wrong = values.filter(pc.invert(pc.is_finite(values))).length()
        if wrong:
            problem = f"the metric {name!r} is NaN or infinite in {wrong} of {len(values)} rows"
            hint = "a row holds such a value, or the sum is beyond a DOUBLE: find it with a data test, or exclude it"
            raise DataError(problem, where=f"metric {name!r}", hint=hint)


def _without_negative_zero(table: pa.Table) -> pa.Table:
    """The answer with 0.0 for -0.0, which 0 / -15 gives and nobody means."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for place, kind in enumerate(table.schema.types):
        if pa.types.is_floating(kind):
            values = table.column(place)
            zero = pa.scalar(0, kind)
            table = table.set_column(place, table.field(place), pc.if_else(pc.equal(values, zero), zero, values))
    return table
