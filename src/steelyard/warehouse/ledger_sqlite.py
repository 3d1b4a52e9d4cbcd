"""The ledger in SQLite, in write-ahead mode."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from steelyard.errors import LockedError, WarehouseError
from steelyard.warehouse.ledger_database import LedgerDatabase
from steelyard.warehouse.migrate import migrate

__all__ = ["SqliteLedger"]

_APPLICATION = 0x5374796C  # "Styl", which `file` and SQLite's own tools show
_WAIT = 30.0
_GUARDS = tuple(
    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for table in ("ledger_entries", "ledger_blobs")
    for verb in ("UPDATE", "DELETE")
)


class SqliteLedger(LedgerDatabase):
    """The ledger in one SQLite file; threads take turns, processes wait for each other up to 30 s.

    Args:
        path: The file, or `:memory:`.
    """

    def __init__(self, path: str) -> None:
        self.name, self._turn = path, threading.RLock()
        with self._errors():
            self._connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        present = self._format()
        if present == len(_STEPS):
            self._connection.execute("PRAGMA synchronous = FULL")
            return
        if present == 0 and self.rows("SELECT name FROM sqlite_master LIMIT 1", ()):
            raise WarehouseError("the file is a SQLite database, and no ledger", where=self.name)
        if present < len(_STEPS):
            self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        with self.writing():
            migrate(self, self._format(), _STEPS, record=SqliteLedger._record, what="ledger", where=self.name)

    def _format(self) -> int:
        return int(self.rows("PRAGMA user_version", ())[0][0])

    def _record(self, number: int) -> None:
        self.run(f"PRAGMA application_id = {_APPLICATION}", ())
        self.run(f"PRAGMA user_version = {number}", ())

    def rows(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a SELECT gives."""
        with self._turn, self._errors():
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    def run(self, sql: str, parameters: Sequence[Any]) -> None:
        """Runs a statement inside `writing`."""
        with self._turn, self._errors():
            self._connection.execute(sql, tuple(parameters))

    @contextmanager
    def writing(self) -> Iterator[Self]:
        """A transaction that no other writer shares."""
        with self._turn:
            self.run("BEGIN IMMEDIATE", ())
            try:
                yield self
                self.run("COMMIT", ())
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def guarded(self) -> bool:
        """Whether every trigger is there as it was written."""
        found = {row[0] for row in self.rows("SELECT sql FROM sqlite_master WHERE type = 'trigger'", ())}
        return found == set(_GUARDS)

    def close(self) -> None:
        """Closes the file; calling it twice is harmless."""
        with self._turn:
            self._connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            text = str(error)
            if "locked" in text or "busy" in text:
                hint = "another process is writing; run it again"
                raise LockedError(f"the ledger was locked for {_WAIT:.0f} s", where=self.name, hint=hint) from error
            if "not a database" in text:
                hint = "put the ledger back from a copy, or name another file as `ledger` in steelyard.toml"
                raise WarehouseError("the file is no ledger", where=self.name, hint=hint) from error
            if "full" in text or "disk I/O" in text:
                hint = "free space; the ledger is as it was"
            elif "readonly" in text or "unable to open" in text:
                hint = "the ledger's file and folder must be readable and writable by you; nothing was written"
            else:
                hint = "the file was changed from outside, or is damaged: put it back from a copy"
            raise WarehouseError(f"the ledger could not be used: {text}", where=self.name, hint=hint) from error


def _entries_and_blobs(ledger: SqliteLedger) -> None:
    ledger.run(
        "CREATE TABLE ledger_entries (number INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, "
        "name TEXT NOT NULL, body TEXT NOT NULL, parents TEXT NOT NULL, at TEXT NOT NULL, kept TEXT NOT NULL, "
        "format INTEGER NOT NULL)",
        (),
    )
    ledger.run("CREATE TABLE ledger_blobs (digest TEXT PRIMARY KEY, content BLOB NOT NULL)", ())
    for guard in _GUARDS:
        ledger.run(guard, ())


def _heads_and_index(ledger: SqliteLedger) -> None:
    """Format 1 found the heads by looking at every entry."""
    ledger.run("CREATE TABLE ledger_heads (digest TEXT PRIMARY KEY)", ())
    ledger.run("CREATE INDEX ledger_entries_by_name ON ledger_entries (kind, name, at)", ())
    ledger.run(
        "INSERT INTO ledger_heads SELECT digest FROM ledger_entries WHERE digest NOT IN "
        "(SELECT value FROM ledger_entries, json_each(parents))",
        (),
    )


_STEPS = (_entries_and_blobs, _heads_and_index)
