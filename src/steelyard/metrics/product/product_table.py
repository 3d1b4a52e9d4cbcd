"""What a product question gave: Arrow tables, and how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steelyard.document import Block
from steelyard.metrics.exported_table import ExportedTable
from steelyard.metrics.product.product_how import ProductHow
from steelyard.result import Provenance

if TYPE_CHECKING:
    import pyarrow as pa


__all__ = ["ProductTable"]


@dataclass(frozen=True, kw_only=True)
class ProductTable(ExportedTable):
    """What a funnel, a cohort table or another product question gave.

    Args:
        name: The definition's name.
        kind: `funnel`, `sessions`, `cohorts`, `lifecycle`, `attribution` or `paths`.
        table: The answer.
        tables: Further tables of it by name, such as `pooled` of cohorts and `transitions` of paths.
        by: The columns of the segments.
        how: How it was made.
        provenance: The same as a study's results carry it.
        notes: What a reader must know.
    """

    name: str
    kind: str
    table: pa.Table
    how: ProductHow
    provenance: Provenance
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def rows(self, table: str = "") -> list[dict[str, Any]]:
        """The rows of the answer, or of one of its further tables, as mappings.

        Raises:
            UnknownNameError: There is no table of that name.
        """
        if not table:
            return self.table.to_pylist()
        if table not in self.tables:
            from steelyard.errors import unknown_name

            raise unknown_name(f"table of {self.name!r}", table, self.tables)
        return self.tables[table].to_pylist()

    def blocks(self) -> list[Block]:
        """The answer as blocks: a chart, the table, and what to know of it."""
        from steelyard.metrics.product.product_blocks import product_blocks

        return product_blocks(self)

    def to_dict(self) -> dict[str, Any]:
        """The tables and how they were made, as plain values."""
        from steelyard.canonical import plain

        return {
            "name": self.name,
            "kind": self.kind,
            "rows": plain(self.rows()),
            "tables": {name: plain(table.to_pylist()) for name, table in self.tables.items()},
            "notes": list(self.notes),
            "how": self.how.to_dict(),
        }
