"""What is asked of the warehouse: a sample and counts, then all moments in one scan, then what was unusable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np

from steelyard.errors import DefinitionError
from steelyard.stats.moments import Moments, merged
from steelyard.studies.experiments.bootstrapping import BUCKETS, buckets_query
from steelyard.studies.experiments.cells import DAY, cells_of, dated, grouped_by, sets_of
from steelyard.studies.experiments.check_questions import (
    assigned_by_arm,
    day_of_entry,
    entries_by_day,
    heavy_metrics,
    largest_units,
)
from steelyard.studies.experiments.clock import day_bounds
from steelyard.studies.experiments.cluster_questions import (
    CLUSTERS,
    arms_of,
    clusters_by_arm,
    moments_by_cluster,
    whole_by,
)
from steelyard.studies.experiments.cluster_sums import CLUSTER
from steelyard.studies.experiments.columns import pairs, ranked
from steelyard.studies.experiments.enrolment import enrolled_by, splits_of
from steelyard.studies.experiments.governed import BEGINS_AT, governed_notes, governed_units, window_of
from steelyard.studies.experiments.looks import LOOKS, looks_query
from steelyard.studies.experiments.population import (
    ARM,
    ASSIGNED_AT,
    EXPOSED_AT,
    IN_TWO_ARMS,
    STAGE,
    UNIT,
    Population,
    population,
    start_of,
)
from steelyard.studies.experiments.quantile_questions import quantile_questions
from steelyard.studies.experiments.row_quantiles import clustered_units, row_quantiles, rows_noted
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.experiments.spans import by_spans
from steelyard.studies.experiments.stage_splits import STAGES, splits_query
from steelyard.studies.experiments.unexposed import UNEXPOSED, unexposed_query
from steelyard.studies.experiments.unit_source import source_of
from steelyard.studies.experiments.winsorising import capped, caps_known, caps_of, caps_query, units_beyond
from steelyard.studies.study import Context
from steelyard.warehouse.moments import SAMPLE_ROWS, moments, shift_sample, shifts_of, unusable_values
from steelyard.warehouse.query import Query, Value, quote_name, quote_text

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "ASSIGNED",
    "BEYOND",
    "CAPS",
    "CLUSTERS",
    "DAYS",
    "IDS",
    "MOMENTS",
    "REPEATED",
    "SAMPLE",
    "SINCE",
    "TAILS",
    "UNEXPOSED",
    "UNITS",
    "UNUSABLE",
    "Asked",
    "first_questions",
    "next_questions",
]

SAMPLE, UNITS, IDS = "sample", "units", "ids"
REPEATED, MOMENTS, UNUSABLE = "repeated", "moments", "unusable"
ASSIGNED, DAYS, TAILS, SINCE = "assigned", "days", "largest", "since"
CAPS, BEYOND = "caps", "beyond"


def next_questions(study: Experiment, context: Context, earlier: Mapping[str, pa.Table]) -> Mapping[str, Query]:
    """What to fetch next; empty when there is all that the estimates and checks need."""
    if SAMPLE not in earlier:
        asked = first_questions(study, context)
        more = {LOOKS: looks_query(study, context)} if study.schedule is not None else {}
        if not isinstance(study.assignment, Assignment) and (
            splits := splits_of(enrolled_by(study, context), study.arms)
        ):
            more[STAGES] = splits_query(splits)
        return {**more, **{name: query for name, query in asked.items() if name != MOMENTS}}
    if MOMENTS not in earlier:
        asked_of = Asked(study, context)
        caps, shifts = caps_known(study, caps_of(earlier.get(CAPS))), shifts_of(earlier[SAMPLE])
        more = {MOMENTS: _moments(study, context, asked_of, shifts, caps)}
        if caps:
            more[BEYOND] = units_beyond(asked_of.relation, ARM, caps, asked_of.where, asked_of.parameters)
        if (others := unexposed_query(study, context, shifts)) is not None:
            more[UNEXPOSED] = others
        if IDS in earlier and not _each_once(earlier[IDS]):
            more[REPEATED] = _repeated(asked_of.people)
        return more
    last = Asked(study, context)
    return {**_last_questions(study, last, earlier), **quantile_questions(study, last, earlier)}


def _last_questions(study: Experiment, asked: Asked, earlier: Mapping[str, pa.Table]) -> dict[str, Query]:
    """What could not be used, where something could not; and what the largest units hold, where it may matter."""
    found: dict[str, Query] = {}
    groups = _by_arm(study, earlier)
    if not all(
        np.isfinite(group.offset).all() and np.isfinite(group.cross.diagonal()).all() for group in groups.values()
    ):
        found[UNUSABLE] = unusable_values(
            asked.relation, by=[ARM], values=asked.values, where=asked.where, parameters=asked.parameters
        )
    heavy = heavy_metrics(study, groups)
    if heavy:
        found[TAILS] = largest_units(asked.relation, heavy, where=asked.where, parameters=asked.parameters)
        sums = buckets_query(study, asked, heavy, shifts_of(earlier[SAMPLE]))
        found |= {} if sums is None else {BUCKETS: sums}
    return found


def _by_arm(study: Experiment, earlier: Mapping[str, pa.Table]) -> dict[str, Moments]:
    """The moments of each arm."""
    if study.cluster:
        return arms_of(study, earlier[MOMENTS], shifts_of(earlier[SAMPLE]))
    groups: dict[str, list[Moments]] = {}
    for key, group in cells_of(study, earlier[MOMENTS]).items():
        groups.setdefault(str(key[0]), []).append(group)
    return {arm: merged(cells) for arm, cells in groups.items()}


def first_questions(study: Experiment, context: Context) -> dict[str, Query]:
    """Everything that is asked as long as the data is in order; the moments with zeros where the sample's means go."""
    asked = Asked(study, context)
    found = {SAMPLE: _noted(asked)}
    day = day_of_entry(study, context, asked.people)
    counts = _counts(asked.people, None if study.cluster else day)
    if UNIT in asked.people.has:
        found[IDS] = _ids(asked.people)
    if study.cluster:
        found[CLUSTERS] = clusters_by_arm(asked.people, source_of(study, context), day, study.strata)
    more = {
        UNITS: counts,
        ASSIGNED: assigned_by_arm(study, context),
        DAYS: entries_by_day(study, context, asked.people) if counts is None or study.cluster else None,
        SINCE: by_spans(study, context, asked.people),
        CAPS: caps_query(study, asked.relation, asked.values, asked.where, asked.parameters),
    }
    found |= {name: query for name, query in more.items() if query is not None}
    found[MOMENTS] = _moments(study, context, asked, {}, dict.fromkeys(asked.winsorised, 0.0))
    return found


class Asked:
    """The unit table of a study: who took part, with their metrics.

    Args:
        study: The experiment.
        context: What it may know.
    """

    def __init__(self, study: Experiment, context: Context) -> None:
        self.people = population(study, context)
        self.winsorised = tuple(use.metric for use in study.uses if use.winsorise is not None)
        self.parameters = dict(self.people.parameters)
        self.where = self.people.analysed or None
        self.notes = _moments_of_time(study, context, start_of(self.people.has))
        if not source_of(study, context).governed:
            self.relation = self.sampled = self.people.relation
            self.rows = clustered_units(study, self.relation, self.where, ())
            self.notes |= rows_noted(self.rows)
            self.values = _summed(study, self.people.metrics)
            return
        if context.metrics is None:
            raise DefinitionError("governed metrics need a project", where=study.name)
        start = start_of(self.people.has)
        self.rows = row_quantiles(study, context, self.people, keep=grouped_by(study, self.people.has)[1:])
        below = [item.use.metric for item in self.rows]
        self.relation, values = governed_units(study, context, context.metrics, self.people.select, start, below)
        self.rows += clustered_units(study, self.relation, self.where, below)
        self.values = _summed(study, values)
        few = f"SELECT * FROM {self.people.relation} AS everybody LIMIT {SAMPLE_ROWS}"
        self.sampled, _ = governed_units(study, context, context.metrics, few, start, below)
        self.notes |= governed_notes(study, context.metrics) | rows_noted(self.rows)

    @property
    def metrics_of_rows(self) -> tuple[str, ...]:
        """Metrics that are quantiles of rows in clusters."""
        return tuple(item.use.metric for item in self.rows)


def _summed(study: Experiment, values: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of which moments are wanted: of what only quantiles are taken of there are none."""
    of_ranks = {ranked(use) for use in study.uses if use.quantile is not None}
    return tuple(name for name in values if name not in of_ranks)


def _moments_of_time(study: Experiment, context: Context, start: str) -> dict[str, str]:
    """When the study ends and is read, for checks that see only what came back; nothing where it has no end.

    Windows of units that have no moment of their own begin with the study, and may outlast its days.
    """
    if study.between is None:
        return {}
    begin, end = day_bounds(study.between, context.zone)
    governed = source_of(study, context).governed
    windows = (
        [window_of(use, context.metrics, governed=governed) for use in study.uses] if start in ("", BEGINS_AT) else []
    )
    end = max([end, *(begin + length for length in windows if length is not None)])
    moments_of = {"moment of end": end, "moment of reading": context.as_of}
    return {name: moment.astimezone(UTC).isoformat(timespec="seconds") for name, moment in moments_of.items()}


def _noted(asked: Asked) -> Query:
    """The sample; what governed definitions say rides along, so that later steps need only what came back."""
    query = shift_sample(asked.sampled, asked.values, where=asked.where, parameters=asked.parameters)
    if not asked.notes:
        return query
    notes = ", ".join(f"{quote_text(text)} AS {quote_name(name)}" for name, text in asked.notes.items())
    return replace(query, sql=query.sql.replace("SELECT ", f"SELECT {notes}, ", 1))


def _moments(
    study: Experiment, context: Context, asked: Asked, shifts: Mapping[str, float], caps: Mapping[str, float]
) -> Query:
    """All moments in one scan; by the day of entry too, where something says when units came in."""
    day = day_of_entry(study, context, asked.people) if asked.values else None
    days = () if day is None else (DAY,)
    by = grouped_by(study, asked.people.has)
    relation = asked.relation if day is None else dated(asked.relation, day)
    kept = (*by, *days, *((CLUSTER,) if study.cluster else ()))
    relation, where, bound = capped(relation, kept, asked.values, asked.where, caps)
    bound = {**asked.parameters, **bound}
    if study.cluster:
        whole = whole_by(study, asked.people.has)
        return moments_by_cluster(study, relation, whole, asked.values, shifts, where, bound, days)
    return moments(
        relation,
        by=(*by, *days),
        values=asked.values,
        products=pairs(study, asked.values),
        shifts=shifts,
        where=where,
        parameters=bound,
        sets=sets_of(study, asked.people.has) if days else (),
    )


def _counts(people: Population, day: str | None) -> Query | None:
    """Units by arm, and the day of entry where there is one, with those that could not be analysed.

    None where every unit is in the moments anyway.
    """
    sums = {}
    if IN_TWO_ARMS in people.has:
        sums["in_two_arms"] = f"sum({IN_TWO_ARMS})"
    if ASSIGNED_AT in people.has and EXPOSED_AT in people.has:
        sums["exposed_early"] = f"sum(CASE WHEN {EXPOSED_AT} < {ASSIGNED_AT} THEN 1 ELSE 0 END)"
    if start_of(people.has) == ASSIGNED_AT:
        sums["without_start"] = f"sum(CASE WHEN {ASSIGNED_AT} IS NULL THEN 1 ELSE 0 END)"
    if "closed_until" in people.parameters:
        sums["window_open"] = f"sum(CASE WHEN {start_of(people.has)} > $closed_until THEN 1 ELSE 0 END)"
    if not sums:
        return None
    by = ", ".join([ARM, *([STAGE] if STAGE in people.has else []), *([quote_name(DAY)] if day else [])])
    units = dated(people.of_units, day) if day else people.of_units
    listed = ", ".join(f"{sql} AS {name}" for name, sql in sums.items())
    return Query(
        sql=f"SELECT {by}, count(*) AS n, {listed}\nFROM {units} AS units\nGROUP BY {by}\nORDER BY {by}",
        parameters=people.parameters,
        says=f"units by arm{' and the day on which they came in' if day else ''}",
    )


def _ids(people: Population) -> Query:
    """Whether each unit stands in one row: then it is in one arm too, and nothing more need be asked."""
    return Query(
        sql=f"SELECT count(*) AS n, count({UNIT}) AS with_id, count(DISTINCT {UNIT}) AS ids\n"
        f"FROM {people.of_units} AS units",
        parameters=_bound(people),
        limit=1,
        says="one row a unit",
    )


def _repeated(people: Population) -> Query:
    """The units that stand in several rows, and those in several arms."""
    once = (
        f"SELECT {UNIT}, count(*) AS times, min({ARM}) AS first_arm, max({ARM}) AS last_arm "
        f"FROM {people.of_units} AS units WHERE {UNIT} IS NOT NULL GROUP BY {UNIT} HAVING count(*) > 1"
    )
    return Query(
        sql="SELECT count(*) AS repeated, sum(CASE WHEN first_arm <> last_arm THEN 1 ELSE 0 END) AS in_two_arms\n"
        f"FROM ({once}) AS by_unit",
        parameters=_bound(people),
        limit=1,
        says="units in several rows or arms",
    )


def _bound(people: Population) -> dict[str, Value]:
    return {name: value for name, value in people.parameters.items() if name != "closed_until"}


def _each_once(table: pa.Table) -> bool:
    (row,) = table.to_pylist()
    return bool(row["n"] == row["with_id"] == row["ids"])
