"""Values at or below a quantile, counted by cluster, as moments over clusters: what its design effect is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from steelyard.warehouse.moments import moments
from steelyard.warehouse.query import Query, Value, quote_name

__all__ = ["SIZE", "below", "clustered_counts"]

SIZE = "size"
"""Column of the moments: values of a cluster."""


def below(place: int) -> str:
    """Column of the moments: values of a cluster at or below the quantile at this place."""
    return f"below_{place}"


def clustered_counts(
    relation: str,
    *,
    by: Sequence[str],
    cluster: str,
    quantiles: Sequence[tuple[str, float]],
    where: str | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Query:
    """Moments by group over clusters: their sizes, and how many of their values lie at or below the group's quantiles.

    The quantiles are found in the same query. `moments_by_group` reads what comes back.

    Args:
        relation: What is scanned, one row a value: a table's name as `quote_name` writes it, or a SELECT in
            parentheses.
        by: Columns to group by; a row in which one is NULL is in no group.
        cluster: The cluster's id, as SQL over the relation, whose alias is `units`.
        quantiles: Columns, each with the quantile that is counted below.
        where: A condition on the relation's rows.
        parameters: Values that relation and condition bind.

    >>> query = clustered_counts('"views"', by=["arm"], cluster="units.visitor", quantiles=[("ms", 0.9)])
    >>> "sum(CASE WHEN v_0 <= q_0 THEN 1 ELSE 0 END) AS below_0" in query.sql
    True
    """
    groups = [quote_name(name) for name in by]
    listed = "".join(f"{name}, " for name in groups)
    values = ", ".join(f"CAST({quote_name(name)} AS DOUBLE) AS v_{i}" for i, (name, _) in enumerate(quantiles))
    found = ", ".join(f"quantile_cont(v_{i}, {share!r}) AS q_{i}" for i, (_, share) in enumerate(quantiles))
    counts = ", ".join(f"sum(CASE WHEN v_{i} <= q_{i} THEN 1 ELSE 0 END) AS {below(i)}" for i in range(len(quantiles)))
    condition = f" WHERE {where}" if where else ""
    grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
    joined = f"JOIN found USING ({', '.join(groups)})" if groups else "CROSS JOIN found"
    sql = f"""(
  WITH read_values AS (SELECT {listed}{cluster} AS cluster_id, {values} FROM {relation} AS units{condition}),
  found AS (SELECT {listed}{found} FROM read_values{grouped})
  SELECT {listed}cluster_id, count(*) AS {SIZE}, {counts}
  FROM read_values {joined}
  GROUP BY {listed}cluster_id
)"""
    names = [below(place) for place in range(len(quantiles))]
    made = moments(
        sql, by=by, values=[SIZE, *names], products=[(SIZE, name) for name in names], parameters=parameters or {}
    )
    return replace(made, says="values below a quantile by cluster, as moments over clusters")
