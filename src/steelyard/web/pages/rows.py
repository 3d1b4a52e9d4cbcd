"""The very rows behind a metric's number."""

from __future__ import annotations

from dataclasses import replace

from steelyard.document import Block, Callout, Facts, Heading, Link, Paragraph, Section, Table
from steelyard.metrics.drill import Drill, drill
from steelyard.metrics.fact_rows import Side
from steelyard.web.page import Controls, Crumb, Input, Page, address
from steelyard.web.pages.metric_asked import MetricAsked, range_and_condition
from steelyard.web.view import View

__all__ = ["rows"]

SHOWN = 100
KEPT = 10_000
SIDES: tuple[Side, ...] = ("numerator", "denominator")


def rows(view: View) -> Page:
    """The rows that a number was made of, of one side where it is a ratio; sensitive columns are left out."""
    asked = range_and_condition(view)
    name = asked.name
    catalog = view.project.definitions.metrics
    catalog.metric(name, where="/metrics")
    side = view.asked.one_of("side", SIDES, SIDES[0]) if view.asked.text("side") else None
    number = asked.as_of if asked.as_of is not None else view.project.newest
    with view.warehouse(number) as warehouse:
        found = drill(catalog, warehouse, name, side=side, limit=KEPT, **asked.limits)
    said = name.replace("_", " ")
    return Page(
        title="Rows",
        section="Metrics",
        crumbs=[Crumb(text="Metrics", href="/metrics"), Crumb(text=name, href=asked.href(grain="", by=""))],
        lead=[Heading(f"The rows behind {f'the {side} of ' if side else ''}{said}", 1)],
        controls=_controls(asked, side or ""),
        blocks=_blocks(found, asked, side or ""),
        data=replace(found, table=found.table.slice(0, SHOWN)).to_dict(),
        table=found.table,
    )


def _controls(asked: MetricAsked, side: str) -> Controls:
    carried = {"side": side, "as_of": "" if asked.as_of is None else str(asked.as_of)}
    return Controls(
        label="Which rows",
        action=address("metrics", asked.name, "rows"),
        inputs=[
            *(Input(name=name, value=value, kind="hidden") for name, value in carried.items() if value),
            Input(name="since", label="Since", value=asked.since.isoformat() if asked.since else "", kind="date"),
            Input(name="until", label="Until", value=asked.until.isoformat() if asked.until else "", kind="date"),
            Input(name="where", label="Only where", value=asked.where),
        ],
    )


def _blocks(found: Drill, asked: MetricAsked, side: str) -> list[Block]:
    shown = replace(found, table=found.table.slice(0, SHOWN)).blocks()
    kept = [block for block in shown if not isinstance(block, Heading)]
    facts = [block for block in kept if isinstance(block, Facts)]
    csv = asked.href("rows", side=side, format="csv")
    first = min(found.rows, KEPT)
    says = f"The first {SHOWN} of {found.rows:,} rows are shown; " if found.rows > SHOWN else ""
    download = Link(f"{first:,} rows as CSV", csv)
    rest = [block for block in kept if isinstance(block, Callout | Table | Section)]
    if not found.rows:
        return [*facts, Callout("note", "No rows", "Nothing was counted in this range.")]
    return [*facts, Paragraph([says, download, "."]), *rest]
