"""A product analysis that the project defines: a funnel, cohorts, a lifecycle, an attribution, paths, sessions."""

from __future__ import annotations

from steelyard.document import Block, Heading, Paragraph
from steelyard.errors import unknown_name
from steelyard.metrics.product import analyse
from steelyard.metrics.product.analyses import ANALYSES
from steelyard.web.page import Controls, Crumb, Input, Page, address
from steelyard.web.pages.metric_asked import MetricAsked, range_and_condition
from steelyard.web.view import View

__all__ = ["analysis"]


def analysis(view: View) -> Page:
    """One analysis, of a range of days and a condition."""
    asked = range_and_condition(view)
    name, catalog = asked.name, view.project.definitions.metrics
    if name not in catalog.analyses:
        raise catalog.broken[name] if name in catalog.broken else unknown_name("analysis", name, catalog.analyses)
    defined = catalog.analyses[name]
    by = tuple(part.strip() for part in asked.by.split(",") if part.strip())
    with view.warehouse(asked.as_of if asked.as_of is not None else view.project.newest) as warehouse:
        found = analyse(catalog, warehouse, name, by=by, **asked.limits)
    kind = next(kind.name for kind in ANALYSES.values() if isinstance(defined, kind.definition))
    lead: list[Block] = [Heading(f"{name.replace('_', ' ').capitalize()}: {kind}", 1)]
    return Page(
        title=name,
        section="Metrics",
        crumbs=[Crumb(text="Metrics", href="/metrics")],
        lead=[*lead, *([Paragraph(defined.question)] if defined.question else [])],
        controls=_controls(asked),
        blocks=found.blocks(),
        data=found.to_dict(),
        table=found.table,
    )


def _controls(asked: MetricAsked) -> Controls:
    as_of = [] if asked.as_of is None else [Input(name="as_of", value=str(asked.as_of), kind="hidden")]
    return Controls(
        label="What is shown",
        action=address("analyses", asked.name),
        inputs=[
            *as_of,
            Input(name="by", label="Broken down by", value=asked.by),
            Input(name="since", label="Since", value=asked.since.isoformat() if asked.since else "", kind="date"),
            Input(name="until", label="Until", value=asked.until.isoformat() if asked.until else "", kind="date"),
            Input(name="where", label="Only where", value=asked.where),
        ],
    )
