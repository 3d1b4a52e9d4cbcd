"""What the ledger needs of a database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self

__all__ = ["LedgerDatabase"]


class LedgerDatabase(ABC):
    """Tables `ledger_entries`, `ledger_blobs` and `ledger_heads`; the first two can only grow.

    SQL is written with `?` for a bound value, in what SQLite and Postgres share.
    """

    name: str

    @abstractmethod
    def rows(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a SELECT gives."""

    @abstractmethod
    def run(self, sql: str, parameters: Sequence[Any]) -> None:
        """Runs a statement inside `writing`."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Self]:
        """A transaction that no other writer shares: committed on a clean exit, undone otherwise."""

    @abstractmethod
    def guarded(self) -> bool:
        """Whether the rules that refuse a change of an entry or a kept content are in force."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of the database; calling it twice is harmless."""

    def insert(self, row: Sequence[Any]) -> int:
        """Writes an entry after the last one; returns its number. Inside `writing`.

        Args:
            row: digest, kind, name, body, parents, at, kept, format.
        """
        ((last,),) = self.rows("SELECT coalesce(max(number), 0) FROM ledger_entries", ())
        number = int(last) + 1
        self.run(
            "INSERT INTO ledger_entries (number, digest, kind, name, body, parents, at, kept, format) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, *row),
        )
        return number

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Writes contents that are not there yet. Inside `writing`.

        Args:
            contents: Digest -> compressed content.
        """
        for address, content in contents.items():
            sql = "INSERT INTO ledger_blobs (digest, content) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING"
            self.run(sql, (address, content))

    def set_heads(self, digests: Iterable[str]) -> None:
        """Writes down which entries no other follows. Inside `writing`."""
        self.run("DELETE FROM ledger_heads", ())
        for item in digests:
            self.run("INSERT INTO ledger_heads (digest) VALUES (?)", (item,))
