"""One metric: how it stands, its trend with what happened, its parts, its spread, and how the number was made."""

from __future__ import annotations

from typing import Any

from steelyard.dashboards import (
    Happened,
    Trend,
    breakdown_blocks,
    distribution_blocks,
    expected_of,
    happened_table,
    in_range,
    last_day,
    narrowed,
    standing_figures,
    trend_chart,
    what_happened,
)
from steelyard.document import Block, Callout, Heading, Link, Paragraph, Section, can_draw_png
from steelyard.metrics import Metric, MetricTable
from steelyard.web.page import Crumb, Page, address
from steelyard.web.pages.metric_answers import Answers, metric_answers
from steelyard.web.pages.metric_asked import MetricAsked, metric_asked, targets
from steelyard.web.pages.metric_closer import closer_blocks
from steelyard.web.pages.metric_controls import metric_controls
from steelyard.web.pages.ranges import default_ranges, written
from steelyard.web.view import View

__all__ = ["metric"]


def metric(view: View) -> Page:
    """One metric."""
    catalog = view.project.definitions.metrics
    found = catalog.metric(view.names["name"], where="/metrics")
    asked = metric_asked(view)
    answers = metric_answers(view, asked)
    trend = answers.trend
    happened = _happened(view, asked, trend)
    blocks: list[Block] = [
        *_trend(view, asked, answers, happened),
        *_notes(answers.answer),
        *_links(asked, trend),
        *_what_happened(happened),
        *_broken_down(answers.parts, asked),
        *_spread(answers, found),
        *closer_blocks(view, asked),
        Heading("How this number was made", 2, id="how"),
        Section("Definition, history, tables, tests and SQL", answers.answer.how.blocks(), open=False),
        *_same_view(asked, answers),
    ]
    return Page(
        title=asked.name,
        section="Metrics",
        crumbs=[Crumb(text="Metrics", href="/metrics")],
        lead=[Heading(asked.name.replace("_", " ").capitalize(), 1), *_says(found)],
        controls=metric_controls(asked, catalog.dimensions(asked.name), targets(view)),
        blocks=blocks,
        data=_data(view, asked, answers, happened),
        table=answers.parts.table if answers.parts is not None else answers.answer.table,
    )


def _says(found: Metric) -> list[Block]:
    says = [text for text in (found.question, found.description) if text]
    return [Paragraph(" ".join(says))] if says else []


def _trend(view: View, asked: MetricAsked, answers: Answers, happened: list[Happened]) -> list[Block]:
    """The figures and the line; the usual range and limits are of the whole, and not of a part of it."""
    catalog, trend = view.project.definitions.metrics, answers.trend
    expected = expected_of(trend, catalog.annotations)
    line = trend_chart(
        trend,
        expected=expected,
        compared=answers.compared,
        limits=_limits(view, asked),
        happened=happened,
    )
    if not trend.periods:
        return line
    return [*standing_figures(trend, expected), *line]


def _limits(view: View, asked: MetricAsked) -> list[tuple[str, float]]:
    """The fixed limits of alerts that watch just what is shown: the metric, its condition, its grain."""
    found = []
    for alert in view.project.definitions.metrics.alerts.values():
        if alert.metric == asked.name and alert.where == asked.where and alert.grain == asked.grain and not alert.by:
            for word, height in (("above", alert.above), ("below", alert.below)):
                if height is not None:
                    found.append((f"alert {word}", float(height)))
    return found


def _happened(view: View, asked: MetricAsked, trend: Trend) -> list[Happened]:
    if not trend.periods:
        return []
    catalog = view.project.definitions.metrics
    acts = view.project.stage_ledger.by_study()
    everything = what_happened(asked.name, catalog.annotations, acts, zone=view.project.settings.zone)
    return in_range(everything, trend.periods[0], last_day(trend.periods[-1], trend.grain))


def _what_happened(happened: list[Happened]) -> list[Block]:
    if not happened:
        return []
    table = happened_table(happened, lambda name: address("studies", name))
    return [Section("What happened in these days", [table], open=len(happened) <= 3)]


def _notes(answer: MetricTable) -> list[Block]:
    return [Callout("note", "What to know of these numbers", "\n".join(answer.notes))] if answer.notes else []


def _links(asked: MetricAsked, trend: Trend) -> list[Block]:
    """Where to go on from the trend."""
    if not trend.periods:
        return []
    ranges = default_ranges(trend)
    links: list[Any] = []
    if ranges is not None:
        why = asked.href(
            "explain", before=written(ranges[0]), after=written(ranges[1]), since="", until="", where="", as_of=""
        )
        links += [Link(f"Why did it move between the last two whole {trend.grain}s?", why), " · "]
    links.append(Link("Numbers as CSV", asked.href(format="csv")))
    links += [" · ", Link("Chart as PNG", asked.href(format="png"))] if can_draw_png() else []
    return [Paragraph(links)]


def _broken_down(answer: MetricTable | None, asked: MetricAsked) -> list[Block]:
    if answer is None:
        return []

    def only(group: Any) -> str:
        return asked.but(where=narrowed(asked.where, asked.by, group), by="").href()

    return [
        Heading(f"By {asked.by.replace('_', ' ')}", 2, id="breakdown"),
        Paragraph("A group's name shows it alone, and leads on from there."),
        *breakdown_blocks(answer, asked.name, asked.by, only=only),
    ]


def _spread(answers: Answers, found: Metric) -> list[Block]:
    if answers.spread is None:
        return []
    return [Heading("How its values are spread", 2, id="spread"), *distribution_blocks(answers.spread, found)]


def _same_view(asked: MetricAsked, answers: Answers) -> list[Block]:
    """A link that shows the same numbers later: the dates and the catalog version are written into it."""
    trend = answers.trend
    if not trend.periods:
        return []
    until = asked.until or last_day(trend.periods[-1], trend.grain)
    ends = asked.but(as_of=answers.number, since=asked.since or trend.periods[0], until=until)
    pinned = answers.number is not None
    says = " It names the dates and the catalog version, so that later data does not change it." if pinned else ""
    return [Paragraph([Link("A link to exactly these numbers", ends.href()), ".", says])]


def _data(view: View, asked: MetricAsked, answers: Answers, happened: list[Happened]) -> dict[str, Any]:
    catalog, trend = view.project.definitions.metrics, answers.trend
    expected = expected_of(trend, catalog.annotations)
    return {
        "metric": catalog.metric(asked.name).definition(),
        "digest": catalog.digest(asked.name),
        "dimensions": catalog.dimensions(asked.name),
        "grain": asked.grain,
        "trend": [{"period": day, "value": value} for day, value in zip(trend.periods, trend.values, strict=True)],
        "partial": trend.partial,
        "change": trend.change,
        "expected": expected,
        "compared": answers.compared,
        "happened": happened,
        "by": asked.by or None,
        "breakdown": answers.parts.rows() if answers.parts else None,
        "spread": answers.spread.to_dict() if answers.spread else None,
        "notes": answers.answer.notes,
        "how": answers.answer.how.to_dict(),
    }
