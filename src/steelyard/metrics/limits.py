"""Values outside the limits that a metric's owner declares: said, and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from steelyard.metrics.metric import Metric

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["outside_limits"]


def outside_limits(table: pa.Table, metrics: Iterable[Metric]) -> Iterator[str]:
    """Says of each metric how many of its values are outside its limits, with the first; a NULL is outside none.

    Args:
        table: An answer.
        metrics: Its metrics, with their limits.

    >>> import pyarrow as pa
    >>> rate = Metric(name="rate", count="visits", limits={"max": 1})
    >>> list(outside_limits(pa.table({"day": [1, 2, 3], "rate": [1.0, 1.5, None]}), [rate]))
    ['rate is outside its limits in 1 of 3 rows: 1.5 is above 1, where day is 2.']
    """
    metrics = tuple(metrics)
    names = {metric.name for metric in metrics}
    keys = [name for name in table.column_names if name not in names]
    for metric in metrics:
        if metric.limits and (found := _outside(table.column(metric.name), metric)):
            row, value, side = found[0]
            said = " and ".join(f"{name} is {table.column(name)[row].as_py()}" for name in keys)
            place = f", where {said}" if said else ""
            yield (
                f"{metric.name} is outside its limits in {len(found):,} of {table.num_rows:,} "
                f"{'row' if table.num_rows == 1 else 'rows'}: {value} is {side}{place}."
            )


def _outside(column: pa.ChunkedArray[Any], metric: Metric) -> list[tuple[int, object, str]]:
    """Position, value and what is wrong with it."""
    least, most = metric.limits.get("min"), metric.limits.get("max")
    found: list[tuple[int, object, str]] = []
    for row, value in enumerate(column.to_pylist()):
        if value is None:
            continue
        if least is not None and value < least:
            found.append((row, value, f"below {least:g}"))
        elif most is not None and value > most:
            found.append((row, value, f"above {most:g}"))
    return found
