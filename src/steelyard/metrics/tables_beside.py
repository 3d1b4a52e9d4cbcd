"""The tables that a metric's number depends on beside its facts and what those refer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from steelyard.errors import SteelyardError
from steelyard.metrics.condition import as_many
from steelyard.metrics.expression import columns_of, parse_expression
from steelyard.metrics.formula import leaves

if TYPE_CHECKING:
    from steelyard.metrics.catalog import MetricCatalog

__all__ = ["tables_beside"]


def tables_beside(catalog: MetricCatalog, name: str) -> Iterator[str]:
    """The tables of rates that a metric takes, and those through which its conditions find many rows.

    Args:
        catalog: The definitions.
        name: The metric.
    """
    for leaf in leaves(catalog.formula(name)):
        aggregate = leaf.aggregate
        if aggregate.convert is not None:
            yield aggregate.convert.rates
        if aggregate.per is not None:
            yield from tables_beside(catalog, aggregate.per.metric)
        for item in (aggregate, *([aggregate.followed.then] if aggregate.followed is not None else [])):
            for text in (*item.where, *item.exclude):
                yield from _many(catalog, item.table, text)


def _many(catalog: MetricCatalog, table: str, condition: str) -> Iterator[str]:
    for column in columns_of(parse_expression(condition)):
        try:
            place = as_many(catalog.graph.find(str(column), table))
        except SteelyardError:  # the fact's own column need be no dimension, and leads to no other table
            continue
        if place.many is not None:
            steps = (*place.many.up, *place.path)
            yield from (place.table, place.many.table, *(step.source for step in steps))
            yield from (step.target for step in steps)
