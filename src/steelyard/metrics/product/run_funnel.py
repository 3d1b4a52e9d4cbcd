"""Runs a funnel: how many entities reach each step, and how long it takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.funnel import Funnel
from steelyard.metrics.product.funnel_sql import FunnelSql, check_window
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.reading import Reading, asked_range, names_apart, names_of
from steelyard.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["run_funnel"]


def run_funnel(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    funnel: Funnel,
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
) -> ProductTable:
    """How many entities reach each step, and how long it takes them.

    An entity counts once a step, in the segment of its first row of the first step. It reaches a step when there is a
    start from which rows of all steps up to it follow in order, the last no later than the window after the start.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        funnel: The funnel.
        by: Dimensions of the first step's rows.
        where: A condition on dimensions of the first step's rows.
        since: First local date of the first step; later steps may follow at any time in the window.
        until: Last local date of the first step, included.

    Returns:
        One row a segment and step: `position`, `step`, `entities`, `conversion` (of those who began),
        `step_conversion` (of those at the step before), and quantiles of the seconds from the step before
        (`step_seconds_p50`) and from the start (`total_seconds_p50`), of the chain by which each first reached the
        step.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It cannot be.
        PolicyError: It filters or groups by a sensitive column.
        DataError: A key that it leans on is not unique.

    >>> import pyarrow as pa
    >>> from datetime import datetime
    >>> from steelyard.metrics.product import FunnelStep
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> at = [datetime(2026, 1, 1, hour) for hour in (9, 10, 9)]
    >>> events = {"user": [1, 1, 2], "step": ["view", "buy", "view"], "at": at}
    >>> table = TableDeclaration(name="events", time="at", entities={"user": ("user",)})
    >>> steps = tuple(FunnelStep(name=name, table="events", where=f"step = '{name}'") for name in ("view", "buy"))
    >>> catalog = MetricCatalog.of(metrics=[], tables=[table])
    >>> with connect({"events": pa.table(events)}) as warehouse:
    ...     answer = run_funnel(catalog, warehouse, Funnel(name="shop", steps=steps, window="1 day"))
    >>> [(row["step"], row["entities"], row["conversion"]) for row in answer.rows()]
    [('view', 2, 1.0), ('buy', 1, 0.5)]
    """
    asked, (first, last) = names_of(by), asked_range(since, until)
    entity = funnel.check(catalog)
    names = names_apart(catalog, funnel.each[0].table, asked, _taken(funnel))
    reading = Reading(catalog, warehouse, funnel.defined_at)
    made = FunnelSql(reading, funnel, entity, by=names, where=where, since=first, until=last)
    check_window(funnel, made.moments.dated)
    for (key, group), moment in zip(made.groups.items(), made.moments.each, strict=True):
        reading.survey(group.source, "steps", made.surveyed[key], moment)
    cutoff = _cutoff(reading, funnel)
    query = made.query(reading.value(cutoff, "window_open_after") if cutoff else "")
    found = reading.fetch(query, "funnel").to_pylist()
    return reading.answer(
        "funnel",
        funnel,
        _table(funnel, names, found),
        question={"by": names, "where": where, "since": first, "until": last},
        rules=tuple(_rules(funnel)),
        notes=tuple(_notes(funnel, found, cutoff)),
        by=names,
    )


def _cutoff(reading: Reading, funnel: Funnel) -> datetime | None:
    """The moment after which a start's window reaches beyond the data; None where there is no window, or no data."""
    if funnel.seconds is None or not reading.last_moments:
        return None
    return max(reading.last_moments) - timedelta(seconds=funnel.seconds)


def _table(funnel: Funnel, by: tuple[str, ...], found: list[dict[str, Any]]) -> pa.Table:
    """The answer with every step of every segment, also those that nobody reached."""
    import pyarrow as pa

    segments: dict[tuple[Any, ...], dict[int, dict[str, Any]]] = {} if by else {(): {}}
    for row in found:
        segments.setdefault(tuple(row[name] for name in by), {})[int(row["step"])] = row
    columns: dict[str, list[Any]] = {name: [] for name in (*by, *_columns(funnel))}
    for segment, reached in segments.items():
        for row in _segment_rows(funnel, reached):
            for name, value in {**dict(zip(by, segment, strict=True)), **row}.items():
                columns[name].append(value)
    types = {"position": pa.int64(), "step": pa.string(), "entities": pa.int64()}
    arrays = {
        name: pa.array(values, None if name in by and segments else types.get(name, pa.float64()))
        for name, values in columns.items()
    }
    return pa.table(arrays)


def _taken(funnel: Funnel) -> tuple[str, ...]:
    """The columns of the answer, and of the query that gives it."""
    quantiles = range(len(funnel.quantiles))
    return *_columns(funnel), "open_starts", *(f"{name}_{n}" for name in ("step", "total") for n in quantiles)


def _columns(funnel: Funnel) -> tuple[str, ...]:
    shares = [f"p{share * 100:g}" for share in funnel.quantiles]
    seconds = [f"{name}_seconds_{share}" for name in ("step", "total") for share in shares]
    return "position", "step", "entities", "conversion", "step_conversion", *seconds


def _segment_rows(funnel: Funnel, reached: dict[int, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    counts = [int(reached[n + 1]["entities"]) if n + 1 in reached else 0 for n in range(len(funnel.steps))]
    for number, step in enumerate(funnel.steps):
        row = reached.get(number + 1, {})
        before = counts[max(number - 1, 0)]
        found: dict[str, Any] = {
            "position": number + 1,
            "step": step.name,
            "entities": counts[number],
            "conversion": counts[number] / counts[0] if counts[0] else None,
            "step_conversion": counts[number] / before if before else None,
        }
        for name in ("step", "total"):
            for index, share in enumerate(funnel.quantiles):
                found[f"{name}_seconds_p{share * 100:g}"] = row.get(f"{name}_{index}") if number else None
        yield found


def _notes(funnel: Funnel, found: list[dict[str, Any]], cutoff: datetime | None) -> Iterator[str]:
    begun = sum(int(row["entities"]) for row in found if int(row["step"]) == 1)
    waiting = sum(int(row["open_starts"]) for row in found)
    if waiting and cutoff is not None:
        yield (
            f"{waiting:,} of {begun:,} entities last began less than {funnel.window} before the data ends "
            f"(after {cutoff.isoformat(' ')}): some of them may still go on."
        )
    if not begun:
        yield f"No row of the step {funnel.steps[0].name!r} is in the range."


def _rules(funnel: Funnel) -> Iterator[str]:
    within = f", no later than {funnel.window} after the start (the end included)" if funnel.window else ""
    if funnel.order == "any":
        yield f"an entity reaches step k when rows of all of the first k steps lie no more than {funnel.window} apart"
        yield "the dates and the condition of the question bound the first step's rows"
        return
    yield f"an entity reaches step k when rows of steps 1 to k follow each other in order{within}"
    yield {
        "any": "any row of the first step may start",
        "first": "only the entity's first row of the first step in the range may start",
    }[funnel.start]
    ties = f"by {funnel.sequence}, then " if funnel.sequence else ""
    yield f"rows of one moment are taken {ties}in the order of the steps; one row is one step of a chain"
    if funnel.without:
        yield "no excluded row lies between the two steps; one of the same moment comes after the steps"
    yield "each entity counts once a step, in the segment of its first row that may start"
    yield "times are of the chain by which the entity first reached the step; of several, the one that starts latest"
