"""The dashboards of a project: those that its files say, or those that are made where there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.dashboards import Answers, Board, Dashboard, Filters, Href, automatic_dashboards, draw_board, latest_of
from steelyard.dashboards.narrowed_page import nowhere
from steelyard.errors import SteelyardError, unknown_name

if TYPE_CHECKING:
    from steelyard.project.project import Project
    from steelyard.warehouse import Warehouse

    Opens = Callable[[int | None], AbstractContextManager[Warehouse]]

__all__ = ["board_of", "dashboard_named", "dashboards_of"]


def dashboards_of(project: Project) -> Mapping[str, Dashboard]:
    """Name -> dashboard; the automatic ones where no file says any."""
    definitions = project.definitions
    if definitions.dashboards or _broken(project):
        return definitions.dashboards
    return automatic_dashboards(definitions.metrics, list(definitions.studies))


def dashboard_named(project: Project, name: str) -> Dashboard:
    """The dashboard of that name.

    Raises:
        UnknownNameError: There is none.
        SteelyardError: Its file is wrong.
    """
    known = dashboards_of(project)
    if name not in known:
        for error in _broken(project):
            if Path(error.where.split(":")[0]).stem == name:
                raise error
        raise unknown_name("dashboard", name, known, where="dashboards")
    return known[name]


def board_of(
    project: Project, name: str, filters: Filters, *, opens: Opens | None = None, href: Href = nowhere
) -> Board:
    """A dashboard with its answers, all of one version of the data.

    Args:
        project: The project.
        name: The dashboard.
        filters: What it is narrowed to.
        opens: Opens the warehouse at a catalog version; None is the project's own way.
        href: As `draw_board` takes it.
    """
    dashboard = dashboard_named(project, name)
    studies = [block.study for block in dashboard.blocks if block.study]
    results = latest_of(pair for study in dict.fromkeys(studies) for pair in project.results(study))
    with (opens or project.warehouse)(project.newest) as warehouse:
        answers = Answers(catalog=project.definitions.metrics, warehouse=warehouse, results=results)
        return draw_board(dashboard, filters, answers, href=href)


def _broken(project: Project) -> list[SteelyardError]:
    folder = str(project.folder / "dashboards")
    return [error for error in project.problems if error.where.startswith((folder, "dashboards/"))]
