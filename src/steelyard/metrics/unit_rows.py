"""The single rows of a metric, each with its unit, in the unit's own window: of what a quantile of rows is taken."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.errors import DefinitionError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.expression import Parameters
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.formula import leaves
from steelyard.metrics.names import sql_name
from steelyard.metrics.unit_table import UnitMetric, UnitTable, proved_here, unit_place, with_steps

__all__ = ["row_aggregate", "unit_rows"]


def row_aggregate(catalog: MetricCatalog, metric: str) -> Aggregate:
    """The aggregate whose rows have the values that a mean or a quantile is of.

    Raises:
        DefinitionError: The metric is of another kind, or its rows' money is brought to one currency.
    """
    defined = catalog.metric(metric)
    if defined.kind not in ("mean", "quantile"):
        raise DefinitionError(
            f"{metric!r} is a {defined.kind}, not a mean or quantile of rows", where=defined.defined_at
        )
    quantile = defined.kind == "quantile"
    found = next(leaves(catalog.formula(metric))).aggregate if quantile else catalog.parts(metric).numerator
    if found.convert is not None or found.per is not None:
        raise DefinitionError(
            f"the rows of {metric!r} have no value of their own: it is brought to one currency, or is an entity's",
            where=defined.defined_at,
            hint="build a table with the value in a column",
        )
    return found


def unit_rows(
    catalog: MetricCatalog,
    *,
    entity: str,
    units: str,
    value: UnitMetric,
    types: Types,
    unit: str = "",
    keep: Sequence[str] = (),
) -> str:
    """The SELECT of one row for each row of the fact that counts: the unit's columns, and `value`, of one row.

    Units without rows are not in it. A row whose value is NULL is, with NULL.

    Args:
        catalog: The definitions.
        entity: What a unit is; the fact must refer to it.
        units: A SELECT of one row a unit.
        value: The metric, a quantile or mean of rows, with its window.
        types: Columns and types of the tables.
        unit: The column of `units` that holds the entity's id; empty for the entity's name.
        keep: The columns of `units` to keep.

    Raises:
        DefinitionError: The metric is not of single rows, or the fact does not lead to the entity.
    """
    aggregate = row_aggregate(catalog, value.metric)
    writer = UnitTable(catalog, entity, units, types, unit or entity)
    place = catalog.time_of(aggregate.table, aggregate.time)
    fact = Fact(
        catalog, types, table=aggregate.table, time=place, parameters=Parameters(inline=True),
        name=f"{aggregate.table}_rows",
    )  # fmt: skip
    owner = fact.column(unit_place(catalog, aggregate.table, entity))
    window, amount = writer.window(fact, value), fact.value(aggregate)
    conditions = [*([window] if window else []), *fact.filters(aggregate), *proved_here(fact)]
    outputs = [*(f"windows.{sql_name(name)}" for name in keep), f"{amount} AS value"]
    source = [*fact.joins.sql(), f"JOIN windows ON windows.{sql_name(writer.unit)} = {owner}"]
    if conditions:
        source.append(f"WHERE {' AND '.join(conditions)}")
    return with_steps(writer.steps(), outputs, source)
