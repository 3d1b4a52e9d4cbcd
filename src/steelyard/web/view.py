"""What a page is made from: the project, the names in the path, what was asked, and the time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from steelyard.project import Project
from steelyard.warehouse import Warehouse
from steelyard.web.asked import Asked
from steelyard.web.live import Edition

__all__ = ["View"]


@dataclass(frozen=True, kw_only=True)
class View:
    """What a page is made from.

    Args:
        edition: The project as this request sees it.
        names: The names in the path.
        asked: The parameters.
        now: The time, zoned.
    """

    edition: Edition
    names: Mapping[str, str]
    asked: Asked
    now: datetime

    @property
    def project(self) -> Project:
        """The project."""
        return self.edition.project

    @property
    def today(self) -> date:
        """The local date in the project's zone."""
        return self.now.astimezone(ZoneInfo(self.project.settings.zone)).date()

    def warehouse(self, number: int | None = None) -> AbstractContextManager[Warehouse]:
        """A reader of this request's own, of one catalog version."""
        return self.edition.warehouse(number)
