"""Metrics: every governed metric, with who answers for it and what it is of."""

from __future__ import annotations

from steelyard.document import Block, Callout, Column, Heading, Link, Table
from steelyard.web.page import Page, address
from steelyard.web.pages.problems import problem_callouts
from steelyard.web.view import View

__all__ = ["metrics"]

BETTER = {"up": "▲ up", "down": "▼ down", "": "–"}


def metrics(view: View) -> Page:
    """The list of metrics."""
    catalog = view.project.definitions.metrics
    rows = [
        (
            Link(metric.name, address("metrics", metric.name)),
            metric.question or metric.description,
            metric.kind,
            metric.measured_in or "–",
            BETTER[metric.better],
            metric.owner or "–",
        )
        for metric in catalog.metrics.values()
    ]
    columns = [
        Column("metric"),
        Column("question"),
        Column("kind"),
        Column("measured_in"),
        Column("better"),
        Column("owner"),
    ]
    empty = Callout("note", "No metric is defined yet", "Files under metrics/ define them.")
    trees: list[Block] = [
        Table(
            ["metric", "is"],
            [(Link(name, address("metrics", name)), tree.text) for name, tree in catalog.trees.items()],
            caption="Trees",
        )
    ]
    blocks: list[Block] = [
        *problem_callouts(catalog.problems, view.project.folder),
        Table(columns, rows) if rows else empty,
        *(trees if catalog.trees else []),
    ]
    data = {
        "metrics": {
            name: {**metric.definition(), "digest": catalog.digest(name)} for name, metric in catalog.metrics.items()
        },
        "trees": {name: tree.text for name, tree in catalog.trees.items()},
    }
    return Page(title="Metrics", section="Metrics", lead=[Heading("Metrics", 1)], blocks=blocks, data=data)
