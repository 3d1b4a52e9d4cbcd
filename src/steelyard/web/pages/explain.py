"""Explain: why a metric differs between two ranges of days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from steelyard.dashboards import Trend, trend_of
from steelyard.document import Callout, Heading
from steelyard.metrics import Explanation, query
from steelyard.metrics import explain as explained
from steelyard.project.running import running_studies
from steelyard.warehouse import Warehouse
from steelyard.web.asked import Range
from steelyard.web.page import Controls, Crumb, Input, Page, address
from steelyard.web.view import View

__all__ = ["default_ranges", "explain", "period_end"]


def explain(view: View) -> Page:
    """Why a metric moved; the last two whole months, or weeks where there are no two, if nothing else is asked."""
    name = view.names["name"]
    catalog = view.project.definitions.metrics
    catalog.metric(name, where="/metrics")
    before, after = view.asked.range("before"), view.asked.range("after")
    with view.warehouse() as warehouse:
        if before is None or after is None:
            guessed = _guess(view, warehouse, name)
            before, after = before or (guessed and guessed[0]), after or (guessed and guessed[1])
        found = _explained(view, warehouse, name, before, after) if before and after else None
    page = Page(
        title="Why it moved",
        section="Metrics",
        crumbs=[Crumb(text="Metrics", href="/metrics"), Crumb(text=name, href=address("metrics", name))],
        lead=[Heading(f"Why did {name.replace('_', ' ')} move?", 1)],
        controls=_controls(name, before, after),
    )
    if found is None:
        says = "Give two ranges of days: there are no two whole weeks to compare."
        return replace(
            page, blocks=[Callout("note", "Nothing to compare yet", says)], data={"before": before, "after": after}
        )
    blocks = [block for block in found.blocks() if not (isinstance(block, Heading) and block.level == 1)]
    return replace(page, blocks=blocks, data=found.to_dict())


def _explained(view: View, warehouse: Warehouse, name: str, before: Range, after: Range) -> Explanation:
    """With the project's experiments that ran in those days beside it."""
    answered = [entry.name for entry in view.project.ledger.entries(kind="result")]
    definitions = view.project.definitions
    ran = running_studies(definitions.studies, name, answered)
    metrics = definitions.metrics
    said = metrics.annotations
    return explained(metrics, warehouse, name, before=before, after=after, annotations=said, happenings=ran)


def _controls(name: str, before: Range | None, after: Range | None) -> Controls:
    hint = "first and last day, as 2026-07-01..2026-09-30"
    return Controls(
        label="What is compared",
        action=address("metrics", name, "explain"),
        inputs=[
            Input(name="before", label="Before", value=_written(before), hint=hint),
            Input(name="after", label="After", value=_written(after), hint=hint),
        ],
        submit="Explain",
    )


def _written(days: Range | None) -> str:
    return f"{days[0]}..{days[1]}" if days else ""


def _guess(view: View, warehouse: Warehouse, name: str) -> tuple[Range, Range] | None:
    catalog = view.project.definitions.metrics
    for grain in ("month", "week"):
        ranges = default_ranges(trend_of(query(catalog, warehouse, [name], by=(grain,)), name))
        if ranges is not None:
            return ranges
    return None


def default_ranges(trend: Trend) -> tuple[Range, Range] | None:
    """The last two whole periods as ranges of days; None where there are no two."""
    days = [day for day, _ in trend.whole[-2:]]
    if len(days) < 2:
        return None
    before, after = ((day, period_end(day, trend.grain)) for day in days)
    return before, after


def period_end(first: date, grain: str) -> date:
    """The last day of the period that begins on a day.

    >>> period_end(date(2024, 2, 1), "month"), period_end(date(2024, 2, 26), "week")
    (datetime.date(2024, 2, 29), datetime.date(2024, 3, 3))
    """
    if grain == "month":
        return (first.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return first + timedelta(days={"week": 6}.get(grain, 0))
