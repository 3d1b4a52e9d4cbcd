"""Whether what a dashboard names is there: metrics, dimensions, analyses, studies."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from steelyard.dashboards.dashboard import Dashboard, DashboardBlock
from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics import MetricCatalog
from steelyard.metrics.graph import DATE_GRAINS
from steelyard.metrics.product import Cohorts, Funnel

__all__ = ["check_dashboard"]


def check_dashboard(dashboard: Dashboard, catalog: MetricCatalog, studies: Collection[str]) -> Iterator[SteelyardError]:
    """Everything that is wrong with it, with file and line.

    Args:
        dashboard: What its file says.
        catalog: The metrics and analyses.
        studies: The names of the studies.
    """
    where = dashboard.defined_at
    named = [dashboard.headline, *dashboard.drivers, *dashboard.guardrails, dashboard.target]
    yield from _metrics(catalog, [name for name in named if name], where)
    for block in dashboard.blocks:
        yield from _block(block, catalog, studies)
    metrics = [name for name in dashboard.metrics() if name in catalog.metrics]
    for name in dashboard.filters:
        known = {item for metric in metrics for item in catalog.dimensions(metric)}
        if "." not in name and metrics and name not in known:
            yield unknown_name(f"dimension of the metrics of {dashboard.name!r}", name, known, where=where)


def _metrics(catalog: MetricCatalog, names: Collection[str], where: str) -> Iterator[SteelyardError]:
    for name in names:
        try:
            catalog.metric(name, where=where)
        except SteelyardError as error:
            yield error.at(where)


def _block(block: DashboardBlock, catalog: MetricCatalog, studies: Collection[str]) -> Iterator[SteelyardError]:
    where = block.defined_at
    metrics = [name for name in (block.metric, block.breakdown, *block.table, block.target) if name]
    yield from _metrics(catalog, metrics, where)
    for kind, cls in (("funnel", Funnel), ("cohort", Cohorts)):
        if block.kind == kind:
            known = [name for name, found in catalog.analyses.items() if isinstance(found, cls)]
            if block.of not in known:
                yield unknown_name(f"{kind} definition" if kind == "cohort" else kind, block.of, known, where=where)
    if block.study and block.study not in studies:
        yield unknown_name("study", block.study, studies, where=where)
    grains = [item for item in block.by if item in DATE_GRAINS]
    if grains and block.kind != "table":
        yield DefinitionError(f"a {block.kind} is by dimensions, and {grains[0]!r} is a period", where=where,
                              hint="the page's `grain:` says the period")  # fmt: skip
    for metric in metrics:
        if metric in catalog.metrics:
            known_dimensions = catalog.dimensions(metric)
            for item in block.by:
                if item not in (*DATE_GRAINS, "hour", *known_dimensions) and "." not in item:
                    yield unknown_name(f"dimension of {metric!r}", item, known_dimensions, where=where)
