"""How a product answer was made: the definition, the queries, what was read and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steelyard.result import Read, TableRead
from steelyard.warehouse import KeyProof

if TYPE_CHECKING:
    from steelyard.document import Block

__all__ = ["ProductHow", "RowsRead"]


@dataclass(frozen=True, kw_only=True)
class RowsRead:
    """What was counted of one table.

    Args:
        table: The table.
        what: What its rows are in the definition, such as `steps`.
        rows: Rows that the definition's conditions keep, whatever the question's dates are.
        of_nobody: Of them, those that do not say whom they are of; they are left out.
        without_time: Of them, those that have no time; they are left out.
        first_day: The first local day that the table has, ISO; empty where it has none.
        last_day: The last local day.
    """

    table: str
    what: str
    rows: int
    of_nobody: int
    without_time: int
    first_day: str = ""
    last_day: str = ""


@dataclass(frozen=True, kw_only=True)
class ProductHow:
    """How an answer was made.

    Args:
        kind: `funnel`, `sessions`, `cohorts`, `lifecycle`, `attribution` or `paths`.
        definition: The definition and the question, as plain values.
        digest: The digest of that.
        rules: The rules that were followed, in words.
        reads: Every query, as written and as sent, in order; the last gave the answer.
        rows: What was counted of each table.
        left_out: What else was left out -> how many.
        proofs: The keys that were proved, and on which version.
    """

    kind: str
    definition: Mapping[str, Any]
    digest: str
    rules: tuple[str, ...]
    reads: tuple[Read, ...]
    rows: tuple[RowsRead, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    proofs: tuple[KeyProof, ...] = ()

    @property
    def sql(self) -> str:
        """The SELECT that gave the answer."""
        return self.reads[-1].sql

    @property
    def tables(self) -> tuple[TableRead, ...]:
        """The tables that were read, with their versions."""
        return self.reads[-1].tables

    def to_dict(self) -> dict[str, Any]:
        """The whole of it as plain values."""
        from steelyard.canonical import plain

        said = plain(self)
        assert isinstance(said, dict)  # noqa: S101 - a dataclass is an object
        return said

    def blocks(self) -> list[Block]:
        """The whole of it as blocks."""
        from steelyard.metrics.product.product_blocks import how_blocks

        return how_blocks(self)

    def to_text(self, width: int = 100) -> str:
        """The whole of it as plain text."""
        from steelyard.document import to_text

        return to_text(self.blocks(), width=width)

    def __str__(self) -> str:
        return self.to_text()
