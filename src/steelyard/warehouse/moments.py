"""Counts, sums and sums of products by group, about constants, in one scan: moments that merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.stats.moments import Moments, merged
from steelyard.warehouse.query import Query, Value, quote_name, quote_text

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["moments", "moments_by_group", "shift_sample", "shifts_of", "unusable_values"]

SAMPLE_ROWS = 2_048
MOST_GROUPS = 100_000


def moments(
    relation: str,
    *,
    by: Sequence[str],
    values: Sequence[str],
    products: Sequence[tuple[str, str]] = (),
    shifts: Mapping[str, float] | None = None,
    where: str | None = None,
    parameters: Mapping[str, Value] | None = None,
    sets: Sequence[Sequence[str]] = (),
) -> Query:
    """One SELECT of mergeable shifted moments by group; `moments_by_group` reads what comes back.

    Each value is read as a double and measured from its shift before it is squared, so that a mean far from zero costs
    no digits. What comes back says by itself which columns and shifts it speaks of. With `sets`, rows are scanned and
    added up once, by all columns, and those sums are added up again by each set: what comes back is as large as the
    sets' groups together, and not as their product.

    Args:
        relation: What is scanned: a table's name as `quote_name` writes it, or a SELECT in parentheses.
        by: Columns to group by; none gives one row.
        values: Columns whose sums, squares and counts of values are wanted.
        products: Pairs of them whose products are wanted too.
        shifts: Column -> a constant near its mean (`shifts_of` a sample); 0 where there is none.
        where: A condition on the relation's rows.
        parameters: Values that relation and condition bind.
        sets: Sets of the columns in `by` that groups are wanted by, each beside the others; none: by all of them.

    >>> query = moments('"users"', by=["arm"], values=["spend"], shifts={"spend": 9.5})
    >>> print(query.sql)
    SELECT "arm", count(*) AS n,
      'spend' AS value_0, CAST($shift_0 AS DOUBLE) AS shift_0, count(v_0) AS count_0, sum(v_0) AS sum_0,
      sum(v_0 * v_0) AS cross_0_0
    FROM (
      SELECT "arm", CAST("spend" AS DOUBLE) - CAST($shift_0 AS DOUBLE) AS v_0
      FROM "users" AS units
    ) AS shifted
    GROUP BY "arm"
    ORDER BY "arm"
    """
    places = {name: place for place, name in enumerate(values)}
    pairs = {(places[one], places[other]) for one, other in products}
    inside = [quote_name(name) for name in by]
    inside += [f"CAST({quote_name(v)} AS DOUBLE) - CAST($shift_{i} AS DOUBLE) AS v_{i}" for v, i in places.items()]
    crossed = sorted({(i, i) for i in places.values()} | {(min(pair), max(pair)) for pair in pairs})
    outside = [_sums_of(name, place) for name, place in places.items()]
    outside += [", ".join(f"sum(v_{i} * v_{j}) AS cross_{i}_{j}" for i, j in crossed)] if crossed else []
    groups = ", ".join(quote_name(name) for name in by)
    lines = [
        f"SELECT {', '.join([groups] * bool(by) + ['count(*) AS n'])}{',' if outside else ''}",
        ",\n".join(f"  {line}" for line in outside),
        "FROM (",
        f"  SELECT {', '.join(inside) or '1 AS one'}",
        f"  FROM {relation} AS units",
        f"  WHERE {where}" if where else "",
        ") AS shifted",
        f"GROUP BY {groups}" if by else "",
        f"ORDER BY {groups}" if by and not sets else "",
    ]
    if sets:
        lines = _added_up("\n".join(line for line in lines if line), by, places, crossed, sets)
    bound = {f"shift_{place}": float((shifts or {}).get(name, 0.0)) for name, place in places.items()}
    return Query(
        sql="\n".join(line for line in lines if line),
        parameters={**(parameters or {}), **bound},
        limit=MOST_GROUPS,
        says="moments by group, about constants near the means",
    )


def _mark(place: int) -> str:
    """Alias of the column that is 1 in rows of the set of columns at that place, and NULL in those of others."""
    return f"set:{place}"


def _sums_of(name: str, place: int) -> str:
    return (
        f"{quote_text(name)} AS value_{place}, CAST($shift_{place} AS DOUBLE) AS shift_{place}, "
        f"count(v_{place}) AS count_{place}, sum(v_{place}) AS sum_{place}"
    )


def _added_up(
    cells: str,
    by: Sequence[str],
    places: Mapping[str, int],
    crossed: Sequence[tuple[int, int]],
    sets: Sequence[Sequence[str]],
) -> list[str]:
    """Sums by all columns added up by each set of them, as lines of SQL; a mark tells the sets apart."""
    marks = [quote_name(_mark(place)) for place in range(len(sets))]
    listed = ", ".join(
        f"({', '.join([*map(quote_name, columns), mark])})" for columns, mark in zip(sets, marks, strict=True)
    )
    outside = [
        f"{quote_text(name)} AS value_{i}, CAST($shift_{i} AS DOUBLE) AS shift_{i}, "
        f"CAST(sum(count_{i}) AS BIGINT) AS count_{i}, sum(sum_{i}) AS sum_{i}"
        for name, i in places.items()
    ]
    outside += [", ".join(f"sum(cross_{i}_{j}) AS cross_{i}_{j}" for i, j in crossed)] if crossed else []
    keys = ", ".join([*map(quote_name, by), *marks])
    return [
        f"SELECT {keys}, CAST(sum(n) AS BIGINT) AS n{',' if outside else ''}",
        ",\n".join(f"  {line}" for line in outside),
        f"FROM (SELECT *, {', '.join(f'1 AS {mark}' for mark in marks)} FROM (",
        cells,
        ") AS cells) AS marked",
        f"GROUP BY GROUPING SETS ({listed})",
        f"ORDER BY {keys}",
    ]


def moments_by_group(
    table: pa.Table, by: Sequence[str], *, of_set: int | None = None
) -> dict[tuple[Any, ...], Moments]:
    """The moments of each group, of a table that `moments` fetched.

    Args:
        table: What came back.
        by: Columns that it was grouped by; groups that differ in others are merged.
        of_set: The place of the set of columns whose rows are read, where there were several.

    Returns:
        Values of the columns in `by` -> the group's moments; empty when there were no rows.
    """
    mark = None if of_set is None else _mark(of_set)
    groups: dict[tuple[Any, ...], list[Moments]] = {}
    for row in table.to_pylist():
        if row["n"] and (mark is None or row[mark]):
            groups.setdefault(tuple(row[name] for name in by), []).append(_moments_of(row))
    return {key: merged(group) for key, group in groups.items()}


def _moments_of(row: Mapping[str, Any]) -> Moments:
    import numpy as np

    k = sum(1 for name in row if name.startswith("value_"))
    products = np.full((k, k), np.nan)
    for i in range(k):
        for j in range(i, k):
            if f"cross_{i}_{j}" in row:
                products[i, j] = products[j, i] = _number(row[f"cross_{i}_{j}"])
    return Moments.of_sums(
        names=[row[f"value_{i}"] for i in range(k)],
        rows=row["n"],
        counts=[row[f"count_{i}"] for i in range(k)],
        shifts=np.array([_number(row[f"shift_{i}"]) for i in range(k)]),
        sums=np.array([_number(row[f"sum_{i}"]) for i in range(k)]),
        products=products,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def shift_sample(
    relation: str,
    values: Sequence[str],
    *,
    where: str | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Query:
    """The means of the first rows, for `shifts_of`; arguments as `moments`.

    Any constant near the mean will do, so that no order is asked for.

    >>> print(shift_sample('"users"', ["spend"]).sql)
    SELECT 'spend' AS value_0, avg(v_0) AS shift_0
    FROM (
      SELECT CAST("spend" AS DOUBLE) AS v_0
      FROM "users" AS units
      LIMIT 2048
    ) AS sampled
    """
    outside = [f"{quote_text(name)} AS value_{i}, avg(v_{i}) AS shift_{i}" for i, name in enumerate(values)]
    inside = [f"CAST({quote_name(name)} AS DOUBLE) AS v_{i}" for i, name in enumerate(values)]
    lines = [
        f"SELECT {', '.join(outside) or 'count(*) AS n'}",
        "FROM (",
        f"  SELECT {', '.join(inside) or '1 AS one'}",
        f"  FROM {relation} AS units",
        f"  WHERE {where}" if where else "",
        f"  LIMIT {SAMPLE_ROWS}",
        ") AS sampled",
    ]
    sql = "\n".join(line for line in lines if line)
    return Query(sql=sql, parameters=parameters or {}, limit=1, says="constants near the means")


def shifts_of(table: pa.Table) -> dict[str, float]:
    """Column -> shift, of what `shift_sample` fetched; 0 where the sample had no finite mean."""
    import math

    (row,) = table.to_pylist()
    names = {key.removeprefix("value_"): row[key] for key in row if key.startswith("value_")}
    shifts = {name: _number(row[f"shift_{place}"]) for place, name in names.items()}
    return {name: shift if math.isfinite(shift) else 0.0 for name, shift in shifts.items()}


def unusable_values(
    relation: str,
    *,
    by: Sequence[str],
    values: Sequence[str],
    where: str | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Query:
    """Rows whose value is NULL, and rows whose value is NaN or infinite, by group; arguments as `moments`.

    >>> "AS null_0" in unusable_values('"users"', by=["arm"], values=["spend"]).sql
    True
    """
    groups = [quote_name(name) for name in by]
    # Only of NaN and infinity is `x - x` another number than 0, on every engine.
    inside = [f"CAST({quote_name(name)} AS DOUBLE) AS v_{i}" for i, name in enumerate(values)]
    outside = [
        f"{quote_text(name)} AS value_{i}, count(*) - count(v_{i}) AS null_{i}, "
        f"sum(CASE WHEN v_{i} - v_{i} <> 0 THEN 1 ELSE 0 END) AS not_finite_{i}"
        for i, name in enumerate(values)
    ]
    lines = [
        f"SELECT {', '.join([*groups, 'count(*) AS n', *outside])}",
        f"FROM (SELECT {', '.join([*groups, *inside])} FROM {relation} AS units",
        f"  WHERE {where}" if where else "",
        ") AS read_values",
        f"GROUP BY {', '.join(groups)}\nORDER BY {', '.join(groups)}" if groups else "",
    ]
    sql = "\n".join(line for line in lines if line)
    return Query(sql=sql, parameters=parameters or {}, limit=MOST_GROUPS, says="values that cannot be used, by group")
