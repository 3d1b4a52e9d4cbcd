"""One metric: its trend, its breakdown by a dimension, and how the number was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from steelyard.dashboards import Trend, breakdown_blocks, trend_blocks, trend_of
from steelyard.document import Block, Callout, Heading, Link, Paragraph, Section
from steelyard.errors import DefinitionError
from steelyard.metrics import Metric, MetricTable, query
from steelyard.metrics.audit import audited_table
from steelyard.project.kept_versions import StoreVersions
from steelyard.web.page import Choice, Choices, Controls, Crumb, Input, Page, address
from steelyard.web.pages.explain import default_ranges, period_end
from steelyard.web.view import View

__all__ = ["metric"]

Grain = Literal["day", "week", "month"]
GRAINS: tuple[Grain, ...] = ("day", "week", "month")


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What the page shows."""

    name: str
    grain: Grain
    by: str
    where: str
    since: date | None
    until: date | None
    as_of: int | None

    def href(self) -> str:
        asked = {"by": self.by, "where": self.where, "as_of": self.as_of}
        dates = {name: day.isoformat() if day else "" for name, day in (("since", self.since), ("until", self.until))}
        return address("metrics", self.name, grain=self.grain, **asked, **dates)


def metric(view: View) -> Page:
    """One metric."""
    wanted = _wanted(view)
    catalog = view.project.definitions.metrics
    found = catalog.metric(wanted.name, where="/metrics")
    dimensions = catalog.dimensions(wanted.name)
    trend, breakdown, answer = _answers(view, wanted)
    blocks: list[Block] = [
        *trend_blocks(trend),
        *_notes(answer),
        *_why(wanted.name, trend),
        *_broken_down(breakdown, wanted),
        Heading("How this number was made", 2, id="how"),
        Section("Definition, tables, versions and SQL", answer.how.blocks(), open=False),
        *_same_view(view, wanted, trend),
    ]
    return Page(
        title=wanted.name,
        section="Metrics",
        crumbs=[Crumb(text="Metrics", href="/metrics")],
        lead=[Heading(wanted.name.replace("_", " ").capitalize(), 1), *_says(found)],
        controls=_controls(wanted, dimensions),
        blocks=blocks,
        data={
            "metric": found.definition(),
            "digest": catalog.digest(wanted.name),
            "dimensions": dimensions,
            "grain": wanted.grain,
            "trend": [{"period": day, "value": value} for day, value in zip(trend.periods, trend.values, strict=True)],
            "partial": trend.partial,
            "change": trend.change,
            "by": wanted.by or None,
            "breakdown": breakdown.rows() if breakdown else None,
            "notes": answer.notes,
            "how": answer.how.to_dict(),
        },
    )


def _wanted(view: View) -> _Wanted:
    asked = view.asked
    since, until = asked.day("since"), asked.day("until")
    if since and until and since > until:
        hint = "give the earlier date first"
        raise DefinitionError(f"the range ends on {until} before it begins on {since}", where="?until", hint=hint)
    if asked.number("as_of") is not None and not view.project.embedded:
        problem = f"the target {view.project.target_name!r} keeps no versions"
        raise DefinitionError(problem, where="?as_of", hint="leave it out to see the data as it is now")
    return _Wanted(
        name=view.names["name"],
        grain=asked.one_of("grain", GRAINS, _usual_grain(view)),
        by=asked.text("by"),
        where=asked.text("where"),
        since=since,
        until=until,
        as_of=asked.number("as_of"),
    )


def _usual_grain(view: View) -> Grain:
    """Weeks; months for what is aimed at by the month, which no week has."""
    found = view.project.definitions.metrics.metrics.get(view.names["name"])
    target = found.target if found is not None else None
    return "month" if target is not None and target.grain in ("month", "quarter", "year") else "week"


def _answers(view: View, wanted: _Wanted) -> tuple[Trend, MetricTable | None, MetricTable]:
    catalog = view.project.definitions.metrics
    limits = {"where": wanted.where or None, "since": wanted.since, "until": wanted.until}
    project = view.project
    number = wanted.as_of if wanted.as_of is not None or not project.embedded else project.store.snapshot().number
    with view.warehouse(number) as warehouse:
        answer = query(catalog, warehouse, [wanted.name], by=(wanted.grain,), **limits)  # type: ignore[arg-type]
        parts = query(catalog, warehouse, [wanted.name], by=(wanted.by,), **limits) if wanted.by else None  # type: ignore[arg-type]
    if number is not None:
        answer = audited_table(answer, catalog, StoreVersions(project.store, number))
    return trend_of(answer, wanted.name), parts, answer


def _says(found: Metric) -> list[Block]:
    says = [text for text in (found.question, found.description) if text]
    return [Paragraph(" ".join(says))] if says else []


def _controls(wanted: _Wanted, dimensions: Sequence[str]) -> Controls:
    grains = [
        Choice(text=grain.capitalize(), href=replace(wanted, grain=grain).href(), current=grain == wanted.grain)
        for grain in GRAINS
    ]
    carried = [Input(name="grain", value=wanted.grain, kind="hidden")]
    if wanted.as_of is not None:
        carried.append(Input(name="as_of", value=str(wanted.as_of), kind="hidden"))
    return Controls(
        label="What is shown",
        action=address("metrics", wanted.name),
        choices=[Choices(label="Grain", items=grains)],
        inputs=[
            *carried,
            Input(
                name="by",
                label="Broken down by",
                value=wanted.by,
                kind="select",
                options=[("", "nothing"), *((item, item.replace("_", " ")) for item in dimensions)],
            ),
            Input(name="since", label="Since", value=wanted.since.isoformat() if wanted.since else "", kind="date"),
            Input(name="until", label="Until", value=wanted.until.isoformat() if wanted.until else "", kind="date"),
            Input(name="where", label="Only where", value=wanted.where, hint=_example(dimensions)),
        ],
    )


def _example(dimensions: Sequence[str]) -> str:
    return f"such as {dimensions[0]} = 'value'" if dimensions else ""


def _broken_down(answer: MetricTable | None, wanted: _Wanted) -> list[Block]:
    if answer is None:
        return []
    return [
        Heading(f"By {wanted.by.replace('_', ' ')}", 2, id="breakdown"),
        *breakdown_blocks(answer, wanted.name, wanted.by),
    ]


def _notes(answer: MetricTable) -> list[Block]:
    return [Callout("note", "What to know of these numbers", "\n".join(answer.notes))] if answer.notes else []


def _why(name: str, trend: Trend) -> list[Block]:
    ranges = default_ranges(trend)
    if ranges is None:
        return []
    before, after = (f"{first}..{last}" for first, last in ranges)
    says = f"Why did it move between the last two whole {trend.grain}s?"
    return [Paragraph([Link(says, address("metrics", name, "explain", before=before, after=after))])]


def _same_view(view: View, wanted: _Wanted, trend: Trend) -> list[Block]:
    """A link that shows the same numbers later: the dates and the catalog version are written into it."""
    if not trend.periods:
        return []
    number = wanted.as_of
    if number is None and view.project.embedded:
        number = view.project.store.snapshot().number
    ends = replace(wanted, as_of=number, since=wanted.since or trend.periods[0], until=wanted.until or _end(trend))
    says = (
        " It names the dates and the catalog version, so that later data does not change it."
        if number is not None
        else ""
    )
    return [Paragraph([Link("A link to exactly these numbers", ends.href()), ".", says])]


def _end(trend: Trend) -> date:
    return period_end(trend.periods[-1], trend.grain)
