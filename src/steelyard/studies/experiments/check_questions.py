"""What checks ask of the warehouse beside the moments: who was assigned, when units came in, what the largest hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from steelyard.stats.moments import Moments, merged
from steelyard.studies.experiments.cluster_sums import CLUSTER, unit_variance
from steelyard.studies.experiments.columns import above
from steelyard.studies.experiments.population import (
    ARM,
    ASSIGNED_AT,
    EXPOSED_AT,
    IN_TWO_ARMS,
    UNIT,
    Population,
    population,
    start_of,
)
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.experiments.unit_source import source_of
from steelyard.studies.study import Context
from steelyard.warehouse.query import Query, Value, quote_name, quote_text

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["TAIL", "assigned_by_arm", "day_of_entry", "entries_by_day", "heavy_metrics", "largest_units"]

TAIL = 0.001
LEAST_SHARE = 0.05
ZONED = ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")


def assigned_by_arm(study: Experiment, context: Context) -> Query | None:
    """Units (or clusters) that were assigned, exposed or not; None where every unit that is assigned takes part."""
    if study.exposure is None:
        return None
    people = population(replace(study, exposure=None, between=None, segments=(), strata=()), context)
    if UNIT not in people.has and CLUSTER not in people.has:
        return None
    who = f"count(DISTINCT {CLUSTER})" if CLUSTER in people.has else "count(*)"
    once = f"\nWHERE {IN_TWO_ARMS} = 0" if IN_TWO_ARMS in people.has else ""
    return Query(
        sql=f"SELECT {ARM}, {who} AS n\nFROM {people.relation} AS units{once}\nGROUP BY {ARM}\nORDER BY {ARM}",
        parameters=_bound(people),
        says="units that were assigned, by arm",
    )


def day_of_entry(study: Experiment, context: Context, people: Population) -> str | None:
    """The local day on which a unit came in, as SQL over its row; None where nothing says when."""
    start = start_of(people.has)
    if start not in (EXPOSED_AT, ASSIGNED_AT):
        return None
    zoned = source_of(study, context).governed or _start_type(study, context, start).upper() in ZONED
    return f"local_date({start}, {quote_text(context.zone)})" if zoned else f"CAST({start} AS DATE)"


def entries_by_day(study: Experiment, context: Context, people: Population) -> Query | None:
    """Units (or clusters) by arm and the local day on which they came in; None where nothing says when."""
    day, start = day_of_entry(study, context, people), start_of(people.has)
    if day is None:
        return None
    entries = f"SELECT {ARM}, {day} AS day FROM {people.of_units} AS units WHERE {start} IS NOT NULL"
    if CLUSTER in people.has:
        entries = f"SELECT {ARM}, min({day}) AS day FROM {people.relation} AS units WHERE {start} IS NOT NULL"
        entries += f" AND {CLUSTER} IS NOT NULL GROUP BY {ARM}, {CLUSTER}"
    return Query(
        sql=f"SELECT {ARM}, day, count(*) AS n\nFROM ({entries}) AS entries\nGROUP BY {ARM}, day\nORDER BY {ARM}, day",
        parameters=_bound(people),
        says="units by arm and the day on which they came in",
    )


def _start_type(study: Experiment, context: Context, start: str) -> str:
    """The type of the column that says when a unit of a unit table came in."""
    given = study.exposure if start == EXPOSED_AT else study.assignment
    if not isinstance(given, Assignment) and given is study.assignment:
        return ZONED[0]
    table = given.table or (study.exposure.event if given is study.exposure and study.exposure else "")  # type: ignore[union-attr]
    columns = context.tables[table or source_of(study, context).table]
    declared = context.metrics.tables.get(table) if context.metrics else None
    return columns[given.at or (declared.time if declared else "")]  # type: ignore[union-attr]


def heavy_metrics(study: Experiment, arms: Mapping[str, Moments]) -> tuple[str, ...]:
    """Means that decide, of which the largest 0.1 % of units may hold a twentieth or more.

    By Cauchy and Schwarz a share p of the units holds at most p + cv sqrt(p (1 - p)) of a sum, where cv is the
    coefficient of variation: most metrics need not be asked.
    """
    found: list[str] = []
    groups = [arms[arm] for arm in study.arms if arm in arms and arms[arm].units > 1]
    for use in (*study.primaries, *study.guardrail_uses):
        column = above(use.metric)
        if not groups or use.winsorise or use.kind in ("share", "ratio") or column not in groups[0].names:
            continue
        whole = merged(groups)
        mean, variance = whole.mean(column), unit_variance(whole, column)
        if not (mean > 0 and math.isfinite(variance)):
            continue
        if TAIL + math.sqrt(variance) / mean * math.sqrt(TAIL * (1 - TAIL)) >= LEAST_SHARE:
            found.append(use.metric)
    return tuple(found)


def largest_units(
    relation: str, metrics: tuple[str, ...], *, where: str | None, parameters: Mapping[str, Value]
) -> Query:
    """Of each metric: where the largest 0.1 % of all units begin, and by arm how many lie beyond and what they hold."""
    values = ", ".join(f"CAST({quote_name(above(name))} AS DOUBLE) AS v_{i}" for i, name in enumerate(metrics))
    cuts = ", ".join(f"quantile_cont(v_{i}, {1 - TAIL}) AS cut_{i}" for i in range(len(metrics)))
    sums = ", ".join(
        f"{quote_text(name)} AS value_{i}, max(cut_{i}) AS cut_{i}, sum(v_{i}) AS sum_{i}, "
        f"sum(CASE WHEN v_{i} > cut_{i} THEN 1 ELSE 0 END) AS above_{i}, "
        f"sum(CASE WHEN v_{i} > cut_{i} THEN v_{i} ELSE 0 END) AS held_{i}"
        for i, name in enumerate(metrics)
    )
    condition = f"\n  WHERE {where}" if where else ""
    return Query(
        sql=f"WITH read_values AS (\n  SELECT {ARM}, {values}\n  FROM {relation} AS units{condition}\n),\n"
        f"cuts AS (SELECT {cuts} FROM read_values)\n"
        f"SELECT {ARM}, count(*) AS n, {sums}\nFROM read_values CROSS JOIN cuts\nGROUP BY {ARM}\nORDER BY {ARM}",
        parameters=parameters,
        says="what the largest 0.1 % of units hold, by arm",
    )


def _bound(people: Population) -> dict[str, Value]:
    return {name: value for name, value in people.parameters.items() if name != "closed_until"}
