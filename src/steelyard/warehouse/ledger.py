"""The append-only, chained memory of what was registered, found and decided."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from steelyard.canonical import canonical_json, digest_of_bytes
from steelyard.errors import DataError, DefinitionError, UnknownNameError, WarehouseError
from steelyard.warehouse.ledger_database import LedgerDatabase
from steelyard.warehouse.ledger_entry import ENTRY_FORMAT, Entry, Verification, entry_digest
from steelyard.warehouse.ledger_verify import verify

__all__ = ["Ledger"]

_COLUMNS = "number, digest, kind, name, body, parents, at, kept, format"
_VERIFY = "`steelyard ledger verify` says everything that was changed"


class Ledger:
    """An append-only chain of entries, each covered by a digest that covers those before it.

    SQLite in write-ahead mode by default, Postgres where the address says so. Any number of processes append at once.
    An entry cannot be changed or removed through it, and `verify` finds whatever was done around it; what it cannot
    see by itself is a lost tail: compare `heads()` with one that was printed elsewhere (decisions print it).

    >>> with Ledger.in_memory() as ledger:
    ...     first = ledger.append("decision", "checkout", {"choice": "launch"})
    ...     ledger.get(first.digest[:8]).body["choice"], ledger.verify().ok
    ('launch', True)
    """

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database

    @classmethod
    def open(cls, address: str | Path) -> Ledger:
        """The ledger in a SQLite file (made where it is absent) or a Postgres database; an older format is migrated.

        Args:
            address: A path, or `postgresql://user@host/database`.

        Raises:
            WarehouseError: It is no ledger, or was written by a newer Steelyard, or cannot be reached.
        """
        if str(address).startswith(("postgresql://", "postgres://")):
            from steelyard.warehouse.ledger_postgres import PostgresLedger

            return cls(PostgresLedger(str(address)))
        from steelyard.warehouse.ledger_sqlite import SqliteLedger

        return cls(SqliteLedger(str(Path(address).absolute())))

    @classmethod
    def in_memory(cls) -> Ledger:
        """A ledger that is forgotten when it is closed."""
        from steelyard.warehouse.ledger_sqlite import SqliteLedger

        return cls(SqliteLedger(":memory:"))

    @property
    def name(self) -> str:
        """Where it is, without secrets."""
        return self._database.name

    def append(
        self, kind: str, name: str, body: Mapping[str, Any], *, keep: Mapping[str, bytes] | Iterable[bytes] = ()
    ) -> Entry:
        """Writes one entry after the present heads.

        Args:
            kind: What kind of entry, such as "result".
            name: What it is about.
            body: What to remember, as plain values (see `canonical.plain`: decimals and dates become text).
            keep: Contents to keep with it, addressed by their SHA-256; equal contents are stored once.

        Raises:
            DefinitionError: The body holds what JSON does not, such as a NaN.
            WarehouseError: The ledger is locked for too long, or the disk is full.
        """
        if not kind or not name:
            raise DefinitionError(f"an entry needs a kind and a name, not {kind!r} and {name!r}", where=self.name)
        text, contents = canonical_json(body), _addressed(keep)
        kept = canonical_json({label: digest for label, (digest, _) in contents.items()})
        with self._database.writing() as database:
            parents = self.heads()
            parts = {
                "kind": kind,
                "name": name,
                "body": text,
                "parents": canonical_json(parents),
                "at": self._now(parents),
                "kept": kept,
            }
            digest = entry_digest(**parts, form=ENTRY_FORMAT)
            database.keep({address: zlib.compress(content) for address, content in contents.values()})
            number = database.insert((digest, *parts.values(), ENTRY_FORMAT))
            database.set_heads([digest])
        return _entry((number, digest, *parts.values(), ENTRY_FORMAT))

    def get(self, digest: str) -> Entry:
        """The entry of a digest, or of its first characters where they are of one entry only.

        Raises:
            UnknownNameError: No entry has it.
            DefinitionError: Several have it, or it is shorter than four characters.
        """
        if len(digest) < 4:
            raise DefinitionError(f"{digest!r} is too short to name an entry", where=self.name, hint="give 4 or more")
        found = self._database.rows(
            f"SELECT {_COLUMNS} FROM ledger_entries WHERE digest >= ? AND digest < ? ORDER BY number LIMIT 2",
            (digest, digest + "g"),
        )
        if not found:
            raise UnknownNameError(f"no entry {digest!r} in the ledger", where=self.name)
        if len(found) > 1:
            hint = f"such as {found[0][1][:16]} and {found[1][1][:16]}"
            raise DefinitionError(f"several entries begin with {digest!r}", where=self.name, hint=hint)
        return _entry(found[0])

    def entries(self, kind: str | None = None, name: str | None = None) -> tuple[Entry, ...]:
        """The entries, oldest first; of one kind, of one name, or of both."""
        asked = [(column, value) for column, value in (("kind", kind), ("name", name)) if value is not None]
        where = " AND ".join(f"{column} = ?" for column, _ in asked) or "1 = 1"
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM ledger_entries WHERE {where} ORDER BY at, number",
            tuple(value for _, value in asked),
        )
        return tuple(_entry(row) for row in rows)

    def latest(self, kind: str, name: str) -> Entry | None:
        """The newest entry of a kind and name; None where there is none."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM ledger_entries WHERE kind = ? AND name = ? ORDER BY at DESC, number DESC LIMIT 1",
            (kind, name),
        )
        return _entry(rows[0]) if rows else None

    def kept(self, digest: str) -> bytes:
        """The content of a digest.

        Raises:
            UnknownNameError: Nothing of that digest is kept.
            DataError: What is kept is not what was kept.
        """
        rows = self._database.rows("SELECT content FROM ledger_blobs WHERE digest = ?", (digest,))
        if not rows:
            raise UnknownNameError(f"the ledger keeps nothing under {digest!r}", where=self.name)
        try:
            content = zlib.decompress(bytes(rows[0][0]))
        except zlib.error:
            content = b""
        if digest_of_bytes(content) != digest:
            raise DataError(f"what is kept under {digest!r} is not what was kept", where=self.name)
        return content

    def heads(self) -> tuple[str, ...]:
        """Digests of the entries that no other follows, sorted; more than one after a merge, until the next entry."""
        return tuple(row[0] for row in self._database.rows("SELECT digest FROM ledger_heads ORDER BY digest", ()))

    def verify(self, expect_head: str | Sequence[str] = ()) -> Verification:
        """Checks every entry, link and kept content.

        Args:
            expect_head: Heads that were printed elsewhere; each must still be in the ledger.
        """
        expected = (expect_head,) if isinstance(expect_head, str) else tuple(expect_head)
        return verify(self._database, expected)

    def merge(self, other: Ledger) -> int:
        """Takes over the entries that another ledger has and this one has not; returns how many.

        The next entry has the heads of both as its parents.

        Raises:
            DataError: The other ledger does not verify; nothing is taken over.
        """
        outcome = other.verify()
        if not outcome.ok:
            raise DataError(f"the other ledger does not verify: {outcome.problems[0]}", where=other.name)
        incoming = other._database.rows(f"SELECT {_COLUMNS} FROM ledger_entries ORDER BY number", ())
        with self._database.writing() as database:
            present = {row[0] for row in database.rows("SELECT digest FROM ledger_entries", ())}
            new = [row for row in incoming if row[1] not in present]
            for row in new:
                for address in json.loads(row[7]).values():
                    database.keep({address: zlib.compress(other.kept(address))})
                database.insert(row[1:])
            followed = {parent for row in new for parent in json.loads(row[5])}
            database.set_heads([item for item in (*self.heads(), *(row[1] for row in new)) if item not in followed])
        return len(new)

    def close(self) -> None:
        """Lets go of the database; calling it twice is harmless."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _now(self, parents: Sequence[str]) -> str:
        """Now, or just after the newest parent where this machine's clock is behind."""
        now = datetime.now(UTC)
        for parent in parents:
            rows = self._database.rows("SELECT at FROM ledger_entries WHERE digest = ?", (parent,))
            if not rows:
                problem = f"the last entry of the ledger should be {parent!r}, which is not in it"
                raise DataError(problem, where=self.name, hint=_VERIFY)
            now = max(now, datetime.fromisoformat(rows[0][0]) + timedelta(microseconds=1))
        return now.isoformat(timespec="microseconds")


def _addressed(keep: Mapping[str, bytes] | Iterable[bytes]) -> dict[str, tuple[str, bytes]]:
    """Label -> digest and content; a content without a label is labelled by its digest."""
    if isinstance(keep, Mapping):
        return {label: (digest_of_bytes(content), content) for label, content in keep.items()}
    return {digest_of_bytes(content): (digest_of_bytes(content), content) for content in keep}


def _entry(row: tuple[Any, ...]) -> Entry:
    number, digest, kind, name, body, parents, at, kept, form = row
    if form != ENTRY_FORMAT:
        hint = "it was written by a newer Steelyard: upgrade this one"
        raise WarehouseError(f"entry {number} of the ledger has format {form}", hint=hint)
    try:
        said, links, contents = json.loads(body), tuple(json.loads(parents)), json.loads(kept)
    except (ValueError, TypeError) as error:
        raise DataError(f"entry {number} of the ledger is not what was written", hint=_VERIFY) from error
    return Entry(
        number=int(number), digest=digest, kind=kind, name=name, body=said, parents=links, at=at, kept=contents
    )
