"""Values of a post-stratified distribution at the levels that each group asks for, in one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.warehouse.query import Query
from steelyard.warehouse.weighted_cells import BESIDE, Wanted, WeightedCells, reached

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Bounds", "WeightedValues", "weighted_order_statistics", "weighted_values_by_group"]

Bounds = tuple[float, float, float]
"""Levels of the lower bound, the quantile, and the upper bound."""


@dataclass(frozen=True, kw_only=True)
class WeightedValues:
    """A quantile in one group with the values that bound it.

    Args:
        rows: Rows of the group.
        values: Rows that have a value.
        not_finite: Rows whose value is NaN or infinite.
        low: Value at the lower level; None where there is no value.
        value: The quantile.
        high: Value at the upper level.
        between: How many values of equal weight those above the lower and up to the upper level are worth (Kish).
    """

    rows: int
    values: int
    not_finite: int
    low: float | None
    value: float | None
    high: float | None
    between: float

    @property
    def usable(self) -> bool:
        """Whether every row has a finite value, and there is one."""
        return self.rows == self.values > 0 and self.not_finite == 0


def weighted_order_statistics(
    cells: WeightedCells, columns: Sequence[int], levels: Mapping[int, Sequence[Bounds]]
) -> Query:
    """The least values at which the weight up to them reaches the levels, by group.

    `weighted_values_by_group` reads what comes back.

    Args:
        cells: The values and their strata.
        columns: For each quantile, the place of its column.
        levels: Number of a group, as `stratified_counts` gives it -> its levels for each quantile; a level outside 0 to
            1 is asked for at the end of the values.

    >>> cells = WeightedCells(relation='"users"', units='"users"', group="arm", against="a", within=(),
    ...                       strata=("plan",), columns=("ms",))
    >>> "(1, 0.4, 0.5, 0.6)" in weighted_order_statistics(cells, [0], {1: [(0.4, 0.5, 0.6)]}).sql
    True
    """
    asked = ", ".join(
        f"({', '.join([str(place), *(repr(min(max(x, 0.0), 1.0)) for bounds in own for x in bounds)])})"
        for place, own in levels.items()
    )
    names = ", ".join(f"low_{i}, mid_{i}, high_{i}" for i in range(len(columns)))
    wanted = [
        Wanted(column=column, least=min(own[i][0] for own in levels.values()),
               most=max(own[i][2] for own in levels.values()))
        for i, column in enumerate(columns)
    ]  # fmt: skip
    steps = [
        *cells.steps(wanted),
        f"asked AS (SELECT * FROM (VALUES {asked}) AS levels(place, {names}))",
        *(_bounded(i) for i in range(len(columns))),
        f"groups AS (SELECT DISTINCT place, {cells.addresses} FROM cells)",
    ]
    listed = "".join(f", count_{i}, not_finite_{i}, bounded_{i}.*" for i in range(len(columns)))
    joined = " ".join(f"JOIN bounded_{i} ON bounded_{i}.place_{i} = groups.place" for i in range(len(columns)))
    written = ",\n".join(steps)
    sql = f"""WITH {written}
SELECT {cells.addresses.replace("cells.", "groups.")}, totals.n{listed}
FROM groups JOIN totals ON totals.place = groups.place {joined}
ORDER BY groups.place"""
    return Query(sql=sql, parameters=cells.bound, says="order statistics of weighted strata by group")


def _bounded(i: int) -> str:
    upto = f"before_{i} + upto"
    inside = f"{upto} - w >= low_{i} * total AND {upto} - w < high_{i} * total"
    return (
        f"bounded_{i} AS (SELECT place AS place_{i}, {reached(i, f'low_{i}')} AS at_low_{i}, "
        f"{reached(i, f'mid_{i}')} AS at_mid_{i}, {reached(i, f'high_{i}')} AS at_high_{i}, "
        f"sum(CASE WHEN {inside} THEN w END) AS weight_{i}, sum(CASE WHEN {inside} THEN w * w END) AS squares_{i} "
        f"FROM placed_{i} JOIN totals USING (place) JOIN asked USING (place) GROUP BY place)"
    )


def weighted_values_by_group(
    table: pa.Table, within: Sequence[str]
) -> dict[tuple[Any, ...], tuple[WeightedValues, ...]]:
    """The group, the group beside it and the values of the columns in `within` -> its quantiles.

    Args:
        table: What `weighted_order_statistics` fetched.
        within: The columns that groups are within.
    """
    group, quantiles = table.column_names[0], sum(1 for name in table.column_names if name.startswith("at_mid_"))
    return {
        tuple(row[name] for name in (group, BESIDE, *within)): tuple(_values(row, i) for i in range(quantiles))
        for row in table.to_pylist()
    }


def _values(row: Mapping[str, Any], i: int) -> WeightedValues:
    weight, squares = row[f"weight_{i}"], row[f"squares_{i}"]
    return WeightedValues(
        rows=int(row["n"]),
        values=int(row[f"count_{i}"]),
        not_finite=int(row[f"not_finite_{i}"] or 0),
        low=row[f"at_low_{i}"],
        value=row[f"at_mid_{i}"],
        high=row[f"at_high_{i}"],
        between=float(weight) ** 2 / float(squares) if squares else 1.0,
    )
