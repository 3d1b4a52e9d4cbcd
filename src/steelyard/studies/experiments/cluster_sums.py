"""Units added up by the cluster that was randomised, as SQL; and what came back of it, as moments of clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard.stats.cluster_moments import ClusterMoments
from steelyard.stats.moments import Moments
from steelyard.warehouse.moments import moments, moments_by_group
from steelyard.warehouse.query import Query, Value, quote_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CLUSTER", "SIZE", "cluster_moments", "moments_of_clusters", "place_of", "squared", "unit_variance"]

CLUSTER, SIZE = "cluster", "cluster_size"
"""The cluster's id, and the units of it that stand in one arm and segment."""


def place_of(segment: str) -> str:
    """Alias of the column that is 1 in rows of a segment's values, and NULL in those of everybody."""
    return f"{segment}:only"


def squared(column: str) -> str:
    """Alias of the squares of a column's values, about the constant that they are measured from."""
    return f"{column}:squared"


def cluster_moments(
    relation: str,
    *,
    by: Sequence[str],
    least: Sequence[str] = (),
    segments: Sequence[str] = (),
    values: Sequence[str],
    squares: Sequence[str] = (),
    products: Sequence[tuple[str, str]] = (),
    shifts: Mapping[str, float],
    where: str | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Query:
    """One SELECT that adds units up by cluster, and clusters by their size: no cluster leaves the warehouse alone.

    A cluster may stand in several segments, so that everybody is no sum of segments: both are grouped for, in one scan.
    What comes back has a row for each size of cluster, of which N units have at most the root of 2 N in an arm.

    Args:
        relation: One row a unit, with its `cluster`.
        by: Columns that are the same in all units of a cluster, such as the arm, its stage and its strata.
        least: Columns of whose values a cluster stands with the least one, such as the day; not in rows of segments.
        segments: Columns that may differ within a cluster.
        values: Columns whose totals are wanted; a cluster in which one value is missing has none.
        squares: Those of them whose squares are totalled too.
        products: Pairs of values whose totals are multiplied.
        shifts: Column -> a constant near its mean, from which each unit's value is measured before it is added.
        where: A condition on the relation's rows.
        parameters: Values that relation and condition bind.
    """
    kept = [quote_name(name) for name in (*by, *segments)]
    marks = [quote_name(place_of(name)) for name in segments]
    near = {f"near_{place}": float(shifts.get(name, 0.0)) for place, name in enumerate(values)}
    inside = [*kept, *map(quote_name, least), *(f"1 AS {mark}" for mark in marks), quote_name(CLUSTER)]
    inside += [
        f"CAST({quote_name(name)} AS DOUBLE) - CAST($near_{i} AS DOUBLE) AS u_{i}" for i, name in enumerate(values)
    ]
    everybodys = " AND ".join(f"{mark} IS NULL" for mark in marks)
    first = [f"min({quote_name(name)})" for name in least]
    first = [f"CASE WHEN {everybodys} THEN {one} END" for one in first] if marks else first
    kept += [f"{one} AS {quote_name(name)}" for one, name in zip(first, least, strict=True)]
    totals = [_total(f"u_{i}", f"u_{i}", name) for i, name in enumerate(values)]
    totals += [_total(f"u_{i}", f"u_{i} * u_{i}", squared(name)) for i, name in enumerate(values) if name in squares]
    everybody = [quote_name(name) for name in (*by, CLUSTER)]
    sets = [everybody, *([*everybody, quote_name(name), mark] for name, mark in zip(segments, marks, strict=True))]
    grouped = ", ".join(everybody)
    if segments:
        listed = ["(" + ", ".join(one) + ")" for one in sets]
        grouped = f"GROUPING SETS ({', '.join(listed)})"
    lines = [
        f"(SELECT {', '.join([*kept, *marks, f'count(*) AS {SIZE}'])},\n  {', '.join(totals)}",
        f"FROM (SELECT {', '.join(inside)}",
        f"  FROM {relation} AS units{f' WHERE {where}' if where else ''}) AS members",
        f"GROUP BY {grouped})",
    ]
    return moments(
        "\n".join(lines),
        by=(*by, *least, *segments, *map(place_of, segments), SIZE),
        values=(*values, *(squared(name) for name in values if name in squares)),
        products=products,
        parameters={**(parameters or {}), **near},
    )


def _total(value: str, added: str, alias: str) -> str:
    """NULL where a value is: a total of those that are there would pass for the whole."""
    return f"CASE WHEN count({value}) = count(*) THEN sum({added}) END AS {quote_name(alias)}"


def moments_of_clusters(
    table: pa.Table,
    by: Sequence[str],
    shifts: Mapping[str, float],
    *,
    segment: str = "",
    all_segments: Sequence[str] = (),
) -> dict[tuple[Any, ...], ClusterMoments]:
    """What `cluster_moments` fetched: values of the columns in `by` -> the moments of their clusters.

    Args:
        table: What came back.
        by: The columns that are the same within a cluster.
        shifts: The constants that units' values were measured from.
        segment: The segment's column by which clusters are divided too, its value last in the key; empty: everybody.
        all_segments: All the segments that were asked for.
    """
    marks = [place_of(name) for name in all_segments]
    columns = (*by, *((segment,) if segment else ()), SIZE, *marks)
    wanted = tuple(1 if segment and mark == place_of(segment) else None for mark in marks)
    groups: dict[tuple[Any, ...], dict[int, Moments]] = {}
    for key, group in moments_by_group(table, columns).items():
        labels, size = key[: -1 - len(marks)], key[-1 - len(marks)]
        if tuple(key[len(key) - len(marks) :]) == wanted:
            groups.setdefault(labels, {})[int(size)] = group
    names = next((group.names for sizes in groups.values() for group in sizes.values()), ())
    origin = np.array([shifts.get(name, 0.0) for name in names])
    return {key: ClusterMoments.of_sizes(sizes, origin) for key, sizes in groups.items()}


def unit_variance(found: Moments, column: str) -> float:
    """The sample variance of a column over units, whether they came in clusters or not; NaN where nothing says it."""
    if not isinstance(found, ClusterMoments):
        return found.variance(column)
    if squared(column) not in found.names or found.units < 2:
        return float("nan")
    spread = found.mean(squared(column)) - found.offset_of(column) ** 2
    return max(spread, 0.0) * found.units / (found.units - 1)
