"""All that the number of a metric depends on: its parts, the tables that it reads and joins, and the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from steelyard.canonical import plain
from steelyard.errors import SteelyardError
from steelyard.metrics.condition import as_many
from steelyard.metrics.expression import columns_of, parse_expression
from steelyard.metrics.formula import leaves
from steelyard.metrics.metric import Metric
from steelyard.warehouse import TableDeclaration

if TYPE_CHECKING:
    from steelyard.metrics.catalog import MetricCatalog

__all__ = ["governing"]

_ONLY_SAID = ("dimensions", "grain", "description", "owner", "where", "one_to_one", "complete_references")
"""What is said of a table and changes no number; what is proved of it may refuse one."""


def governing(catalog: MetricCatalog, name: str) -> dict[str, object]:
    """The metric with all that its number depends on, as plain values.

    Args:
        catalog: The definitions.
        name: The metric.
    """
    metric = catalog.metric(name)
    facts = set(catalog.facts(name))
    reached = {table for fact in facts for table in catalog.graph.paths(fact)}
    used = sorted(facts | reached | set(_beside(catalog, name)))
    return {
        "metric": metric.definition(),
        "parts": {part: catalog.metrics[part].definition() for part in _named_by(catalog, metric)},
        "tables": {table: _declared(catalog.tables[table]) for table in used},
        "zone": catalog.zone,
        "week_start": catalog.week_start,
        **({} if catalog.year_start == 1 else {"year_start": catalog.year_start}),
    }


def _beside(catalog: MetricCatalog, name: str) -> Iterator[str]:
    """The tables of rates that a metric takes, and those through which its conditions find many rows."""
    for leaf in leaves(catalog.formula(name)):
        aggregate = leaf.aggregate
        if aggregate.convert is not None:
            yield aggregate.convert.rates
        if aggregate.per is not None:
            yield from _beside(catalog, aggregate.per.metric)
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


def _named_by(catalog: MetricCatalog, metric: Metric) -> tuple[str, ...]:
    """The metrics that it names, and those that they name, sorted."""
    found: set[str] = set()
    waiting = list(metric.names())
    while waiting:
        name = waiting.pop()
        if name in catalog.metrics and name not in found:
            found.add(name)
            waiting += catalog.metrics[name].names()
    return tuple(sorted(found))


def _declared(table: TableDeclaration) -> dict[str, object]:
    said = plain(table)
    return {key: value for key, value in said.items() if value and key not in _ONLY_SAID}
