"""The ledger in Postgres, where a team shares one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from steelyard.errors import MissingExtraError, WarehouseError
from steelyard.warehouse.ledger_database import LedgerDatabase
from steelyard.warehouse.migrate import migrate
from steelyard.warehouse.secrets import resolve, without_secrets

__all__ = ["PostgresLedger"]

_LOCK = 0x5374796C
_GUARDED = ("ledger_entries", "ledger_blobs")


class PostgresLedger(LedgerDatabase):
    """The ledger in the present schema of a Postgres database; writers take turns by an advisory lock.

    Args:
        url: `postgresql://user@host/database`; `${NAME}` in it is taken from the environment.
    """

    def __init__(self, url: str) -> None:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError as error:
            hint = "pip install 'steelyard[postgres]'"
            raise MissingExtraError("a ledger in Postgres needs its driver", hint=hint) from error
        self.name, self._turn, self._depth, self._closed = without_secrets(url), threading.RLock(), 0, False
        with self._errors():
            self._connection = dbapi.connect(resolve(url))
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        with self.writing():
            there = self.rows("SELECT to_regclass('ledger_format') IS NOT NULL", ())[0][0]
            present = int(self.rows("SELECT max(format) FROM ledger_format", ())[0][0] or 0) if there else 0
            migrate(self, present, _STEPS, record=PostgresLedger._record, what="ledger", where=self.name)

    def _record(self, number: int) -> None:
        self.run("INSERT INTO ledger_format (format) VALUES (?)", (number,))

    def rows(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a SELECT gives."""
        with self._turn, self._errors(), self._connection.cursor() as cursor:
            cursor.execute(_numbered(sql), tuple(parameters) or None)
            found = [tuple(row) for row in cursor.fetchall()]
            if not self._depth:
                self._connection.rollback()
            return found

    def run(self, sql: str, parameters: Sequence[Any]) -> None:
        """Runs a statement inside `writing`."""
        with self._turn, self._errors(), self._connection.cursor() as cursor:
            cursor.execute(_numbered(sql), tuple(parameters) or None)

    @contextmanager
    def writing(self) -> Iterator[Self]:
        """A transaction that no other writer shares."""
        with self._turn:
            self._depth += 1
            try:
                self.rows(f"SELECT pg_advisory_xact_lock({_LOCK})::text", ())
                yield self
                with self._errors():
                    self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
            finally:
                self._depth -= 1

    def guarded(self) -> bool:
        """Whether every trigger is there and enabled."""
        found = self.rows(
            "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE t.tgname = 'ledger_append_only' AND t.tgenabled = 'O' AND c.oid = to_regclass(c.relname::text)",
            (),
        )
        return {row[0] for row in found} >= set(_GUARDED)

    def close(self) -> None:
        """Closes the connection; calling it twice is harmless."""
        with self._turn:
            if not self._closed:
                self._closed = True
                self._connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from adbc_driver_manager import Error

        try:
            yield
        except Error as error:
            text = str(error).split("\n")[0]
            raise WarehouseError(f"the ledger could not be used: {text}", where=self.name) from None


def _numbered(sql: str) -> str:
    """The SQL with Postgres's `$1`, `$2` for `?`; the ledger's SQL has no `?` in a literal."""
    first, *rest = sql.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, start=1))


def _entries_and_blobs(ledger: PostgresLedger) -> None:
    ledger.run("CREATE TABLE IF NOT EXISTS ledger_format (format INT NOT NULL)", ())
    ledger.run(
        'CREATE TABLE ledger_entries (number BIGINT PRIMARY KEY, digest TEXT COLLATE "C" NOT NULL UNIQUE, '
        "kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, parents TEXT NOT NULL, "
        'at TEXT COLLATE "C" NOT NULL, kept TEXT NOT NULL, format BIGINT NOT NULL)',
        (),
    )
    ledger.run('CREATE TABLE ledger_blobs (digest TEXT COLLATE "C" PRIMARY KEY, content BYTEA NOT NULL)', ())
    ledger.run(
        "CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
        (),
    )
    for table in _GUARDED:
        ledger.run(
            f"CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
            (),
        )


def _heads_and_index(ledger: PostgresLedger) -> None:
    ledger.run('CREATE TABLE ledger_heads (digest TEXT COLLATE "C" PRIMARY KEY)', ())
    ledger.run("CREATE INDEX ledger_entries_by_name ON ledger_entries (kind, name, at)", ())
    ledger.run(
        "INSERT INTO ledger_heads SELECT digest FROM ledger_entries WHERE digest NOT IN "
        "(SELECT jsonb_array_elements_text(parents::jsonb) FROM ledger_entries)",
        (),
    )


_STEPS = (_entries_and_blobs, _heads_and_index)
