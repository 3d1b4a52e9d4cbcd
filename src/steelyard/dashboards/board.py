"""A dashboard as a page: one headline, its drivers, its guardrails, then the detail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any

from steelyard.dashboards.answers import Answers
from steelyard.dashboards.board_blocks import draw_block
from steelyard.dashboards.board_line import numbers_of
from steelyard.dashboards.dashboard import Dashboard, DashboardBlock
from steelyard.dashboards.filters import Filters, said
from steelyard.dashboards.narrowed_page import Drawn, Href, NarrowedPage, nowhere
from steelyard.dashboards.tile import tile
from steelyard.dashboards.trend import Trend
from steelyard.document import (
    Block,
    Callout,
    Chart,
    CodeBlock,
    Facts,
    Figure,
    Grid,
    Heading,
    Inline,
    Link,
    Paragraph,
    Section,
    Shown,
    to_html_page,
)
from steelyard.errors import SteelyardError

__all__ = ["Board", "draw_board"]


@dataclass(frozen=True, kw_only=True)
class Board(Shown):
    """A dashboard with its answers.

    Args:
        dashboard: What its file says.
        shown: What the page is narrowed to.
        lead: The title, and what the page answers.
        body: Everything below.
        values: Filter -> the values that it has, as text, the largest first.
        data: The same for a program.
    """

    dashboard: Dashboard
    shown: Filters
    lead: Sequence[Block]
    body: Sequence[Block]
    values: Mapping[str, Sequence[str]]
    data: Mapping[str, Any]

    @property
    def made(self) -> Section:
        """How its numbers were made: every SELECT that was asked."""
        return Section("How these numbers were made", [CodeBlock(sql, "sql") for sql in self.data["sql"]], open=False)

    def blocks(self) -> list[Block]:
        """The whole page, with what it is narrowed to."""
        since, until = (day.isoformat() if day else "" for day in (self.shown.since, self.shown.until))
        dates = f"{since or 'the start'} to {until or 'the end'}" if since or until else "all"
        facts = [("by", self.shown.grain), ("dates", dates), *self.shown.only.items()]
        return [*self.lead, Facts(facts), *self.body]

    def to_html(self) -> str:
        """The page as one HTML file that stands alone."""
        return to_html_page(self.dashboard.heading, [*self.blocks(), self.made])

    def to_dict(self) -> dict[str, Any]:
        """The page as plain values."""
        from steelyard.canonical import plain

        return dict(plain(self.data))


def draw_board(dashboard: Dashboard, filters: Filters, answers: Answers, *, href: Href = nowhere) -> Board:
    """The page of a dashboard.

    A block that has no answer says why, and the others are shown all the same.

    Args:
        dashboard: What its file says.
        filters: What a reader narrows it to.
        answers: What is asked, of one version of the data.
        href: `metric`, `analysis` or `study`, and a name -> where it leads.

    Raises:
        UnknownNameError: A filter, or a value of one, is not there.
    """
    known = _known(dashboard, answers, filters.only)
    page = NarrowedPage(
        answers=answers,
        grain=filters.grain or dashboard.grain,
        written_grain=dashboard.grain,
        where=filters.condition(known),
        only=dict(filters.only),
        since=filters.since or (None if filters.until else dashboard.since),
        until=filters.until or (None if filters.since else dashboard.until),
        href=href,
    )
    page = replace(page, since=_since(dashboard, page))
    shown = Filters(grain=page.grain, since=page.since, until=page.until, only=page.only)  # type: ignore[arg-type]
    heads, head_data = _hierarchy(dashboard, page)
    details = [_or_why(block, page) for block in dashboard.blocks]
    return Board(
        dashboard=dashboard,
        shown=shown,
        lead=_lead(dashboard),
        body=[*heads, *_detail(details), *_notes(details)],
        values={name: [said(value) for value in values] for name, values in known.items()},
        data={
            "dashboard": dashboard.name,
            "grain": page.grain,
            "since": page.since,
            "until": page.until,
            "only": page.only,
            **head_data,
            "blocks": [
                {"kind": block.kind, "of": block.of, "title": drawn.title, **drawn.data}
                for block, drawn in zip(dashboard.blocks, details, strict=True)
            ],
            "sql": answers.sql(),
        },
    )


def _known(dashboard: Dashboard, answers: Answers, only: Mapping[str, str]) -> dict[str, list[Any]]:
    """The values of every filter; none of one that cannot be asked, which is an error only where it is chosen."""
    metrics = [name for name in dashboard.metrics() if name in answers.catalog.metrics]
    found: dict[str, list[Any]] = {}
    for name in dashboard.filters if metrics else ():
        try:
            found[name] = answers.values(name, metrics)
        except SteelyardError:
            if name in only:
                raise
            found[name] = []
    return found


def _since(dashboard: Dashboard, page: NarrowedPage) -> date | None:
    """The first day that is shown: of the last so many periods of the headline, where nobody says."""
    metrics = [name for name in dashboard.metrics() if name in page.answers.catalog.metrics]
    if page.since or page.until or not dashboard.periods or not metrics:
        return page.since
    trends = page.answers.trends(
        _together(dashboard) or metrics[:1], page.grain, where=page.where, since=None, until=None
    )
    trend = next((one for one in trends.values() if isinstance(one, Trend) and one.periods), None)
    return trend.periods[-dashboard.periods] if trend and len(trend.periods) > dashboard.periods else None


def _together(dashboard: Dashboard) -> list[str]:
    """The metrics of the page's head, which are asked together."""
    return [name for name in (dashboard.headline, *dashboard.drivers, *dashboard.guardrails) if name]


def _lead(dashboard: Dashboard) -> list[Block]:
    says = [text for text in (dashboard.question, dashboard.description) if text]
    owner = [f"Owner: {dashboard.owner}."] if dashboard.owner else []
    return [Heading(dashboard.heading, 1), *([Paragraph(" ".join([*says, *owner]))] if says or owner else [])]


def _hierarchy(dashboard: Dashboard, page: NarrowedPage) -> tuple[list[Block], dict[str, Any]]:
    """The headline with its line, the drivers, the guardrails."""
    if not dashboard.headline:
        return [], {}
    names = {"drivers": _drivers(dashboard, page), "guardrails": dashboard.guardrails}
    every = [dashboard.headline, *names["drivers"], *names["guardrails"]]
    trends = page.answers.trends(every, page.grain, where=page.where, since=page.since, until=page.until)
    blocks: list[Block] = [*_tiles([dashboard.headline], trends, page, columns=1)]
    headline = DashboardBlock(
        metric=dashboard.headline,
        compare=dashboard.compare,
        target=dashboard.target,
        thresholds=dashboard.thresholds,
        usual=True,
    )
    if isinstance(trends[dashboard.headline], Trend):  # otherwise the tile has said why
        line = _or_why(headline, page)
        blocks += [*line.blocks, *(Paragraph(note) for note in line.notes)]
    for kind, listed in names.items():
        if listed:
            blocks += [Heading(kind.capitalize(), 2, id=kind), *_tiles(listed, trends, page)]
    numbers = {name: numbers_of(trend) for name, trend in trends.items() if isinstance(trend, Trend)}
    return blocks, {"headline": dashboard.headline, **names, "metrics": numbers}


def _drivers(dashboard: Dashboard, page: NarrowedPage) -> tuple[str, ...]:
    """Those that the file names, or the parts of the headline's tree."""
    tree = page.answers.catalog.trees.get(dashboard.headline)
    parts = dict.fromkeys(branch.metric for branch in tree.branches) if tree else {}
    return dashboard.drivers or tuple(parts)


def _tiles(
    names: Sequence[str], trends: Mapping[str, Trend | SteelyardError], page: NarrowedPage, columns: int = 0
) -> list[Block]:
    figures: list[Figure] = []
    wrong: list[Block] = []
    for name in names:
        found = trends[name]
        if isinstance(found, SteelyardError):
            wrong.append(_why(name.replace("_", " ").capitalize(), found))
        else:
            figures.append(tile(found, href=page.href("metric", name)))
    wide = columns or (4 if len(figures) in (4, 7, 8) else 3)
    return [*([Grid(figures, columns=wide)] if figures else []), *wrong]


def _or_why(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    """The block, or why it has no answer."""
    try:
        return draw_block(block, page)
    except SteelyardError as error:
        title = block.title or block.of.replace("_", " ").capitalize() or "The table"
        return Drawn(title=title, blocks=[_why(title, error)], data={"error": error.to_dict()})


def _why(title: str, error: SteelyardError) -> Callout:
    says = [part.rstrip(".") + "." if not part.endswith("?") else part for part in (error.problem, error.hint) if part]
    return Callout("warning", f"{title} has no answer", " ".join(says))


def _detail(details: Sequence[Drawn]) -> list[Block]:
    """The blocks in order; charts that follow each other stand side by side."""
    blocks: list[Block] = [Heading("Detail", 2, id="detail")] if details else []
    for alone, group in groupby(details, key=_is_chart):
        drawn = list(group)
        if alone and len(drawn) > 1:
            blocks += [Grid([chart for one in drawn for chart in one.blocks], columns=2), *_more(drawn)]
        else:
            for one in drawn:
                titled = one.title and not isinstance(next(iter(one.blocks), None), Chart)
                blocks += [*([Heading(one.title, 3)] if titled else []), *one.blocks, *_more([one])]
    return blocks


def _is_chart(drawn: Drawn) -> bool:
    return len(drawn.blocks) == 1 and isinstance(drawn.blocks[0], Chart)


def _more(drawn: Sequence[Drawn]) -> list[Block]:
    """Where more of each is."""
    words: list[Inline] = []
    for one in drawn:
        if one.href:
            words += [" · " if words else "More: ", Link(one.title, one.href)]
    return [Paragraph(words)] if words else []


def _notes(details: Sequence[Drawn]) -> list[Block]:
    """What must be known of the numbers, each thing once."""
    notes = dict.fromkeys(note for drawn in details for note in drawn.notes)
    return [Callout("note", "What to know of these numbers", "\n".join(notes))] if notes else []
