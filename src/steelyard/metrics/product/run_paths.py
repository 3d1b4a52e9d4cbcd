"""Runs paths: the most common sequences of steps, and how often each step follows each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from steelyard.errors import DefinitionError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.paths import Paths
from steelyard.metrics.product.paths_sql import PathsSql
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.reading import Reading, asked_range, names_apart, names_of
from steelyard.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["run_paths"]

OTHER = "(other)"
BETWEEN = " > "


def run_paths(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    paths: Paths,
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    top: int = 20,
) -> ProductTable:
    """The most common sequences of steps after an anchor, or before it.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        paths: The definition.
        by: Dimensions of the anchor's row.
        where: A condition on dimensions of the anchor's row.
        since: First local date of the anchor; its path may reach beyond the range.
        until: Last local date of the anchor, included.
        top: How many paths of each segment are rows of their own; the rest are together in `(other)`.

    Returns:
        One row a segment and path, the most common first: `path` (its steps in the order of time, the anchor among
        them), `steps` (besides the anchor), `ended` (whether there was no further step), `count`, and `share` of the
        segment's paths. The table `transitions` has `from`, `to`, `count`, and `share`: of what came after the same
        step (of what came before it, where the direction is `before`); `(end)` and `(start)` stand for no step.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It cannot be.
        PolicyError: It filters or groups by a sensitive column.

    >>> import pyarrow as pa
    >>> from datetime import datetime
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> at = [datetime(2026, 1, day) for day in (1, 2, 3)]
    >>> rows = {"user": [1, 1, 1], "page": ["home", "home", "shop"], "at": at}
    >>> table = TableDeclaration(name="events", time="at", entities={"user": ("user",)}, dimensions=("page",))
    >>> with connect({"events": pa.table(rows)}) as warehouse:
    ...     answer = run_paths(
    ...         MetricCatalog.of(metrics=[], tables=[table]), warehouse, Paths(name="p", table="events", step="page")
    ...     )
    >>> answer.rows()
    [{'path': 'home > shop', 'steps': 1, 'ended': True, 'count': 1, 'share': 1.0}]
    """
    if isinstance(top, bool) or not 1 <= top <= 10_000:
        raise DefinitionError(f"top = {top} paths", hint="give 1 to 10,000")
    first, last = asked_range(since, until)
    entity = paths.check(catalog)
    reading = Reading(catalog, warehouse, paths.defined_at)
    names = names_apart(catalog, paths.table, names_of(by), _taken(paths))
    made = PathsSql(reading, paths, entity, by=names, where=where, since=first, until=last)
    reading.survey(made.source, "steps", made.condition)
    transitions = _transitions(paths, names, reading.fetch(made.transitions(), "transitions").to_pylist())
    found = reading.fetch(made.query(top), "paths").to_pylist()
    return reading.answer(
        "paths",
        paths,
        _table(paths, names, found, top),
        question={"by": names, "where": where, "since": first, "until": last, "top": top},
        rules=tuple(_rules(paths)),
        notes=tuple(_notes(names, found, top)),
        tables={"transitions": transitions},
        by=names,
    )


def _taken(paths: Paths) -> tuple[str, ...]:
    """The columns of the answer, and of the queries that give it."""
    own = ("path", "steps", "ended", "count", "share", "from", "to", "times", "total", "kinds", "place")
    return *own, *(f"step_{number}" for number in range(paths.length + 1))


def _table(paths: Paths, by: tuple[str, ...], found: list[dict[str, Any]], top: int) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in (*by, "path", "steps", "ended", "count", "share")}

    def add(segment: tuple[Any, ...], path: str, steps: int | None, count: int, total: int) -> None:
        ended = None if steps is None else steps < paths.length
        for name, value in zip(columns, (*segment, path, steps, ended, count, count / total), strict=True):
            columns[name].append(value)

    shown = 0
    for number, row in enumerate(found):
        segment, total = tuple(row[name] for name in by), int(row["total"])
        steps = [row[f"step_{n}"] for n in range(paths.length + 1) if row[f"step_{n}"] is not None]
        in_time = steps if paths.direction == "after" else steps[::-1]
        add(segment, BETWEEN.join(in_time), len(steps) - 1, int(row["times"]), total)
        shown += int(row["times"])
        if number + 1 == len(found) or tuple(found[number + 1][name] for name in by) != segment:
            if shown < total:
                add(segment, OTHER, None, total - shown, total)
            shown = 0
    types = {"path": pa.string(), "steps": pa.int64(), "ended": pa.bool_(), "count": pa.int64(), "share": pa.float64()}
    return pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})


def _transitions(paths: Paths, by: tuple[str, ...], found: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    same = "from" if paths.direction == "after" else "to"
    totals: dict[tuple[Any, ...], int] = {}
    for row in found:
        key = (*(row[name] for name in by), row[same])
        totals[key] = totals.get(key, 0) + int(row["times"])
    columns: dict[str, list[Any]] = {name: [] for name in (*by, "from", "to", "count", "share")}
    for row in found:
        total = totals[*(row[name] for name in by), row[same]]
        values = (*(row[name] for name in by), row["from"], row["to"], int(row["times"]), int(row["times"]) / total)
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    types = {"from": pa.string(), "to": pa.string(), "count": pa.int64(), "share": pa.float64()}
    return pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})


def _notes(by: tuple[str, ...], found: list[dict[str, Any]], top: int) -> Iterator[str]:
    if not found:
        yield "No row is an anchor in the range."
    if not by and found and int(found[0]["kinds"]) > top:
        yield f"The {int(found[0]['kinds']) - top:,} less common of {int(found[0]['kinds']):,} paths are in {OTHER}."
    elif more := [row for row in found if int(row["place"]) == 1 and int(row["kinds"]) > top]:
        yield f"In {len(more):,} segments there are more than {top} paths: the rest are in {OTHER}."


def _rules(paths: Paths) -> Iterator[str]:
    anchor = f"each {paths.anchor!r}" if paths.anchor else "each step"
    first = (
        f"the first {paths.anchor!r} of an entity in the range"
        if paths.anchor
        else "an entity's first step in the range"
    )
    start = first if paths.starts == "first" else anchor
    yield f"a path is {start} and up to {paths.length} steps {paths.direction} it"
    if paths.window:
        yield f"a step more than {paths.window} from the anchor does not belong to it"
    if paths.collapse:
        yield "the same step several times in a row is one, at the moment of the first"
    ties = f"by {paths.sequence}, then " if paths.sequence else ""
    yield f"rows of one moment are taken {ties}in the order of their steps' names"
