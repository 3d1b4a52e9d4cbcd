"""`POST /query`: a question to governed metrics, and its answer with how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from steelyard.canonical import plain
from steelyard.errors import DefinitionError, unknown_name
from steelyard.result import Provenance

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.metrics import MetricTable
    from steelyard.web.view import View

__all__ = ["ColumnSaid", "QueryAnswer", "QueryBody", "answer_query", "asked_of"]

MOST_ROWS = 50_000
"""Rows of an answer in one piece; an export has any number."""


@dataclass(frozen=True, kw_only=True)
class QueryBody:
    """A question to governed metrics, in the words of `Project.query`.

    Args:
        metrics: One name, or several.
        by: Dimensions, and at most one of hour, day, week, month, quarter, year.
        grain: The same as that one, apart.
        where: A condition on dimensions, such as `country = 'DE'`.
        since: First local date.
        until: Last local date, included.
        order: Columns to sort by, in order; `-` before a name sorts from the largest down. Values that are not there
            come last. Without it, rows come by period and dimensions.
        limit: The most rows, after sorting; 50,000 at most, and where it is left out.
        fill: Whether periods without rows become rows.
        having: A condition on the metrics that are asked for, after aggregation.
        top: Dimension -> how many of its values stand apart, by the first metric; the rest is `(other)`.
        context: A condition on dimensions that fixed totals and shares obey too.
        complete_through: The last day that is known completely, where you know better than the tables say.
        as_of: A moment with a zone, a date, or the number of a catalog version: what was the newest then is read.
        definitions: `then` takes the definitions as they were recorded by that moment.
    """

    metrics: tuple[str, ...]
    by: tuple[str, ...] = ()
    grain: Literal["hour", "day", "week", "month", "quarter", "year"] | None = None
    where: str | None = None
    since: date | None = None
    until: date | None = None
    order: tuple[str, ...] = ()
    limit: int | None = None
    fill: bool = True
    having: str | None = None
    top: dict[str, int] | None = None
    context: str | None = None
    complete_through: date | None = None
    as_of: int | str | None = None
    definitions: Literal["now", "then"] = "now"


@dataclass(frozen=True, kw_only=True)
class ColumnSaid:
    """A column of an answer.

    Args:
        name: Its name.
        type: Its Arrow type; a decimal is text in JSON.
    """

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class QueryAnswer:
    """An answer, with how it was made.

    Args:
        columns: The columns, in order.
        rows: The rows, column -> value.
        truncated: Whether there are more rows than the limit.
        withheld: How many groups are not told, for they are of too few, or would tell of one that is.
        partial: First day of a period -> why it does not compare with whole ones.
        non_additive: Metric -> the columns over which its values do not add up to the whole.
        notes: What a reader must know.
        how: Definitions with their digests, SQL, tables with versions, keys proved, rows read.
        provenance: The same in the form that a study's results have.
    """

    columns: list[ColumnSaid]
    rows: list[dict[str, Any]]
    truncated: bool
    withheld: int
    partial: dict[str, str]
    non_additive: dict[str, list[str]]
    notes: list[str]
    how: dict[str, Any] = field(default_factory=dict)
    provenance: Provenance


def answer_query(view: View, body: QueryBody) -> QueryAnswer:
    """The answer to a question."""
    from steelyard.project.audit import audited_query

    most = body.limit if body.limit is not None and body.limit <= MOST_ROWS else MOST_ROWS
    asked = asked_of(body, limit=None if body.order else most)
    found = audited_query(view.project, body.metrics, opens=view.warehouse, timeout=_patience(view), **asked)
    said = found.to_dict()
    table, truncated = _in_order(found, body.order, most)
    return QueryAnswer(
        columns=[ColumnSaid(name=field.name, type=str(field.type)) for field in table.schema],
        rows=_rows(found, table),
        truncated=truncated,
        withheld=found.withheld,
        partial=said["partial"],
        non_additive=said["non_additive"],
        notes=[*said["notes"], *_cut(found, truncated and not found.truncated, most)],
        how=said["how"],
        provenance=found.provenance,
    )


def asked_of(body: QueryBody, *, limit: int | None) -> Mapping[str, Any]:
    """The question in the words of `audited_query`.

    Raises:
        DefinitionError: It names a grain twice, or a day that is none.
    """
    from steelyard.metrics.graph import GRAINS

    if body.grain and any(item in GRAINS for item in body.by):
        raise DefinitionError(f"the grain {body.grain!r} and one in `by`", where="grain", hint="give one of them")
    return {
        "by": (*((body.grain,) if body.grain else ()), *body.by),
        "where": body.where,
        "since": body.since,
        "until": body.until,
        "limit": limit,
        "fill": body.fill,
        "having": body.having,
        "top": body.top,
        "context": body.context,
        "complete_through": body.complete_through,
        "as_of": body.as_of,
        "definitions": body.definitions,
    }


def _patience(view: View) -> float | None:
    return view.project.target.timeout or None


def _in_order(found: MetricTable, order: tuple[str, ...], most: int) -> tuple[pa.Table, bool]:
    """The rows sorted and cut, and whether any were cut."""
    if not order:
        return found.table, found.truncated
    places = list(range(found.table.num_rows))
    for item in reversed(order):
        name = item.removeprefix("-")
        if name not in found.table.column_names:
            raise unknown_name("column", name, found.table.column_names, where="order")
        places = _sorted(places, found.table.column(name).to_pylist(), largest_first=item.startswith("-"))
    return found.table.take(places[:most]), found.table.num_rows > most


def _sorted(places: list[int], values: list[Any], *, largest_first: bool) -> list[int]:
    known = [place for place in places if values[place] is not None]
    known.sort(key=lambda place: values[place], reverse=largest_first)
    return known + [place for place in places if values[place] is None]


def _rows(found: MetricTable, table: pa.Table) -> list[dict[str, Any]]:
    from dataclasses import replace

    rows: list[dict[str, Any]] = plain(replace(found, table=table).rows())
    return rows


def _cut(found: MetricTable, sorted_and_cut: bool, most: int) -> list[str]:
    return [f"{found.table.num_rows:,} rows; the first {most:,} are shown."] if sorted_and_cut else []
