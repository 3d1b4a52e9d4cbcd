"""How a number was made: definitions, the order of operations, the SQL, what was read, what was left unmatched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steelyard.metrics.table_lineage import FailedTest, TableOrigin
from steelyard.result import TableRead
from steelyard.warehouse import KeyProof

if TYPE_CHECKING:
    from steelyard.document import Block
    from steelyard.metrics.definition_history import DefinitionVersion

__all__ = ["FactRead", "How"]


@dataclass(frozen=True, kw_only=True)
class FactRead:
    """What one fact gave to the answer.

    Args:
        name: Its step in the SQL.
        table: Its table.
        rows: Rows that were aggregated, after conditions and dates.
        unmatched: Joined table -> rows that found no row there: their reference is NULL, or has no parent.
        unknown: Dimension -> rows in its `(unknown)` group.
        without: Table of which a row can have many -> rows that have none of it, and so are in no group.
        unconverted: Rows whose money found no rate: their amounts are in no sum.
        stale: Rows whose rate was older on their day than the metric allows.
        immature: Rows that are too recent: the days that they need are not over, or not known completely.
        of_nobody: Rows that belong to nobody, so that nothing can follow them.
        superseded: Rows of the table that are older, copied or deleted rows of a key, and count for nothing.
        ambiguous: Rows of a key whose latest rows disagree: their values are NULL.
        without_time: Rows of the table that have no time, and so are in no period or range; None where time plays no
            part.
        first: First local day that the table has, ISO; empty where time plays no part.
        last: Last local day.
        complete_through: The last local day whose data is complete, ISO; empty where nothing says it.
        complete_says: Why.
        several: Whether a row may count in several groups, and is counted here in each.
    """

    name: str
    table: str
    rows: int
    unmatched: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)
    without: Mapping[str, int] = field(default_factory=dict)
    unconverted: int = 0
    stale: int = 0
    immature: int = 0
    of_nobody: int = 0
    superseded: int = 0
    ambiguous: int = 0
    without_time: int | None = None
    first: str = ""
    last: str = ""
    complete_through: str = ""
    complete_says: str = ""
    several: bool = False


@dataclass(frozen=True, kw_only=True)
class How:
    """How a number was made.

    Args:
        definitions: Metric -> its definition, with all that its number depends on.
        digests: Metric -> the digest of that.
        order: The order of operations, in words.
        sql: The SELECT as written.
        sent: The SELECT as the engine got it.
        parameters: The values bound to it.
        engine: The engine and its version.
        tables: The tables that were read, with their versions.
        facts: What each fact gave; empty where nothing has run.
        proofs: The keys that were proved, and on which version.
        paths: Column -> fact -> where it comes from there.
        notes: What a reader must know.
        history: Metric -> the definitions that it has had, oldest first; empty where nobody keeps them.
        origins: Every table that the number rests on, to the sources; empty where no versions are kept.
        columns: Column of a fact that decides the number -> the columns of loaded tables that it comes from.
    """

    definitions: Mapping[str, Any]
    digests: Mapping[str, str]
    order: tuple[str, ...]
    sql: str
    sent: str
    parameters: Mapping[str, Any]
    engine: str
    tables: tuple[TableRead, ...]
    facts: tuple[FactRead, ...] = ()
    proofs: tuple[KeyProof, ...] = ()
    paths: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    history: Mapping[str, tuple[DefinitionVersion, ...]] = field(default_factory=dict)
    origins: tuple[TableOrigin, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[FailedTest, ...]:
        """The data tests that do not hold on what the number was made of, or on what that was built from."""
        return tuple(test for origin in self.origins for test in origin.failed)

    def to_dict(self) -> dict[str, Any]:
        """The whole of it as plain values."""
        from steelyard.canonical import plain

        said = plain(self)
        assert isinstance(said, dict)  # noqa: S101 - a dataclass is an object
        return said

    def blocks(self) -> list[Block]:
        """The whole of it as blocks."""
        from steelyard.metrics.how_blocks import how_blocks

        return how_blocks(self)

    def to_text(self, width: int = 100) -> str:
        """The whole of it as plain text."""
        from steelyard.document import to_text

        return to_text(self.blocks(), width=width)

    def __str__(self) -> str:
        return self.to_text()
