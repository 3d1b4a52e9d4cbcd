"""Dashboards: the list of them, and each with filters that narrow all of its blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from steelyard.dashboards import Board, Dashboard, Filters
from steelyard.dashboards.dashboard import Grain
from steelyard.document import Block, Callout, Column, Heading, Link, Paragraph, Table
from steelyard.project import Project
from steelyard.project.boards import board_of, dashboard_named, dashboards_of
from steelyard.web.page import Choice, Choices, Controls, Crumb, Input, Page, address
from steelyard.web.pages.problems import problem_callouts
from steelyard.web.view import View

__all__ = ["dashboard", "dashboard_filters", "dashboards"]

GRAINS: tuple[Grain, ...] = get_args(Grain)
DATES = ("since", "until")
MOST_OPTIONS = 200


def dashboards(view: View) -> Page:
    """The list of dashboards."""
    project = view.project
    known = dashboards_of(project)
    broken = [error for error in project.problems if "/dashboards/" in error.where or error.where.startswith("dash")]
    rows = [
        (
            Link(page.heading, address("dashboards", name)),
            page.question or None,
            page.headline or None,
            page.owner or None,
        )
        for name, page in known.items()
    ]
    columns = [Column("dashboard"), Column("question"), Column("headline"), Column("owner")]
    empty = Callout("note", "No dashboard yet", "A file under dashboards/ is one; metrics make one by themselves.")
    made = "Made from the metrics, trees, alerts and studies: a file under dashboards/ says it otherwise."
    blocks: list[Block] = [
        *problem_callouts(broken, project.folder),
        *([Paragraph(made)] if known and not project.definitions.dashboards else []),
        Table(columns, rows) if rows else empty,
    ]
    data = {
        "automatic": not project.definitions.dashboards,
        "dashboards": {name: _listed(page) for name, page in known.items()},
    }
    return Page(title="Dashboards", section="Dashboards", lead=[Heading("Dashboards", 1)], blocks=blocks, data=data)


def _listed(page: Dashboard) -> dict[str, Any]:
    return {"title": page.heading, "question": page.question, "headline": page.headline, "owner": page.owner}


def dashboard_filters(project: Project, names: Mapping[str, str]) -> tuple[str, ...]:
    """The parameters that a dashboard's address may have beside dates and the period: its own filters."""
    return dashboard_named(project, names["name"]).filters


def dashboard(view: View) -> Page:
    """One dashboard."""
    name, asked = view.names["name"], view.asked
    page = dashboard_named(view.project, name)
    filters = Filters(
        grain=asked.one_of("grain", GRAINS, page.grain),
        since=asked.day("since"),
        until=asked.day("until"),
        only={item: asked.text(item) for item in page.filters},
    )
    board = board_of(view.project, name, filters, opens=view.warehouse, href=_href)
    return Page(
        title=page.heading,
        section="Dashboards",
        crumbs=[Crumb(text="Dashboards", href="/dashboards")],
        lead=board.lead,
        controls=_controls(board),
        blocks=[*board.body, board.made, Paragraph([Link("A link to exactly this view", _address(board))])],
        data=dict(board.data),
    )


def _href(kind: str, name: str) -> str | None:
    """Where a block leads."""
    return address({"metric": "metrics", "study": "studies", "analysis": "analyses"}[kind], name)


def _address(board: Board, **changed: str) -> str:
    """The page with what it shows written into its address."""
    shown = board.shown
    dates = {name: day.isoformat() for name in DATES if (day := getattr(shown, name)) is not None}
    asked: dict[str, str] = {"grain": shown.grain or "", **dates, **shown.only, **changed}
    return address("dashboards", board.dashboard.name, **asked)


def _controls(board: Board) -> Controls:
    shown = board.shown
    grains = [
        Choice(text=grain.capitalize(), href=_address(board, grain=grain), current=grain == shown.grain)
        for grain in GRAINS
    ]
    selects = [
        Input(
            name=name,
            label=name.replace("_", " ").capitalize(),
            value=shown.only.get(name, ""),
            kind="select",
            options=[("", "all"), *((value, value) for value in _offered(values, shown.only.get(name, "")))],
            hint=f"the {MOST_OPTIONS} largest of {len(values):,}" if len(values) > MOST_OPTIONS else "",
        )
        for name, values in board.values.items()
    ]
    dates = [
        Input(name=name, label=name.capitalize(), value=day.isoformat() if day else "", kind="date")
        for name, day in (("since", shown.since), ("until", shown.until))
    ]
    return Controls(
        label="What the whole page shows",
        action=address("dashboards", board.dashboard.name),
        choices=[Choices(label="Period", items=grains)],
        inputs=[Input(name="grain", value=shown.grain or "", kind="hidden"), *dates, *selects],
    )


def _offered(values: Any, chosen: str) -> list[str]:
    """The largest values, and the chosen one."""
    offered = list(values[:MOST_OPTIONS])
    return [*offered, *([chosen] if chosen and chosen not in offered else [])]
