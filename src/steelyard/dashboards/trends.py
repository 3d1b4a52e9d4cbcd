"""Many metrics by period, asked in as few queries as their numbers allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from steelyard.dashboards.trend import Trend, trends_of
from steelyard.errors import SteelyardError
from steelyard.metrics import MetricCatalog, query
from steelyard.warehouse import Warehouse

__all__ = ["Trends", "read_trends"]


@dataclass(kw_only=True)
class Trends:
    """What came back.

    Args:
        found: Metric -> its trend.
        failed: Metric -> why it has no number.
        through: The last local day that a fact has; None where none has a time.
    """

    found: dict[str, Trend] = field(default_factory=dict)
    failed: dict[str, SteelyardError] = field(default_factory=dict)
    through: date | None = None


def read_trends(
    catalog: MetricCatalog, warehouse: Warehouse, together: Sequence[str], apart: Iterable[str] = (), *, grain: str
) -> Trends:
    """Metrics by period.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        together: Metrics that are compared with each other: one query, so that all have the same whole periods.
        apart: Others: one query for those of the same facts, so that no fact that ends early cuts another short.
        grain: The period.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in apart:
        if name not in together:
            groups.setdefault(catalog.facts(name), []).append(name)
    found = Trends()
    for names in [list(together), *groups.values()]:
        if names:
            _ask(found, catalog, warehouse, names, grain)
    return found


def _ask(found: Trends, catalog: MetricCatalog, warehouse: Warehouse, names: list[str], grain: str) -> None:
    """All of them at once; each alone where that has no answer, so that one does not take the others with it."""
    try:
        answer = query(catalog, warehouse, names, by=(grain,))
    except SteelyardError as error:
        if len(names) == 1:
            found.failed[names[0]] = error
        for name in names if len(names) > 1 else ():
            _ask(found, catalog, warehouse, [name], grain)
        return
    found.found.update(trends_of(answer))
    days = [date.fromisoformat(fact.last) for fact in answer.how.facts if fact.last]
    found.through = max([*days, *([found.through] if found.through else [])], default=None)
