"""Values at or below the quantile of a post-stratified distribution, counted by stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.stats.stratified_quantile import StratumCounts
from steelyard.warehouse.query import Query, quote_name
from steelyard.warehouse.weighted_cells import BESIDE, Wanted, WeightedCells, reached

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CellCounts", "counts_by_group", "stratified_counts"]

UNIT = "unit_id"


@dataclass(frozen=True, kw_only=True)
class CellCounts:
    """The strata of one group beside another.

    Args:
        address: The group, the group beside it, and the values of the columns that both are within.
        place: The group's number, by which its levels are asked for.
        units: Units that have values.
        strata: For each quantile, the counts of each stratum that has values.
    """

    address: tuple[Any, ...]
    place: int
    units: int
    strata: tuple[tuple[StratumCounts, ...], ...]


def stratified_counts(cells: WeightedCells, quantiles: Sequence[tuple[int, float]], unit: str = "") -> Query:
    """Counts by cell: units, their values, and those at or below the least value at which F reaches the quantile.

    Finds the quantiles in the same query. `counts_by_group` reads what comes back.

    Args:
        cells: The values and their strata.
        quantiles: Places of columns, each with the quantile that is counted below.
        unit: Column of the unit's id where a unit may have several values; empty where it has one.

    >>> cells = WeightedCells(relation='"users"', units='"users"', group="arm", against="a", within=(),
    ...                       strata=("plan",), columns=("ms",))
    >>> sql = stratified_counts(cells, [(0, 0.9)]).sql
    >>> "min(CASE WHEN before_0 + upto >= (0.9 - 1e-10) * total THEN v END) AS q_0 FROM placed_0" in sql
    True
    """
    below = ", ".join(
        f"sum(CASE WHEN v_{column} <= q_{i} THEN 1 ELSE 0 END) AS below_{i}" for i, (column, _) in enumerate(quantiles)
    )
    id_column = f", units.{quote_name(unit)} AS {UNIT}" if unit else ""
    by_unit = f"cell, {UNIT}" if unit else "cell"
    joined = " ".join(f"JOIN found_{i} USING (place)" for i in range(len(quantiles)))
    steps = [
        *cells.steps([Wanted(column=column, least=share, most=share) for column, share in quantiles], id_column),
        *(
            f"found_{i} AS (SELECT place, {reached(i, repr(share))} AS q_{i} FROM placed_{i} "
            "JOIN totals USING (place) GROUP BY place)"
            for i, (_, share) in enumerate(quantiles)
        ),
        f"counted AS (SELECT {by_unit}, count(*) AS size, {below} FROM read_values {joined} GROUP BY {by_unit})",
    ]
    summed = ["count(*) AS units_seen", "sum(size) AS sizes", "sum(size * size) AS sizes_squared"]
    for i in range(len(quantiles)):
        summed += [f"sum(below_{i}) AS below_{i}", f"sum(below_{i} * below_{i}) AS squared_{i}",
                   f"sum(size * below_{i}) AS product_{i}"]  # fmt: skip
    keys = f"{cells.addresses}, cells.place, cells.cell, cells.units, cells.weight"
    written = ",\n".join(steps)
    sql = f"""WITH {written}
SELECT {keys}, {", ".join(summed)}
FROM counted JOIN cells USING (cell)
GROUP BY {keys}
ORDER BY cells.cell"""
    return Query(sql=sql, parameters=cells.bound, says="values below a quantile of weighted strata, by stratum")


def counts_by_group(table: pa.Table, within: Sequence[str], *, one_value_each: bool) -> list[CellCounts]:
    """What `stratified_counts` fetched.

    Args:
        table: What came back.
        within: The columns that groups are within.
        one_value_each: Whether a unit has one value.
    """
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        groups.setdefault(int(row["place"]), []).append(row)
    group = table.column_names[0]
    quantiles = sum(1 for name in table.column_names if name.startswith("below_"))
    return [
        CellCounts(
            address=tuple(rows[0][name] for name in (group, BESIDE, *within)),
            place=place,
            units=sum(int(row["sizes"] if one_value_each else row["units_seen"]) for row in rows),
            strata=tuple(tuple(_counts(row, i, one_value_each) for row in rows) for i in range(quantiles)),
        )
        for place, rows in groups.items()
    ]


def _counts(row: dict[str, Any], i: int, one_value_each: bool) -> StratumCounts:
    weight, units, below = float(row["weight"]), int(row["units"]), int(row[f"below_{i}"])
    if one_value_each:
        return StratumCounts.of_units(weight, units, below)
    return StratumCounts(
        weight=weight,
        units=units,
        sizes=int(row["sizes"]),
        sizes_squared=int(row["sizes_squared"]),
        below=below,
        below_squared=int(row[f"squared_{i}"]),
        product=int(row[f"product_{i}"]),
    )
