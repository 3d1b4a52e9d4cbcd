"""A question's answer part by part, however many rows it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steelyard.metrics.answer import query as whole
from steelyard.metrics.answer_table import answer_table
from steelyard.metrics.asked import Asked
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.how import How
from steelyard.metrics.question import Question, ask
from steelyard.warehouse import Warehouse
from steelyard.warehouse.row_stream import RowStream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MetricStream", "stream"]

MOST = 1_000_000_000
"""Rows of a stream, beyond which something else is wrong than its size."""


@dataclass(frozen=True, kw_only=True)
class MetricStream:
    """A question's answer, part by part.

    Args:
        question: What is asked.
        how: How it is made. What only a count of all rows could say (references that were not found, rows read) is not
            in it: `query` says that.
        schema: The columns of every part.
        parts: Tables of some ten thousand rows.
    """

    question: Question
    how: How
    schema: pa.Schema
    parts: Iterator[pa.Table]


@contextmanager
def stream(
    catalog: MetricCatalog, warehouse: Warehouse, metrics: str | tuple[str, ...], **asked: Any
) -> Iterator[MetricStream]:
    """The same rows as `query`, part by part, so that an answer of any size needs little memory.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metrics: One name, or several.
        asked: As `query` takes it; `timeout` too.

    Raises:
        SteelyardError: As `query` does; that a number is a NaN is found when its part is taken.

    >>> import pyarrow as pa
    >>> from steelyard.metrics import Metric
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> orders = pa.table({"id": [1, 2, 3], "amount": [5, 7, 9]})
    >>> catalog = MetricCatalog.of(
    ...     metrics=[Metric(name="revenue", sum="orders.amount")],
    ...     tables=[TableDeclaration(name="orders", key=("id",))],
    ... )
    >>> with connect({"orders": orders}) as warehouse, stream(catalog, warehouse, "revenue") as answer:
    ...     [part.to_pylist() for part in answer.parts]
    [[{'revenue': Decimal('21')}]]
    """
    if catalog.smallest_group > 1:  # which groups are too small to be told is known when all of them are there
        answer = whole(catalog, warehouse, metrics, **asked)
        parts = iter((answer.table,))
        yield MetricStream(question=answer.question, how=answer.how, schema=answer.table.schema, parts=parts)
        return
    timeout = asked.pop("timeout", None)
    found = Asked(catalog, warehouse, ask(metrics, **asked))
    query = replace(found.plan.query, limit=MOST)
    with warehouse.stream(query, timeout=timeout) as rows:
        yield MetricStream(
            question=found.question,
            how=found.how((), found.plan.says, found.tables),
            schema=answer_table(found, rows.schema.empty_table()).schema,
            parts=_shown(found, rows),
        )


def _shown(asked: Asked, rows: RowStream) -> Iterator[pa.Table]:
    left = asked.question.limit
    for part in rows.parts:
        shown = answer_table(asked, part if left is None else part.slice(0, left))
        if shown.num_rows:
            yield shown
        if left is not None:
            left -= shown.num_rows
            if left <= 0:
                return
