"""Catches the rows that fail their tests while a SELECT runs: one scan gives both kept and rejected rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steelyard.errors import DataError
from steelyard.pipeline.checked_select import CheckedSelect, RowTest

if TYPE_CHECKING:
    from steelyard.warehouse.duckdb_session import Cursor

__all__ = ["MOST_REJECTED", "Catcher", "Caught", "catching"]

MOST_REJECTED = 1_000_000
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Caught:
    """A row that failed.

    Args:
        file: The path of its file; empty where the scan has one file or none.
        line: Its line; None where it is not known yet.
        raw: Its text as it stood; None where only its values are known.
        values: Its values as text.
        reason: What is wrong with it.
    """

    file: str
    line: int | None
    raw: str | None
    values: tuple[str | None, ...]
    reason: str


@dataclass
class Catcher:
    """Takes rows while DuckDB runs; `name` is the SQL function that hands them over."""

    name: str
    caught: list[Caught] = field(default_factory=list)
    tests: tuple[RowTest, ...] = ()
    overflown: bool = False

    def begin(self, select: CheckedSelect) -> None:
        """Forgets what was caught before and learns what the outcomes mean."""
        self.caught, self.tests, self.overflown = [], select.tests, False

    def take(
        self,
        file: str | None,
        line: int | None,
        raw: str | None,
        values: Sequence[str | None],
        outcomes: Sequence[bool | None],
    ) -> bool:
        """Keeps the row, and tells DuckDB to leave it out."""
        if len(self.caught) >= MOST_REJECTED:
            self.overflown = True
            raise DataError(f"more than {MOST_REJECTED:,} rows are rejected")
        reasons = [
            test.says.format(_shown(None if test.value is None else values[test.value]))
            for test, holds in zip(self.tests, outcomes, strict=True)
            if holds is not True
        ]
        self.caught.append(Caught(file or "", line, raw, tuple(values), "; ".join(dict.fromkeys(reasons))))
        return False


def _shown(value: str | None) -> str:
    if value is None:
        return "nothing"
    return repr(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "...")


@contextmanager
def catching(connection: Cursor) -> Iterator[Catcher]:
    """A catcher that SQL on this connection can hand rows to, for as long as the block runs."""
    catcher = Catcher(name=f"steelyard_catch_{os.urandom(4).hex()}")
    connection.create_function(
        catcher.name,
        catcher.take,
        ["VARCHAR", "BIGINT", "VARCHAR", "VARCHAR[]", "BOOLEAN[]"],
        "BOOLEAN",
        side_effects=True,
        null_handling="special",  # type: ignore[call-overload]  # the stub asks for an enum that only duckdb exports
    )
    try:
        yield catcher
    finally:
        connection.remove_function(catcher.name)
