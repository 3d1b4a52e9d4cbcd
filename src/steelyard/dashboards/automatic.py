"""The dashboard of a project that has none: made from its trees, alerts, analyses and studies."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from steelyard.dashboards.dashboard import Dashboard, DashboardBlock
from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import Cohorts, Funnel

__all__ = ["OVERVIEW", "automatic_dashboards"]

OVERVIEW = "overview"
MOST_BREAKDOWNS, MOST_REST, MOST_FILTERS = 2, 6, 3


def automatic_dashboards(catalog: MetricCatalog, studies: Collection[str]) -> dict[str, Dashboard]:
    """An overview, and one page for each owner where several people answer for metrics; none without a metric.

    Args:
        catalog: The metrics.
        studies: The names of the studies.
    """
    names = [name for name, metric in catalog.metrics.items() if metric.kind != "target"]
    if not names:
        return {}
    found = {OVERVIEW: _page(catalog, OVERVIEW, "Overview", names, studies)}
    owners = dict.fromkeys(catalog.metrics[name].owner for name in names)
    if len(owners) > 1:
        for number, owner in enumerate(filter(None, owners), 1):
            own = [name for name in names if catalog.metrics[name].owner == owner]
            title = f"The metrics of {owner}"
            found[f"owner-{number}"] = _page(catalog, f"owner-{number}", title, own, (), owner=owner)
    return found


def _page(
    catalog: MetricCatalog, name: str, title: str, names: list[str], studies: Collection[str], *, owner: str = ""
) -> Dashboard:
    headline = _headline(catalog, names)
    tree = catalog.trees.get(headline)
    drivers = tuple(dict.fromkeys(branch.metric for branch in tree.branches)) if tree else ()
    watched = dict.fromkeys(alert.metric for alert in catalog.alerts.values() if alert.metric in names)
    guardrails = tuple(item for item in watched if item != headline and item not in drivers)
    rest = [item for item in names if item not in (headline, *drivers, *guardrails)]
    dimensions = catalog.dimensions(headline)
    blocks = [
        *(DashboardBlock(breakdown=headline, by=(item,)) for item in dimensions[:MOST_BREAKDOWNS]),
        *(DashboardBlock(metric=item) for item in rest[:MOST_REST]),
        *(_analyses(catalog) if not owner else ()),
        *(DashboardBlock(study=item) for item in studies),
    ]
    return Dashboard(
        name=name,
        title=title,
        owner=owner,
        question=catalog.metrics[headline].question,
        headline=headline,
        drivers=drivers,
        guardrails=guardrails,
        filters=dimensions[:MOST_FILTERS],
        blocks=tuple(blocks),
    )


def _headline(catalog: MetricCatalog, names: list[str]) -> str:
    """The first metric that a tree takes apart and that is no part of another; else the first of all."""
    parts = {branch.metric for tree in catalog.trees.values() for branch in tree.branches}
    roots = [name for name in catalog.trees if name in names]
    return next((name for name in roots if name not in parts), roots[0] if roots else names[0])


def _analyses(catalog: MetricCatalog) -> Iterator[DashboardBlock]:
    for name, found in catalog.analyses.items():
        if isinstance(found, Funnel):
            yield DashboardBlock(funnel=name)
        elif isinstance(found, Cohorts):
            yield DashboardBlock(cohort=name)
