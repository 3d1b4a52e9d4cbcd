"""One metric of every unit in every period: what studies over time read."""

from __future__ import annotations

from datetime import date
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.calendar import periods
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.expression import Parameters
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.unit_table import proved_here, unit_place, with_steps
from steelyard.warehouse import Query

__all__ = ["unit_panel"]

MOST_ROWS = 10_000_000


def unit_panel(
    catalog: MetricCatalog,
    *,
    entity: str,
    metric: str,
    period: Literal["day", "week", "month"],
    since: date,
    until: date,
    types: Types,
    units: str | None = None,
    unit: str = "unit",
) -> Query:
    """The SELECT of one row a unit and period: `unit` with the columns of `units`, `period` (its first day), `value`.

    Every unit has every period from that of `since` to that of `until`; only rows from `since` to `until`, both
    included, count, and a unit and period without rows is 0.

    Args:
        catalog: The definitions.
        entity: What a unit is; the facts must refer to it.
        metric: Its name. A mean or ratio also gives `numerator` and `denominator`; its value is NULL where there is
            nothing to divide by.
        period: `day`, `week` or `month`, in the project's zone and week.
        since: First local date.
        until: Last local date, included.
        types: Columns and types of the tables, such as a study's `context.tables`.
        units: A SELECT of one row a unit; None takes every unit that the entity's own table or the facts name.
        unit: The column of `units` that holds the entity's id.

    Raises:
        UnknownNameError: A metric, entity or column is not there.
        DefinitionError: The facts have no time, or do not lead to the entity, or the range cannot be.
    """
    if until < since:
        raise DefinitionError(
            f"the range ends on {until} before it begins on {since}", hint="give the earlier date first"
        )
    parameters = Parameters()
    parts = catalog.parts(metric)
    names = ["value"] if parts.denominator is None else ["numerator", "denominator"]
    taken = {name.lower() for name in types}
    steps: list[tuple[str, str]] = []
    joins: list[str] = []
    outputs = ["units.*", "calendar.period"]
    for name, aggregate in zip(names, parts.each, strict=True):
        step = free_name(f"{metric if name == 'value' else name}_by_{entity}", taken)
        steps.append((step, _fact_step(catalog, types, aggregate, step, entity, period, since, until, parameters)))
        joins.append(
            f"LEFT JOIN {sql_name(step)} ON {sql_name(step)}.unit = units.{sql_name(unit)} "
            f"AND {sql_name(step)}.period = calendar.period"
        )
        outputs.append(f"coalesce({sql_name(step)}.amount, 0) AS {sql_name(name)}")
    if parts.denominator is not None:
        sides = [f"{sql_name(step)}.amount" for step, _ in steps]
        outputs.append(f'CAST(coalesce({sides[0]}, 0) AS DOUBLE) / nullif({sides[1]}, 0) AS "value"')
    whole = tuple(periods(since, until, period, catalog.week_start))
    first = parameters.add(whole[0], "first_period").sql(dialect="duckdb")
    further = parameters.add(len(whole) - 1, "further_periods").sql(dialect="duckdb")
    following = {"day": f"add_days({first}, number)", "week": f"add_days({first}, number * 7)",
                 "month": f"add_months({first}, number)"}[period]  # fmt: skip
    calendar = f"SELECT {following} AS period\nFROM number_series(0, {further})"
    steps = [("units", _units(catalog, entity, unit, units, parts.each)), ("calendar", calendar), *steps]
    sql = with_steps(steps, outputs, ["FROM units", "CROSS JOIN calendar", *joins])
    return Query(sql=sql, parameters=parameters.values, limit=MOST_ROWS, says=f"{metric} by {entity} and {period}")


def _fact_step(
    catalog: MetricCatalog,
    types: Types,
    aggregate: Aggregate,
    name: str,
    entity: str,
    period: str,
    since: date,
    until: date,
    parameters: Parameters,
) -> str:
    time = catalog.time_of(aggregate.table, aggregate.time)
    fact = Fact(catalog, types, table=aggregate.table, time=time, parameters=parameters, name=name)
    owner = fact.column(unit_place(catalog, aggregate.table, entity))
    start = fact.clock().period(period)
    amount = fact.aggregated(aggregate)
    fact.within(since, until)
    conditions = [*fact.kept, *fact.filters(aggregate), *proved_here(fact)]
    return "\n".join(
        [
            f"SELECT {owner} AS unit, {start} AS period, {amount} AS amount",
            *fact.joins.sql(),
            f"WHERE {' AND '.join(conditions)}",
            "GROUP BY 1, 2",
        ]
    )


def _units(catalog: MetricCatalog, entity: str, unit: str, units: str | None, aggregates: tuple[Aggregate, ...]) -> str:
    if units is not None:
        return units.strip().rstrip(";")
    owner = catalog.graph.owners.get(entity)
    named = [(owner.name, owner.key[0])] if owner is not None and len(owner.key) == 1 else []
    for table in dict.fromkeys(aggregate.table for aggregate in aggregates):
        place = unit_place(catalog, table, entity)
        if not place.path:
            named.append((table, place.column))
        elif owner is None:
            raise DefinitionError(
                f"no table lists every {entity}",
                where=catalog.tables[table].where,
                hint=f"declare the own table of {entity!r} with `entity: {entity}`, or give `units`",
            )
    found = [
        f"SELECT {sql_name(column)} AS {sql_name(unit)} FROM {sql_name(table)} WHERE {sql_name(column)} IS NOT NULL"
        for table, column in dict.fromkeys(named)
    ]
    return "\nUNION\n".join(found) if len(found) > 1 else found[0].replace("SELECT", "SELECT DISTINCT", 1)
