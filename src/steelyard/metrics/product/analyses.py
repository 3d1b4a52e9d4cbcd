"""The kinds of product analysis: the section of YAML that each has, what it is made of, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from steelyard.errors import unknown_name
from steelyard.metrics.product.cohorts import Cohorts
from steelyard.metrics.product.funnel import Funnel
from steelyard.metrics.product.lifecycle import Lifecycle
from steelyard.metrics.product.paths import Paths
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.run_attribution import run_attribution
from steelyard.metrics.product.run_cohorts import run_cohorts
from steelyard.metrics.product.run_funnel import run_funnel
from steelyard.metrics.product.run_lifecycle import run_lifecycle
from steelyard.metrics.product.run_paths import run_paths
from steelyard.metrics.product.run_sessions import run_sessions
from steelyard.metrics.product.sessions import Sessions
from steelyard.metrics.product.touch_attribution import TouchAttribution

if TYPE_CHECKING:
    from steelyard.metrics.catalog import MetricCatalog
    from steelyard.warehouse import Warehouse

__all__ = ["ANALYSES", "Analysis", "AnalysisKind", "analyse", "analysis_tables"]

Analysis = Funnel | Sessions | Cohorts | Lifecycle | TouchAttribution | Paths


@dataclass(frozen=True)
class AnalysisKind:
    """One kind of product analysis.

    Args:
        name: What one is called.
        definition: Its class; its fields are the keys of its YAML.
        run: Answers it.
        takes: What it can be told beside groups, a condition and dates.
    """

    name: str
    definition: type[Any]
    run: Callable[..., ProductTable]
    takes: tuple[str, ...] = ()


ANALYSES: Mapping[str, AnalysisKind] = {
    "funnels": AnalysisKind("funnel", Funnel, run_funnel),
    "sessions": AnalysisKind("sessions", Sessions, run_sessions),
    "cohorts": AnalysisKind("cohorts", Cohorts, run_cohorts, ("complete_through",)),
    "lifecycles": AnalysisKind("lifecycle", Lifecycle, run_lifecycle, ("complete_through",)),
    "attributions": AnalysisKind("attribution", TouchAttribution, run_attribution),
    "paths": AnalysisKind("paths", Paths, run_paths, ("top",)),
}
"""Section of YAML -> its kind."""


def analyse(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    name: str,
    *,
    by: tuple[str, ...] = (),
    where: str | None = None,
    since: date | None = None,
    until: date | None = None,
    **more: Any,
) -> ProductTable:
    """The answer to a product analysis that the catalog defines.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        name: Of a funnel, cohorts, lifecycle, attribution, paths or sessions.
        by: Dimensions.
        where: A condition on dimensions.
        since: First local date.
        until: Last local date.
        more: `complete_through` of cohorts and a lifecycle, `top` of paths.

    Raises:
        UnknownNameError: There is none of that name, or it cannot be told that.
    """
    if name not in catalog.analyses:
        raise unknown_name("analysis", name, catalog.analyses)
    found = catalog.analyses[name]
    kind = next(kind for kind in ANALYSES.values() if isinstance(found, kind.definition))
    given = {key: value for key, value in more.items() if value is not None}
    for key in given:
        if key not in kind.takes:
            raise unknown_name(f"option of {kind.name} {name!r}", key, ("by", "where", "since", "until", *kind.takes))
    return kind.run(catalog, warehouse, found, by=by, where=where, since=since, until=until, **given)


def analysis_tables(analysis: Analysis) -> tuple[str, ...]:
    """The tables whose rows are the events of an analysis.

    >>> from steelyard.metrics.product.events import EventRows
    >>> analysis_tables(Cohorts(name="back", start=EventRows(table="signups"), activity=EventRows(table="visits")))
    ('signups', 'visits')
    """
    return tuple(dict.fromkeys(_tables_of(analysis)))


def _tables_of(part: Any) -> Iterator[str]:
    if isinstance(part, tuple):
        for item in part:
            yield from _tables_of(item)
    elif is_dataclass(part):
        if isinstance(named := getattr(part, "table", None), str) and named:
            yield named
        for field in fields(part):
            yield from _tables_of(getattr(part, field.name))
