"""The project as its files, its catalog and its ledger are now, shared by threads."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from steelyard.canonical import digest
from steelyard.errors import SteelyardError
from steelyard.project import Project
from steelyard.project.ramped_experiments import LOGS
from steelyard.project.settings import FILE
from steelyard.warehouse import Warehouse

__all__ = ["Edition", "LiveProject", "definitions_stamp", "exposures_state"]

CODE = version("steelyard")
FOLDERS = ("sources", "tables", "metrics", "studies", "dashboards", "initiatives", "documents")


@dataclass(eq=False, kw_only=True)
class Edition:
    """The project as its files were at one moment.

    Args:
        project: Opened on those files; its ledger and store may be used by any number of threads.
        stamp: What the files' names, sizes and times were.
        trouble: Why the newest files could not be opened, where this is an older edition that stands in for them.
        owned: Whether it is to be closed when nobody uses it any more.
        users: How many requests use it.
    """

    project: Project
    stamp: str
    trouble: SteelyardError | None = None
    owned: bool = True
    users: int = 0
    running: set[Warehouse] = field(default_factory=set)

    @contextmanager
    def warehouse(self, number: int | None = None) -> Iterator[Warehouse]:
        """A reader of this request's own, which is cancelled when the server stops."""
        with self.project.warehouse(number) as opened:
            self.running.add(opened)
            try:
                yield opened
            finally:
                self.running.discard(opened)

    def says(self) -> str:
        """What is shown, in a few words: the catalog version and the ledger's head."""
        try:
            heads = self.project.ledger.heads()
            catalog = f"catalog {self.project.store.snapshot().number}" if self.project.embedded else ""
        except SteelyardError:
            return ""
        ledger = f"ledger {', '.join(head[:12] for head in heads)}" if heads else "empty ledger"
        return " · ".join(part for part in (catalog, ledger) if part)

    def state(self) -> str | None:
        """A text that differs whenever a page could; None where the data's or the ledger's state is unknown."""
        try:
            data = _data_state(self.project)
            heads = self.project.ledger.heads()
        except (SteelyardError, OSError):
            return None
        if data is None:
            return None
        trouble = str(self.trouble) if self.trouble else ""
        alerts = _file_state(self.project.alert_log)
        return digest([self.stamp, data, heads, CODE, trouble, self.project.target_name, alerts])


def _data_state(project: Project) -> str | None:
    if project.embedded:
        return str(project.store.snapshot().number)
    if "://" in project.target.warehouse:
        return None
    found = (project.folder / Path(project.target.warehouse).expanduser()).stat()
    return f"{found.st_mtime_ns} {found.st_size}"


def _file_state(path: Path) -> str:
    """A text that differs when the file was written; empty where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size}"


def exposures_state(project: Project) -> str:
    """A text that differs when exposures or testers were logged."""
    return _files_state(sorted((project.folder / LOGS).rglob("*")))


def definitions_stamp(folder: Path) -> str:
    """A text that differs when a file of the project's definitions was changed, added or removed."""
    return _files_state([folder / FILE, *(path for name in FOLDERS for path in sorted((folder / name).rglob("*")))])


def _files_state(paths: Iterable[Path]) -> str:
    seen = []
    for path in paths:
        with suppress(FileNotFoundError):
            found = path.stat()
            seen.append([str(path), found.st_mtime_ns, found.st_size])
    return digest(seen)


class LiveProject:
    """Gives every request the project as it is now, without a restart.

    A request holds one edition from its start to its end, so that it never sees half a change; files that changed are
    read once, by the first request that comes after.

    Args:
        project: The project as it was opened; it is not closed by this class.
    """

    def __init__(self, project: Project) -> None:
        self._turn = threading.Lock()
        self._editions = [Edition(project=project, stamp="", owned=False)]

    @property
    def name(self) -> str:
        """The project's name."""
        return self._editions[-1].project.name

    @property
    def folder(self) -> Path:
        """Where the project is."""
        return self._editions[-1].project.folder

    @contextmanager
    def lease(self) -> Iterator[Edition]:
        """The present edition, kept open until the end of the request."""
        edition = self._take()
        try:
            yield edition
        finally:
            with self._turn:
                edition.users -= 1
                self._drop_unused()

    def _take(self) -> Edition:
        with self._turn:
            present = self._editions[-1]
            stamp = definitions_stamp(present.project.folder)
            if stamp != present.stamp:
                present = self._read(present, stamp)
            present.users += 1
            return present

    def _read(self, before: Edition, stamp: str) -> Edition:
        if not before.stamp:
            before.stamp = stamp
            _open(before.project)
            return before
        try:
            project = Project(before.project.folder, target=before.project.target_name)
        except SteelyardError as error:
            before.stamp, before.trouble = stamp, error
            return before
        _open(project)
        self._editions.append(Edition(project=project, stamp=stamp))
        self._drop_unused()
        return self._editions[-1]

    def _drop_unused(self) -> None:
        for edition in [item for item in self._editions[:-1] if not item.users]:
            self._editions.remove(edition)
            if edition.owned:
                edition.project.close()

    def prepare(self) -> None:
        """Reads the files and loads what answers are made with, so that the first page need not."""
        with self.lease() as edition, suppress(SteelyardError), edition.warehouse() as warehouse:
            warehouse.fetch("SELECT 1 AS ready")
        _load_libraries()

    def close(self) -> None:
        """Cancels what is running, and closes what was opened here."""
        with self._turn:
            for edition in self._editions:
                for warehouse in tuple(edition.running):
                    warehouse.cancel()
            for edition in self._editions:
                if edition.owned and not edition.users:
                    edition.project.close()


def _open(project: Project) -> None:
    """Opens in one thread what many will share; what fails here fails again, with its words, where it is needed."""
    for part in ("definitions", "store", "ledger"):
        with suppress(SteelyardError):
            getattr(project, part)


def _load_libraries() -> None:
    """Uses once what takes a part of a second to load: Arrow looks for pandas when it first makes an array."""
    import pyarrow as pa

    from steelyard.document import can_draw_png
    from steelyard.stats.deviations import deviations

    can_draw_png()
    pa.array([0.0])
    deviations([float(n) for n in range(40)], recent=4, season=1, kind="amount")
