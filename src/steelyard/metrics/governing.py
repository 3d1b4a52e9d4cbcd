"""All that the number of a metric depends on: its parts, the tables that it reads and joins, and the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.canonical import plain
from steelyard.metrics.metric import Metric
from steelyard.metrics.tables_beside import tables_beside
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
    used = sorted(facts | reached | set(tables_beside(catalog, name)))
    return {
        "metric": metric.definition(),
        "parts": {part: catalog.metrics[part].definition() for part in _named_by(catalog, metric)},
        "tables": {table: _declared(catalog.tables[table]) for table in used},
        "zone": catalog.zone,
        "week_start": catalog.week_start,
        **({} if catalog.year_start == 1 else {"year_start": catalog.year_start}),
    }


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
