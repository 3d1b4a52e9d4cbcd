"""Where the page of a metric leads: its spread, its rows, and the cohorts and funnels of the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steelyard.document import Block, Heading, Items, Link
from steelyard.errors import SteelyardError
from steelyard.metrics.distribution import distribution_per
from steelyard.metrics.drill import row_sides
from steelyard.metrics.product.analyses import ANALYSES, analysis_tables
from steelyard.web.page import address
from steelyard.web.pages.metric_answers import ROWS
from steelyard.web.pages.metric_asked import MetricAsked
from steelyard.web.view import View

__all__ = ["closer_blocks"]


def closer_blocks(view: View, asked: MetricAsked) -> list[Block]:
    """Links, with the range and the condition carried on; nothing where there are none."""
    items = [*_parts(view, asked), *_spreads(view, asked), *_rows(view, asked), *_analyses(view, asked)]
    return [Heading("Look closer", 2, id="closer"), Items(items)] if items else []


def _joined(before: str, links: list[Link]) -> list[Any]:
    found: list[Any] = [before]
    for number, link in enumerate(links):
        found += [" · " if number else "", link]
    return found


def _parts(view: View, asked: MetricAsked) -> Iterator[list[Any]]:
    dimensions = [name for name in view.project.definitions.metrics.dimensions(asked.name) if name != asked.by]
    if dimensions:
        links = [Link(name.replace("_", " "), f"{asked.but(by=name).href()}#breakdown") for name in dimensions]
        yield _joined("Broken down by ", links)


def _spreads(view: View, asked: MetricAsked) -> Iterator[list[Any]]:
    over = distribution_per(view.project.definitions.metrics, asked.name)
    if over:
        links = [
            Link(f"of each {per.replace('_', ' ') or 'row'}", f"{asked.but(spread=per or ROWS).href()}#spread")
            for per in over
        ]
        yield _joined("How its values are spread: ", links)


def _rows(view: View, asked: MetricAsked) -> Iterator[list[Any]]:
    """The rows that the last number was made of; of each side where it is a ratio."""
    catalog = view.project.definitions.metrics
    if catalog.smallest_group > 1:
        return  # the project shows no single rows
    try:
        sides = row_sides(catalog, asked.name)
    except SteelyardError:
        return  # its number is not made of rows alone, and the drill would say so
    links = [Link(side or "the very rows", asked.href("rows", side=side)) for side in sides]
    yield _joined("The rows behind it: ", links)


def _analyses(view: View, asked: MetricAsked) -> Iterator[list[Any]]:
    """The product analyses that read one of the metric's tables."""
    catalog = view.project.definitions.metrics
    facts = set(catalog.facts(asked.name))
    for name, analysis in catalog.analyses.items():
        if facts & set(analysis_tables(analysis)):
            kind = next(kind.name for kind in ANALYSES.values() if isinstance(analysis, kind.definition))
            dates = {
                key: day.isoformat() if day else "" for key, day in (("since", asked.since), ("until", asked.until))
            }
            link = Link(name.replace("_", " "), address("analyses", name, **dates))
            yield [f"{kind.capitalize()}: ", link, f". {analysis.question}" if analysis.question else ""]
