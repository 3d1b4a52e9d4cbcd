"""What is asked of clusters: how many each arm has, those in two arms, those without an id, those that still grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.cluster_sums import CLUSTER, cluster_moments, moments_of_clusters
from steelyard.studies.experiments.columns import above, pairs
from steelyard.studies.experiments.population import ARM, IN_TWO_ARMS, PRESENT, STAGE, Population
from steelyard.studies.experiments.unit_source import Source
from steelyard.warehouse.query import Query, Value, quote_name

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.stats.moments import Moments
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["CLUSTERS", "arms_of", "clusters_by_arm", "moments_by_cluster"]

CLUSTERS = "clusters"


def clusters_by_arm(people: Population, source: Source, day: str | None) -> Query:
    """Clusters by arm, with those that cannot be used.

    Args:
        people: Who took part.
        source: The unit table.
        day: SQL of the local day on which a unit came in; None where nothing says it.

    Raises:
        DefinitionError: Stages of the ramp had splits of their own.
    """
    if STAGE in people.has:
        raise DefinitionError(
            "stages had splits of their own, and clusters are not compared within stages",
            where="ramp",
            hint="analyse what one stage took in, or randomise units one by one",
        )
    flagged = f", max({IN_TWO_ARMS}) AS flagged" if IN_TWO_ARMS in people.has else ""
    days = f", min({day}) AS first_day, max({day}) AS last_day" if day else ""
    rows = f"sum({PRESENT})" if PRESENT in people.has else "count(*)"
    # By cluster and arm first, which is the grouping of the moments too: comparing texts of all rows costs thrice that.
    parts = (
        f"SELECT {CLUSTER}, {ARM}, {rows} AS size{flagged}{days} FROM {people.relation} AS units "
        f"GROUP BY {CLUSTER}, {ARM}"
    )
    grows = "CASE WHEN min(first_day) < max(last_day) THEN 1 ELSE 0 END" if day else "CAST(NULL AS INTEGER)"
    inner = (
        f"SELECT {CLUSTER}, min({ARM}) AS arm, sum(size) AS size, CASE WHEN count(*) > 1"
        f"{' OR max(flagged) = 1' if flagged else ''} THEN 1 ELSE 0 END AS mixed, {grows} AS grows\n"
        f"  FROM ({parts}) AS parts GROUP BY {CLUSTER}"
    )
    lost = f"(SELECT count(*) AS lost FROM {quote_name(source.table)} WHERE {quote_name(source.cluster)} IS NULL)"
    outside = f" CROSS JOIN {lost} AS without" if PRESENT in people.has else ""
    return Query(
        sql=f"SELECT {ARM}, sum(CASE WHEN {CLUSTER} IS NULL OR mixed = 1 THEN 0 ELSE 1 END) AS clusters, "
        f"sum(CASE WHEN {CLUSTER} IS NULL THEN size ELSE 0 END) AS without_cluster, "
        f"sum(CASE WHEN {CLUSTER} IS NOT NULL THEN mixed ELSE 0 END) AS in_two_arms, "
        f"sum(CASE WHEN size = 0 THEN 1 ELSE 0 END) AS without_units, sum(grows) AS on_several_days"
        f"{', max(lost) AS outside' if outside else ''}\n"
        f"FROM ({inner}) AS by_cluster{outside}\nGROUP BY {ARM}\nORDER BY {ARM}",
        parameters={name: value for name, value in people.parameters.items() if name != "closed_until"},
        says="clusters by arm",
    )


def moments_by_cluster(
    study: Experiment,
    relation: str,
    values: tuple[str, ...],
    shifts: Mapping[str, float],
    where: str | None,
    parameters: Mapping[str, Value],
) -> Query:
    """The moments of all metrics by arm and segment, of clusters by their size."""
    return cluster_moments(
        relation,
        by=(ARM,),
        segments=study.segments,
        values=values,
        squares=tuple(above(use.metric) for use in study.uses),
        products=pairs(study, values),
        shifts=shifts,
        where=where,
        parameters=parameters,
    )


def arms_of(study: Experiment, table: pa.Table, shifts: Mapping[str, float]) -> dict[str, Moments]:
    """The moments of each arm, of a table that `moments_by_cluster` fetched."""
    found = moments_of_clusters(table, (ARM,), shifts, all_segments=study.segments)
    return {str(key[0]): group for key, group in found.items()}
