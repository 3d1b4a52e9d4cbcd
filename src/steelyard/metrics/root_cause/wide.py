"""A cube that is too wide to fetch: the engine adds small values up as `(other)`, over the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from steelyard.errors import DataError
from steelyard.metrics.expression import UNKNOWN
from steelyard.warehouse import Query, Warehouse
from steelyard.warehouse.query import quote_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["cut_in_engine"]

MOST_VALUES = 50
LIKELY_CELLS = 16_000_000
OTHER = "(other)"


def cut_in_engine(
    warehouse: Warehouse, cube: Query, columns: Sequence[str], amounts: Mapping[str, str], days: int
) -> tuple[pa.Table, list[str], dict[str, int], dict[str, str]]:
    """The cube with at most 50 values and `(other)` a dimension, and with as many dimensions as it can have.

    Args:
        warehouse: Where it is asked.
        cube: The query that gives more cells than its limit.
        columns: Its dimensions.
        amounts: Our names of its aggregates -> its columns.
        days: How many days it may have.

    Returns:
        The cells, the dimensions kept, those cut -> values that stand apart, and those left out -> why.
    """
    sizes = _sizes(warehouse, cube, columns)
    kept = _affordable(sizes, days)
    while True:
        cut = {name: MOST_VALUES for name in kept if sizes[name] > MOST_VALUES}
        try:
            table = warehouse.fetch(_cut(cube, kept, cut, amounts))
        except DataError:
            if len(kept) == 1:
                raise
            kept = [name for name in kept if name != max(kept, key=lambda name: sizes[name])]
            continue
        dropped = {
            name: f"with its {sizes[name]:,} values the leaves are too many to search" for name in columns
            if name not in kept
        }  # fmt: skip
        return table, kept, cut, dropped


def _sizes(warehouse: Warehouse, cube: Query, columns: Sequence[str]) -> dict[str, int]:
    counts = ", ".join(f"count(DISTINCT {quote_name(name)}) AS n{place}" for place, name in enumerate(columns))
    row = warehouse.fetch(replace(cube, sql=f"WITH cube AS (\n{cube.sql}\n)\nSELECT {counts}\nFROM cube", limit=1))
    values = row.to_pylist()[0]
    return {name: int(values[f"n{place}"]) for place, name in enumerate(columns)}


def _affordable(sizes: Mapping[str, int], days: int) -> list[str]:
    """As many dimensions as the cells allow, those with the fewest values first; in the order given."""
    kept: list[str] = []
    cells = float(days)
    for name in sorted(sizes, key=lambda name: sizes[name]):
        cells *= min(sizes[name], MOST_VALUES) + 1
        if kept and cells > LIKELY_CELLS:
            break
        kept.append(name)
    return [name for name in sizes if name in kept]


def _cut(cube: Query, kept: Sequence[str], cut: Mapping[str, int], amounts: Mapping[str, str]) -> Query:
    weight = quote_name(amounts.get("rows", amounts.get("denominator", next(iter(amounts.values())))))
    steps = [f"cube AS (\n{cube.sql}\n)"]
    shown = []
    for place, name in enumerate(kept):
        column = quote_name(name)
        text = f"coalesce(CAST(cube.{column} AS VARCHAR), '{UNKNOWN}')"
        if name in cut:
            steps.append(
                f"biggest_{place} AS (\nSELECT {column} AS kept FROM cube WHERE {column} IS NOT NULL\n"
                f"GROUP BY {column} ORDER BY sum(abs({weight})) DESC, {column} LIMIT {cut[name]}\n)"
            )
            stands = f"cube.{column} IS NULL OR cube.{column} IN (SELECT kept FROM biggest_{place})"
            text = f"CASE WHEN {stands} THEN {text} ELSE '{OTHER}' END"
        shown.append(f"{text} AS {column}")
    sums = [f"sum(cube.{quote_name(name)}) AS {quote_name(name)}" for name in amounts.values()]
    groups = ", ".join(str(number) for number in range(1, len(kept) + 2))
    selected = ",\n  ".join(["cube.period AS period", *shown, *sums])
    sql = "WITH " + ",\n".join(steps) + f"\nSELECT\n  {selected}\nFROM cube\nGROUP BY {groups}"
    return replace(cube, sql=sql)
