"""Who may, as `steelyard.toml` says now."""

from __future__ import annotations

import logging
from pathlib import Path

from steelyard.errors import SteelyardError
from steelyard.project.access import Access
from steelyard.project.settings import FILE, read_settings

__all__ = ["CurrentAccess"]

LOG = logging.getLogger("steelyard.web")


class CurrentAccess:
    """Who may: the file is read again when it changes, so that who is struck out is out at the next request.

    A file that cannot be read changes nothing: it lets nobody in, and nobody out.

    Args:
        folder: The project's folder.
        access: Who may, as the project was opened.
    """

    def __init__(self, folder: Path, access: Access) -> None:
        self._path = folder / FILE
        self._known: tuple[object, Access] = (self._stamp(), access)

    def now(self) -> Access:
        """Who may now."""
        seen, access = self._known
        stamp = self._stamp()
        if stamp != seen:
            try:
                access = read_settings(self._path.parent).access
            except SteelyardError as error:
                LOG.warning("who may is as it was before: %s", error.problem)
            self._known = (stamp, access)
        return access

    def _stamp(self) -> object:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
