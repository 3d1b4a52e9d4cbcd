"""The cells that moments are summed by, of which all else is merged: segments and strata, and days of entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from steelyard.stats.moments import Moments, merged
from steelyard.studies.experiments.cluster_questions import mixed_segments, whole_by
from steelyard.studies.experiments.cluster_sums import moments_of_clusters
from steelyard.studies.experiments.label import label
from steelyard.studies.experiments.population import ARM, STAGE
from steelyard.warehouse.moments import moments_by_group
from steelyard.warehouse.query import quote_name

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["BY_DAY", "DAY", "Course", "cells_of", "dated", "days_of", "grouped_by", "sets_of"]

DAY = "entered:on"
"""Alias of the local day on which a unit, or the first of a cluster, came in."""
BY_DAY, DAY_ALONE = "by_day", "entered_on"
"""The fetch, and its column of days, of results that were kept when days were a question of their own."""

Course = dict[date, dict[tuple[Any, ...], dict[str, Moments]]]


def grouped_by(study: Experiment, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that everything but days is merged from.

    Args:
        study: The experiment.
        columns: The columns that there are; stages are among them where they had different splits.
    """
    return (ARM, *((STAGE,) if STAGE in columns else ()), *study.cut_by)


def dated(relation: str, day: str) -> str:
    """A relation of units with the day on which each came in.

    Args:
        relation: One row a unit.
        day: SQL of the day over such a row.
    """
    return f"(SELECT *, {day} AS {quote_name(DAY)} FROM {relation} AS entered)"


def sets_of(study: Experiment, columns: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Segments without days and days without segments, so that what comes back is their sum and not their product.

    None where there are no segments beside the strata: then days are the finest cells, and the rest is merged of them.
    """
    there = tuple(columns)
    if set(study.cut_by) <= set(study.strata):
        return ()
    return grouped_by(study, there), (*whole_by(study, there), DAY)


def cells_of(study: Experiment, table: pa.Table) -> dict[tuple[Any, ...], Moments]:
    """Values of the columns of `grouped_by` -> moments of units of all days, of what was fetched."""
    columns = table.column_names
    return moments_by_group(table, grouped_by(study, columns), of_set=0 if _has_sets(study, columns) else None)


def _has_sets(study: Experiment, columns: Sequence[str]) -> bool:
    return DAY in columns and bool(sets_of(study, columns))


def days_of(
    study: Experiment,
    table: pa.Table,
    apart: pa.Table | None,
    shifts: Mapping[str, float],
) -> Course:
    """The moments of those who came in on each day; empty where no day is known.

    Args:
        study: The experiment.
        table: The moments that were fetched.
        apart: Those of days, of results that were kept when days were a question of their own.
        shifts: The constants that they are measured from.

    Returns:
        Local day -> stratum (its stage, 0 where all had one split, and values of the columns of strata) -> arm -> its
        moments; without those who have no day or whom no stage took in: they are in everything else.
    """
    day = DAY
    if DAY not in table.column_names:
        if apart is None or study.strata:
            return {}
        table, day = apart, DAY_ALONE
    by = (*whole_by(study, table.column_names), day)
    groups: Mapping[tuple[Any, ...], Moments] = (
        moments_of_clusters(table, by, shifts, all_segments=mixed_segments(study))
        if study.cluster
        else moments_by_group(table, by, of_set=1 if _has_sets(study, table.column_names) else None)
    )
    found: dict[date, dict[tuple[Any, ...], dict[str, list[Moments]]]] = {}
    for (arm, *others, at), group in groups.items():
        stage, strata = (int(others[0] or 0), others[1:]) if STAGE in by else (0, others)
        if at is None or (STAGE in by and not stage):
            continue
        stratum = (stage, *map(label, strata))
        found.setdefault(at, {}).setdefault(stratum, {}).setdefault(label(arm), []).append(group)
    return {
        at: {key: {arm: merged(own) for arm, own in arms.items()} for key, arms in sorted(strata.items())}
        for at, strata in sorted(found.items())
    }
