"""What a page is made from: the project, the names in the path, what was asked, and the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from steelyard.project import Project
from steelyard.project.access import Role
from steelyard.warehouse import Warehouse
from steelyard.web.asked import Asked
from steelyard.web.live import Edition
from steelyard.web.work import Work

__all__ = ["View"]


@dataclass(frozen=True, kw_only=True)
class View:
    """What a page is made from.

    Args:
        edition: The project as this request sees it.
        names: The names in the path.
        asked: The parameters.
        now: The time, zoned.
        work: The run that makes it, which somebody may stop.
        role: What whoever asks may do.
    """

    edition: Edition
    names: Mapping[str, str]
    asked: Asked
    now: datetime
    work: Work = field(default_factory=Work)
    role: Role = "viewer"

    @property
    def project(self) -> Project:
        """The project."""
        return self.edition.project

    @property
    def today(self) -> date:
        """The local date in the project's zone."""
        return self.now.astimezone(ZoneInfo(self.project.settings.zone)).date()

    @contextmanager
    def warehouse(self, number: int | None = None) -> Iterator[Warehouse]:
        """A reader of this request's own, of one catalog version."""
        with self.edition.warehouse(number) as opened, self.work.reading(opened):
            yield opened
