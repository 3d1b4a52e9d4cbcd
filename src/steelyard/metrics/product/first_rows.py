"""The SQL of each entity's first row: its local day, and what it says of the entity."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.metrics.product.source import Source

__all__ = ["first_rows"]


def first_rows(source: Source, condition: str, told: Mapping[str, str]) -> str:
    """One row an entity: `entity`, `day` (the local day of its first row), and what else that row says.

    Of several first rows of one moment the first by the sequence counts, then the one with the smallest values.

    Args:
        source: The rows.
        condition: Which of them count.
        told: Output column -> its SQL over a row.
    """
    kept = [source.known, condition]
    if not told:
        outputs = {"entity": source.owner, "day": f"min({source.clock.day})"}
        return source.select(outputs, kept) + "\nGROUP BY 1"
    order = ", ".join(text for text in (source.clock.column, source.sequence, *told.values()) if text)
    place = f"row_number() OVER (PARTITION BY {source.owner} ORDER BY {order})"
    inner = source.select({"entity": source.owner, "day": source.clock.day, **told, "place": place}, kept)
    indented = inner.replace("\n", "\n  ")
    return f"SELECT entity, day, {', '.join(told)}\nFROM (\n  {indented}\n) AS placed\nWHERE place = 1"
