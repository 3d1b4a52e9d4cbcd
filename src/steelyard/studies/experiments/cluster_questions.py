"""What is asked of clusters: how many each arm has, those in two arms or strata or without an id, those that grow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from steelyard.stats.moments import merged
from steelyard.studies.experiments.cluster_sums import CLUSTER, cluster_moments, moments_of_clusters
from steelyard.studies.experiments.columns import above, pairs
from steelyard.studies.experiments.population import ARM, IN_TWO_ARMS, PRESENT, STAGE, Population
from steelyard.studies.experiments.unit_source import Source
from steelyard.warehouse.query import Query, Value, quote_name

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.stats.moments import Moments
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["CLUSTERS", "arms_of", "clusters_by_arm", "mixed_segments", "moments_by_cluster", "whole_by"]

CLUSTERS = "clusters"


def whole_by(study: Experiment, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that all units of a cluster share: the arm, the stage where stages had own splits, the strata."""
    return (ARM, *((STAGE,) if STAGE in columns else ()), *study.strata)


def mixed_segments(study: Experiment) -> tuple[str, ...]:
    """The segments in which units of one cluster may differ: those that are no strata."""
    return tuple(column for column in study.segments if column not in study.strata)


def clusters_by_arm(people: Population, source: Source, day: str | None, strata: tuple[str, ...] = ()) -> Query:
    """Clusters by arm (and stage, where stages had splits of their own), with those that cannot be used.

    Args:
        people: Who took part.
        source: The unit table.
        day: SQL of the local day on which a unit came in; None where nothing says it.
        strata: The columns in which all units of a cluster should be alike.
    """
    by = ", ".join([ARM, *([STAGE] if STAGE in people.has else [])])
    lost = f"(SELECT count(*) AS lost FROM {quote_name(source.table)} WHERE {quote_name(source.cluster)} IS NULL)"
    joined = f" CROSS JOIN {lost} AS without" if PRESENT in people.has else ""
    joined += f" CROSS JOIN {_in_two_strata(people, strata)} AS spanning" if strata else ""
    return Query(
        sql=f"SELECT {by}, sum(CASE WHEN {CLUSTER} IS NULL OR mixed = 1 THEN 0 ELSE 1 END) AS clusters, "
        f"sum(CASE WHEN {CLUSTER} IS NULL THEN size ELSE 0 END) AS without_cluster, "
        f"sum(CASE WHEN {CLUSTER} IS NOT NULL THEN mixed ELSE 0 END) AS in_two_arms, "
        f"sum(CASE WHEN size = 0 THEN 1 ELSE 0 END) AS without_units, sum(grows) AS on_several_days"
        f"{', max(lost) AS outside' if PRESENT in people.has else ''}"
        f"{', max(spanning) AS in_two_strata' if strata else ''}\n"
        f"FROM ({_each_cluster(people, day)}) AS by_cluster{joined}\nGROUP BY {by}\nORDER BY {by}",
        parameters={name: value for name, value in people.parameters.items() if name != "closed_until"},
        says="clusters by arm",
    )


def _each_cluster(people: Population, day: str | None) -> str:
    """One row a cluster: its arm and stage, its size, whether it has units in two arms, and on several days."""
    stage = f", {STAGE}" if STAGE in people.has else ""
    flagged = f", max({IN_TWO_ARMS}) AS flagged" if IN_TWO_ARMS in people.has else ""
    days = f", min({day}) AS first_day, max({day}) AS last_day" if day else ""
    rows = f"sum({PRESENT})" if PRESENT in people.has else "count(*)"
    # By cluster and arm first, which is the grouping of the moments too: comparing texts of all rows costs thrice that.
    parts = (
        f"SELECT {CLUSTER}, {ARM}{stage}, {rows} AS size{flagged}{days} FROM {people.relation} AS units "
        f"GROUP BY {CLUSTER}, {ARM}{stage}"
    )
    grows = "CASE WHEN min(first_day) < max(last_day) THEN 1 ELSE 0 END" if day else "CAST(NULL AS INTEGER)"
    return (
        f"SELECT {CLUSTER}, min({ARM}) AS arm{f', min({STAGE}) AS {STAGE}' if stage else ''}, sum(size) AS size, "
        f"CASE WHEN count(*) > 1{' OR max(flagged) = 1' if flagged else ''} THEN 1 ELSE 0 END AS mixed, "
        f"{grows} AS grows\n  FROM ({parts}) AS parts GROUP BY {CLUSTER}"
    )


def _in_two_strata(people: Population, strata: tuple[str, ...]) -> str:
    """How many clusters have units in two strata or more, as SQL of one row."""
    listed = ", ".join([CLUSTER, *map(quote_name, strata)])
    known = f"{CLUSTER} IS NOT NULL{f' AND {PRESENT} = 1' if PRESENT in people.has else ''}"
    each = f"SELECT DISTINCT {listed} FROM {people.relation} AS units WHERE {known}"
    several = f"SELECT {CLUSTER} FROM ({each}) AS places GROUP BY {CLUSTER} HAVING count(*) > 1"
    return f"(SELECT count(*) AS spanning FROM ({several}) AS several)"


def moments_by_cluster(
    study: Experiment,
    relation: str,
    by: tuple[str, ...],
    values: tuple[str, ...],
    shifts: Mapping[str, float],
    where: str | None,
    parameters: Mapping[str, Value],
    days: tuple[str, ...] = (),
) -> Query:
    """The moments of all metrics by what clusters share, by segment and by first day, of clusters by their size."""
    return cluster_moments(
        relation,
        by=by,
        least=days,
        segments=mixed_segments(study),
        values=values,
        squares=tuple(above(use.metric) for use in study.uses),
        products=pairs(study, values),
        shifts=shifts,
        where=where,
        parameters=parameters,
    )


def arms_of(study: Experiment, table: pa.Table, shifts: Mapping[str, float]) -> dict[str, Moments]:
    """The moments of each arm, of a table that `moments_by_cluster` fetched."""
    groups: dict[str, list[Moments]] = {}
    by, mixed = whole_by(study, table.column_names), mixed_segments(study)
    for key, group in moments_of_clusters(table, by, shifts, all_segments=mixed).items():
        groups.setdefault(str(key[0]), []).append(group)
    return {arm: merged(cells) for arm, cells in groups.items()}
