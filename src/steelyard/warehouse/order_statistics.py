"""Quantiles of columns by group, in one scan: single values, so that no row leaves the warehouse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.warehouse.moments import MOST_GROUPS
from steelyard.warehouse.query import Query, Value, quote_name, quote_text

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OrderStatistics", "order_statistics", "order_statistics_by_group"]


@dataclass(frozen=True, kw_only=True)
class OrderStatistics:
    """Some quantiles of one column in one group.

    Args:
        rows: Rows of the group.
        values: Rows that have a value.
        not_finite: Rows whose value is NaN or infinite.
        at: Level -> the quantile, interpolated between neighbours (R's type 7); None where there is no value.
    """

    rows: int
    values: int
    not_finite: int
    at: Mapping[float, float | None]

    @property
    def usable(self) -> bool:
        """Whether every row has a finite value, and there is one."""
        return self.rows == self.values > 0 and self.not_finite == 0


def order_statistics(
    relation: str,
    *,
    by: Sequence[str],
    levels: Mapping[str, Sequence[float]],
    where: str | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Query:
    """One SELECT of quantiles by group; `order_statistics_by_group` reads what comes back.

    The level (rank - 1) / (n - 1) of n values gives the value of that rank. Every group gets all levels: a list of them
    costs an engine hardly more than one, and a group's own stand in it.

    Args:
        relation: What is scanned: a table's name as `quote_name` writes it, or a SELECT in parentheses.
        by: Columns to group by; none gives one row.
        levels: Column -> levels from 0 to 1.
        where: A condition on the relation's rows.
        parameters: Values that relation and condition bind.

    >>> print(order_statistics('"users"', by=["arm"], levels={"latency": [0.5, 0.9]}).sql)
    SELECT "arm", count(*) AS n,
      'latency' AS value_0, '[0.5, 0.9]' AS levels_0, count(v_0) AS count_0, sum(CASE WHEN v_0 - v_0 <> 0 THEN 1 ELSE 0 END) AS not_finite_0, quantile_cont(v_0, 0.5) AS at_0_0, quantile_cont(v_0, 0.9) AS at_0_1
    FROM (SELECT "arm", CAST("latency" AS DOUBLE) AS v_0 FROM "users" AS units) AS read_values
    GROUP BY "arm"
    ORDER BY "arm"
    """  # noqa: E501 - the SQL as it is
    groups = ", ".join(quote_name(name) for name in by)
    inside = [quote_name(name) for name in by]
    inside += [f"CAST({quote_name(name)} AS DOUBLE) AS v_{i}" for i, name in enumerate(levels)]
    outside = ",\n".join(f"  {_column(i, name, tuple(own))}" for i, (name, own) in enumerate(levels.items()))
    condition = f" WHERE {where}" if where else ""
    lines = [
        f"SELECT {groups}{', ' if by else ''}count(*) AS n,",
        outside,
        f"FROM (SELECT {', '.join(inside)} FROM {relation} AS units{condition}) AS read_values",
        f"GROUP BY {groups}\nORDER BY {groups}" if by else "",
    ]
    sql = "\n".join(line for line in lines if line)
    return Query(sql=sql, parameters=parameters or {}, limit=MOST_GROUPS, says="order statistics by group")


def _column(place: int, name: str, levels: tuple[float, ...]) -> str:
    # Only of NaN and infinity is `x - x` another number than 0, on every engine.
    parts = [
        f"{quote_text(name)} AS value_{place}",
        f"{quote_text(json.dumps(levels))} AS levels_{place}",
        f"count(v_{place}) AS count_{place}",
        f"sum(CASE WHEN v_{place} - v_{place} <> 0 THEN 1 ELSE 0 END) AS not_finite_{place}",
    ]
    parts += [f"quantile_cont(v_{place}, {level!r}) AS at_{place}_{j}" for j, level in enumerate(levels)]
    return ", ".join(parts)


def order_statistics_by_group(table: pa.Table, by: Sequence[str]) -> dict[tuple[Any, ...], dict[str, OrderStatistics]]:
    """Values of the columns in `by` -> column -> its quantiles, of a table that `order_statistics` fetched."""
    rows = table.to_pylist()
    return {tuple(row[name] for name in by): _columns_of(row) for row in rows if row["n"]}


def _columns_of(row: Mapping[str, Any]) -> dict[str, OrderStatistics]:
    found: dict[str, OrderStatistics] = {}
    for key in row:
        place = key.removeprefix("value_")
        if place == key:
            continue
        levels = json.loads(row[f"levels_{place}"])
        found[row[key]] = OrderStatistics(
            rows=int(row["n"]),
            values=int(row[f"count_{place}"]),
            not_finite=int(row[f"not_finite_{place}"] or 0),
            at={float(level): row[f"at_{place}_{j}"] for j, level in enumerate(levels)},
        )
    return found
