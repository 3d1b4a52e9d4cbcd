"""What applications append (exposures, annotations): JSON lines in segments that a refresh loads once each."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.canonical import canonical_json
from steelyard.errors import DataError, DefinitionError, LockedError, WarehouseError
from steelyard.warehouse.durable import disk_errors, replace_file, sync_folder
from steelyard.warehouse.migrate import migrate

__all__ = ["AppendLog", "Segment"]

_SEAL_BYTES = 64 << 20
_WAIT = 30.0


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A sealed part of an append log; it never changes, except by an erasure.

    Args:
        number: From 1, without gaps.
        path: A file of JSON lines.
        rows: How many.
    """

    number: int
    path: Path
    rows: int


class AppendLog:
    """An append-only log of JSON lines; processes append at once, and a batch is in it whole or not at all.

    A row has an `id`; a row whose id is there already is not written again, so that a caller may repeat what it is not
    sure of. Bytes that a killed writer left behind were never acknowledged: they are moved to `torn` and reported.

    Args:
        folder: Where the logs are; the log is a folder in it.
        name: The log's name: letters, digits, `_` and `-`.

    >>> import tempfile
    >>> log = AppendLog(tempfile.mkdtemp(), "exposures")
    >>> log.append([{"id": "a", "arm": "control"}]), log.append([{"id": "a", "arm": "control"}])
    (1, 0)
    >>> [segment.rows for segment in log.segments()]
    [1]
    """

    def __init__(self, folder: str | Path, name: str) -> None:
        if not name or not all(letter.isalnum() or letter in "_-" for letter in name):
            raise DefinitionError(f"{name!r} cannot name a log", hint="use letters, digits, '_' and '-'")
        self.name, self.folder = name, Path(folder).absolute() / name
        with disk_errors(self.folder):
            (self.folder / "torn").mkdir(parents=True, exist_ok=True)

    def append(self, rows: Iterable[Mapping[str, Any]], *, first_stays: bool = False) -> int:
        """Adds rows in one batch, on the disk when it returns; returns how many were new.

        Args:
            rows: Plain values (see `canonical.plain`), each with a text or number `id`.
            first_stays: Whether a row whose id is there with another content is no news either: for rows that hold,
                beside what their id is made of, what was known when they were written.

        Raises:
            DataError: A row has no id, or its id is there with another content; nothing of the batch was written.
            WarehouseError: The disk is full, or the log is locked for too long; nothing of the batch was written.
        """
        lines = [self._line(row) for row in rows]
        with self._writing() as index, disk_errors(self.folder):
            new = self._new(index, lines, first_stays=first_stays)
            if new:
                self._put(index, b"".join(line for _, line in new), len(new))
        return len(new)

    def segments(self, after: int = 0, *, seal: bool = True) -> tuple[Segment, ...]:
        """The sealed segments, in order; what was appended so far is sealed first, so that it is among them.

        Args:
            after: Only those with a higher number: the last one that was loaded.
            seal: Whether to seal what is open.
        """
        with self._writing() as index:
            if seal:
                for opened in index.execute("SELECT number, length FROM segments WHERE sealed = 0").fetchall():
                    self._set_aside(*opened)
                index.execute("UPDATE segments SET sealed = 1 WHERE rows > 0")
            sql = "SELECT number, rows FROM segments WHERE sealed = 1 AND number > ? ORDER BY number"
            found = index.execute(sql, (after,)).fetchall()
        return tuple(Segment(number=number, path=self._path(number), rows=rows) for number, rows in found)

    def torn(self) -> tuple[Path, ...]:
        """Files with the bytes that killed writers left behind; their rows were never acknowledged."""
        return tuple(sorted((self.folder / "torn").iterdir()))

    def erase(self, field: str, person: str) -> int:
        """Takes out the rows whose field, as text, is the person's id; returns how many. Torn bytes go as well."""
        gone = 0
        for segment in self.segments():
            with self._writing() as index, disk_errors(segment.path):
                lines = segment.path.read_bytes().splitlines(keepends=True)
                kept = [line for line in lines if str(json.loads(line).get(field)) != person]
                if len(kept) < len(lines):
                    replace_file(segment.path, b"".join(kept), self.folder)
                gone += len(lines) - len(kept)
                index.execute("UPDATE segments SET rows = ? WHERE number = ?", (len(kept), segment.number))
        for path in self.torn():
            path.unlink(missing_ok=True)
        return gone

    def _line(self, row: Mapping[str, Any]) -> tuple[bytes, bytes]:
        if row.get("id") in (None, ""):
            raise DataError(f"a row of the log {self.name!r} has no id: {dict(row)!r:.200}", where=str(self.folder))
        return hashlib.sha256(str(row["id"]).encode()).digest()[:16], canonical_json(row).encode() + b"\n"

    def _new(
        self, index: sqlite3.Connection, lines: Iterable[tuple[bytes, bytes]], *, first_stays: bool
    ) -> list[tuple[bytes, bytes]]:
        """The lines whose ids are new, their ids noted."""
        new = []
        for key, line in lines:
            content = hashlib.sha256(line).digest()[:16]
            known = index.execute("SELECT content FROM ids WHERE id = ?", (key,)).fetchone()
            if known is None:
                index.execute("INSERT INTO ids (id, content) VALUES (?, ?)", (key, content))
                new.append((key, line))
            elif known[0] != content and not first_stays:
                problem = f"the id of {line.decode()[:200].strip()} is in the log {self.name!r} with another content"
                raise DataError(problem, where=str(self.folder), hint="an id names one row for ever: make another id")
        return new

    def _put(self, index: sqlite3.Connection, content: bytes, rows: int) -> None:
        number, length, _ = self._open_segment(index)
        with self._path(number).open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if length == 0:
            sync_folder(self.folder)
        sealed = length + len(content) >= _SEAL_BYTES
        index.execute(
            "UPDATE segments SET length = length + ?, rows = rows + ?, sealed = ? WHERE number = ?",
            (len(content), rows, sealed, number),
        )

    def _open_segment(self, index: sqlite3.Connection) -> tuple[int, int, int]:
        """The segment that is written to, its bytes beyond the last batch moved away."""
        sql = "SELECT number, length, rows FROM segments WHERE sealed = 0"
        found = index.execute(sql).fetchone()
        if found is None:
            index.execute("INSERT INTO segments (length, rows, sealed) VALUES (0, 0, 0)")
            found = index.execute(sql).fetchone()
        self._set_aside(*found[:2])
        return found  # type: ignore[no-any-return]

    def _set_aside(self, number: int, length: int) -> None:
        path = self._path(number)
        if not path.exists() or path.stat().st_size <= length:
            return
        with path.open("r+b") as file:
            file.seek(length)
            (self.folder / "torn" / f"{path.stem}-{length}.txt").write_bytes(file.read())
            file.truncate(length)
            os.fsync(file.fileno())

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.jsonl"

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """The index of ids and of how far each segment is good, in a transaction that no other process shares."""
        path = self.folder / "index.db"
        try:
            with closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as index:
                index.execute("PRAGMA synchronous = FULL")
                index.execute("BEGIN IMMEDIATE")
                (present,) = index.execute("PRAGMA user_version").fetchone()
                migrate(index, present, _STEPS, record=_record, what="append log", where=str(self.folder))
                yield index
                index.execute("COMMIT")
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise LockedError(f"the log {self.name!r} was locked for {_WAIT:.0f} s", where=str(path)) from error
            raise WarehouseError(f"the log {self.name!r} could not be used: {error}", where=str(path)) from error


def _record(index: sqlite3.Connection, number: int) -> None:
    index.execute(f"PRAGMA user_version = {number}")


def _begin(index: sqlite3.Connection) -> None:
    index.execute("CREATE TABLE ids (id BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID")
    index.execute(
        "CREATE TABLE segments (number INTEGER PRIMARY KEY AUTOINCREMENT, length INTEGER NOT NULL, "
        "rows INTEGER NOT NULL, sealed INTEGER NOT NULL)"
    )


_STEPS = (_begin,)
