"""What a question gave: an Arrow table, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steelyard.document import Block
from steelyard.metrics.exported_table import ExportedTable
from steelyard.metrics.how import How
from steelyard.metrics.local_hours import with_offset
from steelyard.metrics.metric import Metric
from steelyard.metrics.question import Question
from steelyard.result import Provenance

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa


__all__ = ["MetricTable"]


@dataclass(frozen=True, kw_only=True)
class MetricTable(ExportedTable):
    """What a question gave.

    Args:
        table: `period` where a grain was asked (the first local day of each; of an hour its first moment, in the
            project's zone), the dimensions, one column a metric.
        question: What was asked.
        metrics: The metrics' definitions, in order.
        how: How it was made.
        provenance: The same as a study's results carry it.
        partial: Periods that the data or the range cuts short, and how; they do not compare with whole ones.
        notes: What a reader must know.
        truncated: Whether there are more rows than `limit`.
        withheld: How many groups are not told, for they are too small, or would tell of one that is.
        non_additive: Metric -> the columns over which its values do not add up to the whole.
    """

    table: pa.Table
    question: Question
    metrics: tuple[Metric, ...]
    how: How
    provenance: Provenance
    partial: Mapping[date, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    truncated: bool = False
    withheld: int = 0
    non_additive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The columns that are no metrics, `period` first."""
        names = {metric.name for metric in self.metrics}
        return tuple(name for name in self.table.column_names if name not in names)

    def rows(self) -> list[dict[str, Any]]:
        """The rows as mappings; an hour says its offset from UTC, which tells the two of a repeated hour apart."""
        rows: list[dict[str, Any]] = self.table.to_pylist()
        if self.question.grain == "hour":
            zone = self.table.schema.field("period").type.tz
            for row in rows:
                row["period"] = with_offset(row["period"], zone) if row["period"] is not None else None
        return rows

    def blocks(self) -> list[Block]:
        """The answer as blocks: a figure, a chart over time or a table, and what to know of it."""
        from steelyard.metrics.metric_blocks import metric_blocks

        return metric_blocks(self)

    def to_dict(self) -> dict[str, Any]:
        """The rows and how they were made, as plain values."""
        from steelyard.canonical import plain

        return {
            "rows": plain(self.rows()),
            "partial": {day.isoformat(): says for day, says in self.partial.items()},
            "notes": list(self.notes),
            "truncated": self.truncated,
            "withheld": self.withheld,
            "non_additive": {name: list(columns) for name, columns in self.non_additive.items()},
            "how": self.how.to_dict(),
        }
