"""Which metrics the first page shows: the one of the whole, its drivers, and what must not suffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.metrics import MetricCatalog

__all__ = ["Health", "health_of"]

MOST_DRIVERS = 12


@dataclass(frozen=True, kw_only=True)
class Health:
    """The metrics of the first page.

    Args:
        headline: The metric that comes first.
        drivers: What its tree takes it apart into, and what theirs do; nothing where it has no tree.
        guardrails: What must not get worse meanwhile.
    """

    headline: str
    drivers: tuple[str, ...] = ()
    guardrails: tuple[str, ...] = ()


def health_of(
    catalog: MetricCatalog, *, headline: str = "", guardrails: Sequence[str] = (), guarded: Sequence[str] = ()
) -> Health | None:
    """The metrics of the first page; None where none is defined.

    Args:
        catalog: The definitions.
        headline: The metric that comes first, as the settings say; empty takes the root of a tree that is no part of
            another, or the first metric.
        guardrails: As the settings say; what is no metric is left out, for it is told as a problem elsewhere.
        guarded: What stands for them where the settings say nothing: the metrics that studies guard.

    >>> from steelyard.metrics import Metric
    >>> from steelyard.warehouse import TableDeclaration
    >>> catalog = MetricCatalog.of(
    ...     metrics=[Metric(name=name, count="visits") for name in ("visits", "rate", "orders")],
    ...     tables=[TableDeclaration(name="visits", key=("id",))],
    ...     trees={"orders": "visits * rate"},
    ... )
    >>> health_of(catalog, guarded=("rate",))
    Health(headline='orders', drivers=('visits', 'rate'), guardrails=())
    """
    if not catalog.metrics:
        return None
    first = headline if headline in catalog.metrics else _root(catalog)
    drivers = _drivers(catalog, first)
    named = dict.fromkeys(guardrails or guarded)
    kept = tuple(name for name in named if name in catalog.metrics and name != first and name not in drivers)
    return Health(headline=first, drivers=drivers, guardrails=kept)


def _root(catalog: MetricCatalog) -> str:
    """The first tree's metric that no other tree has as a part; the first metric where there is no tree."""
    parts = {branch.metric for tree in catalog.trees.values() for branch in tree.branches}
    roots = [name for name in catalog.trees if name not in parts]
    return next(iter([*roots, *catalog.trees, *catalog.metrics]))


def _drivers(catalog: MetricCatalog, name: str) -> tuple[str, ...]:
    """Every metric below, the nearest first."""
    found: dict[str, None] = {}
    level = [name]
    while level:
        parts = [branch.metric for item in level if item in catalog.trees for branch in catalog.trees[item].branches]
        level = [part for part in dict.fromkeys(parts) if part not in found and part != name]
        found.update(dict.fromkeys(level))
    return tuple(found)[:MOST_DRIVERS]
