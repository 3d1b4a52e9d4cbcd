"""Explain: why a metric differs between two ranges of days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from steelyard.dashboards import Happened, Trend, last_day, trend_chart, trend_of, year_before
from steelyard.document import Block, Callout, Heading, Link, Paragraph
from steelyard.errors import SteelyardError
from steelyard.metrics import Explanation, query
from steelyard.metrics import explain as explained
from steelyard.metrics.calendar import period_start
from steelyard.project.changed import changed_meanings
from steelyard.project.running import running_studies
from steelyard.warehouse import Warehouse
from steelyard.web.asked import Range
from steelyard.web.page import Choice, Choices, Controls, Crumb, Input, Page, address
from steelyard.web.pages.ranges import default_ranges, written
from steelyard.web.view import View

__all__ = ["explain"]

AROUND = timedelta(days=28)
MOST_DAYS = 400


def explain(view: View) -> Page:
    """Why a metric moved; the last two whole months, or weeks where there are no two, if nothing else is asked."""
    name = view.names["name"]
    catalog = view.project.definitions.metrics
    catalog.metric(name, where="/metrics")
    before, after = view.asked.range("before"), view.asked.range("after")
    with view.warehouse() as warehouse:
        week = trend_of(query(catalog, warehouse, [name], by=("week",)), name)
        month = trend_of(query(catalog, warehouse, [name], by=("month",)), name)
        if before is None or after is None:
            guessed = default_ranges(month) or default_ranges(week)
            before, after = before or (guessed and guessed[0]), after or (guessed and guessed[1])
        found = _explained(view, warehouse, name, before, after) if before and after else None
        line = _line(view, warehouse, name, before, after) if before and after else []
    page = Page(
        title="Why it moved",
        section="Metrics",
        crumbs=[Crumb(text="Metrics", href="/metrics"), Crumb(text=name, href=address("metrics", name))],
        lead=[Heading(f"Why did {name.replace('_', ' ')} move?", 1)],
        controls=_controls(name, before, after, _presets(week, month)),
    )
    if found is None:
        says = "Give two ranges of days: there are no two whole weeks to compare."
        return replace(
            page, blocks=[Callout("note", "Nothing to compare yet", says)], data={"before": before, "after": after}
        )
    blocks = found.blocks()
    return replace(page, blocks=[*blocks[:1], *line, *blocks[1:], *_on(name, found)], data=found.to_dict())


def _explained(view: View, warehouse: Warehouse, name: str, before: Range, after: Range) -> Explanation:
    """With the project's experiments that ran in those days beside it, and definitions that changed."""
    answered = [entry.name for entry in view.project.ledger.entries(kind="result")]
    definitions = view.project.definitions
    ran = running_studies(definitions.studies, name, answered)
    changed = changed_meanings(view.project, name, (before, after))
    metrics = definitions.metrics
    said = metrics.annotations
    return explained(
        metrics, warehouse, name, before=before, after=after, annotations=said, happenings=[*ran, *changed]
    )


def _line(view: View, warehouse: Warehouse, name: str, before: Range, after: Range) -> list[Block]:
    """The metric by day around both ranges, with the ranges marked; nothing where it cannot be asked by day."""
    since, until = min(before[0], after[0]) - AROUND, max(before[1], after[1]) + AROUND
    grain = "day" if (until - since).days <= MOST_DAYS else "week"
    try:
        answer = query(view.project.definitions.metrics, warehouse, [name], by=(grain,), since=since, until=until)
    except SteelyardError:
        return []  # a target of a month has no days; the explanation stands without the line
    marked = [
        Happened(at=days[0], until=days[1], says=says, kind="other")
        for says, days in (("before", before), ("after", after))
    ]
    return trend_chart(trend_of(answer, name), happened=marked)


def _presets(week: Trend, month: Trend) -> list[tuple[str, Range, Range]]:
    """The comparisons that people ask for most, of periods that are there."""
    found: list[tuple[str, Range, Range]] = []
    for trend, last in ((week, "Last week"), (month, "Last month")):
        if not trend.whole:
            continue
        day = trend.whole[-1][0]
        after = (day, last_day(day, trend.grain))
        if len(trend.whole) > 1:
            found.append((f"{last}, the {trend.grain} before", _period(trend.whole[-2][0], trend.grain), after))
        earlier = year_before(day, trend.grain)
        if trend.at(earlier) is not None:
            found.append((f"{last}, a year before", _period(earlier, trend.grain), after))
    return found + _quarter(month)


def _period(day: date, grain: str) -> Range:
    return day, last_day(day, grain)


def _quarter(month: Trend) -> list[tuple[str, Range, Range]]:
    """The last whole quarter against the one before, where all their months are whole."""
    whole = {day for day, _ in month.whole}
    ends = [day for day, _ in month.whole if day.month % 3 == 0]
    if not ends:
        return []
    after = (period_start(ends[-1], "quarter"), last_day(ends[-1], "month"))
    before = (period_start(after[0] - timedelta(days=1), "quarter"), after[0] - timedelta(days=1))
    months = {before[0], period_start(before[0] + timedelta(days=32), "month"), after[0]}
    return [("Last quarter, the quarter before", before, after)] if months <= whole else []


def _controls(
    name: str, before: Range | None, after: Range | None, presets: Sequence[tuple[str, Range, Range]]
) -> Controls:
    hint = "first and last day, as 2026-07-01..2026-09-30"
    items = [
        Choice(
            text=text,
            href=address("metrics", name, "explain", before=written(old), after=written(new)),
            current=(old, new) == (before, after),
        )
        for text, old, new in presets
    ]
    return Controls(
        label="What is compared",
        action=address("metrics", name, "explain"),
        choices=[Choices(label="Comparisons", items=items)] if items else [],
        inputs=[
            Input(name="before", label="Before", value=written(before), hint=hint),
            Input(name="after", label="After", value=written(after), hint=hint),
        ],
        submit="Explain",
    )


def _on(name: str, found: Explanation) -> list[Block]:
    """The metric in both ranges."""
    since, until = min(found.before_range[0], found.after_range[0]), max(found.before_range[1], found.after_range[1])
    grain = "day" if (until - since).days < 100 else "week"
    href = address("metrics", name, grain=grain, since=str(since), until=str(until))
    return [Paragraph([Link(f"{name.replace('_', ' ').capitalize()} in these days", href)])]
