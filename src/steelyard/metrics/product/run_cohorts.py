"""Runs cohorts: the triangle of who came back, with nothing where the data is not complete, and the pooled rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.product.cohort_cells import BEFORE, LATER, UNKNOWN_ENTITY, CohortCells
from steelyard.metrics.product.cohort_grid import COLUMNS, CohortGrid
from steelyard.metrics.product.cohorts import Cohorts
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.reading import asked_range, names_apart, names_of, refuse_end_of_time
from steelyard.metrics.question import as_date
from steelyard.warehouse import Warehouse

__all__ = ["run_cohorts"]


def run_cohorts(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    cohorts: Cohorts,
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    complete_through: str | date | None = None,
) -> ProductTable:
    """How many members of each cohort were active in each period after their start.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        cohorts: The definition.
        by: Dimensions of an entity's first row of the start.
        where: A condition on dimensions of that row.
        since: First local date of a start.
        until: Last local date of a start, included.
        complete_through: The last local date of which all rows are there; None takes what the tables declare
            (`complete_through`, `lateness`), else the last day that each has: the earlier of both.

    Returns:
        One row a segment, cohort and period k: `size`, `retained`, `rate`, and for a value `value`, `value_per_member`
        and `cumulative_per_member`. A cell is NULL until period k is over for the latest member that the cohort can
        have; a zero is a zero. The table `pooled` has, for each k, the sums over the cohorts that are complete there.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It cannot be, or `complete_through` is no date.
        PolicyError: It filters or groups by a sensitive column.
        DataError: A key that it leans on is not unique.

    >>> import pyarrow as pa
    >>> from steelyard.metrics.product import EventRows
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> told = {"user": [1, 2], "on": [date(2026, 3, 2), date(2026, 3, 4)]}
    >>> ids = {"user": ("user",)}
    >>> tables = [TableDeclaration(name=name, time="on", entities=ids) for name in ("signups", "visits")]
    >>> catalog = MetricCatalog.of(metrics=[], tables=tables)
    >>> weekly = Cohorts(name="r", start=EventRows(table="signups"), activity=EventRows(table="visits"), periods=2)
    >>> visits = pa.table({"user": [1], "on": [date(2026, 3, 9)]})
    >>> with connect({"signups": pa.table(told), "visits": visits}) as warehouse:
    ...     answer = run_cohorts(catalog, warehouse, weekly, complete_through="2026-03-21")
    >>> [(row["k"], row["size"], row["retained"]) for row in answer.rows()]
    [(0, 2, 0), (1, 2, 1)]
    """
    first, last = asked_range(since, until)
    cohorts.check(catalog)
    names = names_apart(catalog, cohorts.start.table, names_of(by), COLUMNS)
    asked = CohortCells(catalog, warehouse, cohorts, names, where, first, last)
    through = as_date(complete_through, "complete_through") or asked.last_day()
    refuse_end_of_time(through, cohorts.defined_at or cohorts.name)
    sizes, cells, later = asked.fetch(through)
    grid = CohortGrid(cohorts, names, sizes, cells, through, last, catalog.week_start)
    left_out = {
        f"rows of {cohorts.activity.table} are of entities that never began": asked.ignored[UNKNOWN_ENTITY],
        f"rows of {cohorts.activity.table} are before their entity's start": asked.ignored[BEFORE],
        f"rows of {cohorts.activity.table} are after {through}, of which not all is known": asked.ignored[LATER],
        f"entities began after {through}, of which not all is known": later,
    }
    note = f"The data counts as complete through {through}; cells that need more are empty."
    return asked.reading.answer(
        "cohorts",
        cohorts,
        grid.table(),
        question={"by": names, "where": where, "since": first, "until": last, "complete_through": through},
        rules=tuple(_rules(cohorts)),
        notes=(note, *grid.notes()),
        tables={"pooled": grid.pooled()},
        left_out=left_out,
        by=names,
    )


def _rules(cohorts: Cohorts) -> Iterator[str]:
    yield f"an entity belongs to the {cohorts.cohort} of the local day of its first row of {cohorts.start.table}"
    if cohorts.days is not None:
        yield f"period k is days {cohorts.days}k to {cohorts.days}k + {cohorts.days - 1} after the own start"
    else:
        yield f"period k is the k-th calendar {cohorts.every} after the one of the own start"
    yield "a cell is empty until its period is over for the latest member that the cohort can have"
    yield "pooled rates are sums over sums, of the cohorts that are complete at k"
    yield "activity before the own start, and of entities that never began, does not count, and is counted"
