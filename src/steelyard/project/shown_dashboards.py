"""The dashboards that a project shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal, cast

from steelyard.project.dates import as_day

if TYPE_CHECKING:
    from steelyard.dashboards import Board, Dashboard
    from steelyard.project.project import Project

__all__ = ["ShownDashboards"]


class ShownDashboards:
    """The part of a project that shows its dashboards."""

    @property
    def _project(self) -> Project:
        return cast("Project", self)

    @property
    def dashboards(self) -> Mapping[str, Dashboard]:
        """Its dashboards by name; where no file says any, those that are made of its metrics and studies."""
        from steelyard.project.boards import dashboards_of

        return dashboards_of(self._project)

    def dashboard(
        self,
        name: str,
        *,
        grain: Literal["day", "week", "month", "quarter", "year"] | None = None,
        since: str | date | None = None,
        until: str | date | None = None,
        only: Mapping[str, str] | None = None,
    ) -> Board:
        """A dashboard with its answers: text, Markdown, a page in a notebook, and `to_html` for a file.

        Args:
            name: The dashboard.
            grain: The period; None takes the dashboard's.
            since: First local date; None takes the dashboard's.
            until: Last local date; None takes the dashboard's.
            only: Filter of the dashboard -> the value that is kept.
        """
        from steelyard.dashboards import Filters
        from steelyard.project.boards import board_of

        narrowed = Filters(grain=grain, since=as_day(since), until=as_day(until), only=only or {})
        return board_of(self._project, name, narrowed)
