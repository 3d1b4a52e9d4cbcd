"""Watches a project's alerts for a day: its tables, its sinks, and what it has told before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from steelyard.metrics.watching import WatchReport, watch
from steelyard.project.dates import as_day

if TYPE_CHECKING:
    from steelyard.project.project import Project

__all__ = ["watch_project"]


def watch_project(
    project: Project,
    alerts: Sequence[str] = (),
    *,
    on: str | date | None = None,
    now: datetime | None = None,
    send: bool = True,
) -> WatchReport:
    """Judges a project's alerts; what was told is kept in its `.steelyard`, for each target apart.

    Args:
        project: The project.
        alerts: Only these; none is all of them.
        on: The last local day that is looked at; None is yesterday.
        now: The moment, with its zone; None is the present.
        send: Whether sinks are told, and what is told is remembered.
    """
    with project.warehouse() as warehouse:
        return watch(
            project.definitions.metrics,
            warehouse,
            names=alerts,
            on=as_day(on),
            now=now,
            folder=project.folder,
            log=project.alert_log,
            send=send,
        )
