"""Who took part: one SELECT with one row a unit, its arm, and when it came in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, SteelyardError
from steelyard.studies.experiments.allocation import Allocation
from steelyard.studies.experiments.assignment_sql import arm_sql, by_stage_sql, enrolled_sql
from steelyard.studies.experiments.clock import as_column, day_bounds
from steelyard.studies.experiments.cluster_column import refuse_units_below
from steelyard.studies.experiments.cluster_sums import CLUSTER
from steelyard.studies.experiments.columns import from_table
from steelyard.studies.experiments.condition import in_brackets, of_columns
from steelyard.studies.experiments.enrolment import enrolled_at, enrolled_by, is_dated, splits_of
from steelyard.studies.experiments.governed import BEGINS_AT, study_moments, window_of
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.experiments.unit_source import columns_of, known_column, source_of
from steelyard.studies.study import Context
from steelyard.warehouse.query import Value, quote_name, quote_text

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "ARM",
    "ASSIGNED_AT",
    "EXPOSED_AT",
    "IN_TWO_ARMS",
    "PRESENT",
    "STAGE",
    "UNIT",
    "Population",
    "population",
    "population_misfits",
    "start_of",
]

UNIT, ARM, ASSIGNED_AT, EXPOSED_AT, IN_TWO_ARMS = "unit", "arm", "assigned_at", "exposed_at", "in_two_arms"
STAGE = "ramp_stage"
PRESENT = "has_units"
"""1 in rows of units, 0 in the row of a cluster that was assigned and has none; where assignments are of clusters."""
TEXTS = ("VARCHAR", "TEXT")
RESERVED = (UNIT, ARM, ASSIGNED_AT, EXPOSED_AT, IN_TWO_ARMS, STAGE, CLUSTER, PRESENT)


@dataclass(frozen=True, kw_only=True)
class Population:
    """Who took part.

    Args:
        select: One row a unit: `unit`, `arm`, `assigned_at`, `exposed_at`, `in_two_arms` as far as they are known,
            `ramp_stage` where stages had different splits, `cluster` where there are clusters, the segments and, of a
            unit table, the metrics' columns.
        has: Which of these there are.
        analysed: The condition under which a unit's metrics count; empty when all do.
        parameters: The values that both bind.
        metrics: Aliases of the metrics' columns in `select`; none when they are governed.
    """

    select: str
    has: tuple[str, ...]
    analysed: str = ""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()

    @property
    def relation(self) -> str:
        """The SELECT as something to select from."""
        return f"({self.select})"

    @property
    def of_units(self) -> str:
        """The same without the rows of clusters that have no unit."""
        return (
            f"(SELECT * FROM {self.relation} AS everybody WHERE {PRESENT} = 1)"
            if PRESENT in self.has
            else self.relation
        )


def population(study: Experiment, context: Context, *, exposed: bool = True) -> Population:
    """Who took part, as SQL.

    Args:
        study: The experiment.
        context: What it may know.
        exposed: Whether those who were exposed are wanted, or else those who were assigned and were not.

    Raises:
        DefinitionError: What the study names does not fit together.
        UnknownNameError: A table or column is not there.
    """
    return _Writer(study, context, exposed=exposed).written()


def population_misfits(study: Experiment, context: Context) -> Iterator[SteelyardError]:
    """Each thing that `population` would refuse in how units are told, apart from the others; nothing is read."""
    try:
        writer = _Writer(study, context, exposed=True)
    except SteelyardError as error:
        yield error
        return
    cuts = [partial(writer.cut, name) for name in study.cut_by]
    steps: list[Callable[[], object]] = [writer.identify, writer.assign, writer.expose, *cuts]
    for step in steps:
        try:
            step()
        except SteelyardError as error:
            yield error


def start_of(has: Iterable[str]) -> str:
    """The column with the moment in which a unit starts; empty where there is none."""
    return next((name for name in (EXPOSED_AT, ASSIGNED_AT, BEGINS_AT) if name in has), "")


class _Writer:
    """Puts the SELECT together piece by piece; used once."""

    def __init__(self, study: Experiment, context: Context, *, exposed: bool) -> None:
        self.study, self.context, self.exposed = study, context, exposed
        self.source = source_of(study, context)
        self.has: dict[str, str] = {}
        self.joins: list[str] = []
        self.conditions: list[str] = []
        self.parameters: dict[str, Value] = {}
        self.types = {
            UNIT: self.source.columns.get(self.source.unit, ""),
            CLUSTER: self.source.columns.get(self.source.cluster, ""),
        }
        self.clock_type = ""
        self.clock_zone = context.zone
        self.allocation: Allocation | None = None
        self.now = context.as_of

    def written(self) -> Population:
        self.identify()
        self.assign()
        self.expose()
        metrics = {} if self.source.governed else from_table(self.study, self.source.columns, self.source.table)
        clocks = self._clocks() if self.source.governed else {}
        columns = {**self.has, **clocks, **{name: self.cut(name) for name in self.study.cut_by}, **metrics}
        if len(columns) < len(self.has) + len(clocks) + len(self.study.cut_by) + len(metrics):
            raise DefinitionError(
                f"{sorted(set(metrics) & {*RESERVED, *self.study.cut_by})!r} cannot be metrics as well",
                where=self.study.name,
                hint="give the column another name",
            )
        listed = ", ".join(f"{sql} AS {quote_name(name)}" for name, sql in columns.items())
        lines = [f"SELECT {listed}", f"FROM {quote_name(self.source.table)} AS t", *self.joins]
        if self.conditions:
            lines.append(f"WHERE {' AND '.join(self.conditions)}")
        return Population(
            select="\n".join(lines),
            has=(*self.has, *clocks),
            analysed=self._analysed(),
            parameters=self.parameters,
            metrics=tuple(metrics),
        )

    def _clocks(self) -> dict[str, str]:
        """The moments that bound the windows of governed metrics, the same for all units."""
        now = replace(self.context, as_of=self.now)
        moments = study_moments(self.study, now, entered=bool(start_of(self.has)))
        self.parameters.update(moments)
        return {name: f"CAST(${name} AS TIMESTAMPTZ)" for name in moments}

    def _zone(self, table: str, column_type: str) -> str:
        """The zone whose clocks a column of the table shows: dates are the project's, timestamps what is declared."""
        declared = self.context.metrics.tables.get(table) if self.context.metrics else None
        if declared is None or not declared.zone or column_type.upper() == "DATE":
            return self.context.zone
        return declared.zone

    def _moment(self, column: str, column_type: str, zone: str) -> str:
        """A column as the clock that windows compare with: zoned when metrics are governed, else as it is."""
        if not self.source.governed or column_type.upper() in ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"):
            return column
        return f"(CAST({column} AS TIMESTAMP) AT TIME ZONE {quote_text(zone)})"

    def cut(self, column: str) -> str:
        """A segment's or a stratum's column."""
        where = "segments" if column in self.study.segments else "strata"
        return self._own(column, where)

    def identify(self) -> None:
        """The ids of units and clusters, in the unit table."""
        if self.source.unit:
            self.has[UNIT] = f"t.{quote_name(self.source.unit)}"
        if self.source.cluster:
            self.has[CLUSTER] = f"t.{quote_name(self.source.cluster)}"

    def assign(self) -> None:
        """The arm, and when it was given."""
        given = self.study.assignment
        if not isinstance(given, Assignment):
            self._by_hash()
        elif given.table in ("", self.source.table):
            self.has[ARM] = given.arm_sql(self._own(given.arm, "assignment.arm"))
            if given.at:
                at = self._own(given.at, "assignment.at")
                self.clock_type = self.source.columns[given.at]
                self.clock_zone = self._zone(self.source.table, self.clock_type)
                self._not_after(at, self.clock_type, self.clock_zone)
                self._assigned_within(at, self.clock_type, self.clock_zone)
                self.has[ASSIGNED_AT] = self._moment(at, self.clock_type, self.clock_zone)
            self.conditions += given.rows_sql(self.study.name, self.source.columns)
        else:
            self._assigned_elsewhere(given)

    def _own(self, column: str, field_name: str) -> str:
        return f"t.{quote_name(known_column(column, self.source.columns, self.study, field_name))}"

    def _by_hash(self) -> None:
        if not self.source.randomised:
            raise DefinitionError(
                f"the experiment {self.study.name!r} assigns by hash and names no unit",
                where=f"{self.study.name}.unit",
                hint="say `unit:`, the column that holds the id; or where assignments are written: `assignment:`",
            )
        unit = self.has[self._randomised]
        self.allocation = found = enrolled_by(self.study, self.context)
        if found.ended_at is not None:
            self.now = min(self.now, found.ended_at)
        self.has[ARM] = arm_sql(found, unit)
        if splits := splits_of(found, self.study.arms):
            self.has[STAGE] = by_stage_sql(found, unit, {stage: str(stage) for stage in splits})
        if enrolled := enrolled_sql(found, unit):
            # A unit without a cluster is counted, not dropped.
            self.conditions.append(f"({enrolled} OR {unit} IS NULL)" if self.source.cluster else enrolled)
        if is_dated(self.allocation) and self.study.exposure is None:
            self.clock_type = "TIMESTAMPTZ"
            self.has[ASSIGNED_AT] = self._enrolled_at(unit, self.clock_type, self.context.zone)

    @property
    def _randomised(self) -> str:
        """Alias of the id of what was randomised."""
        return CLUSTER if self.source.cluster else UNIT

    def _enrolled_at(self, unit: str, column_type: str, zone: str) -> str:
        """The moment at which the stage began that the unit came in with."""
        assert self.allocation is not None  # noqa: S101 - asked of hashed units only
        sql, bound = enrolled_at(self.allocation, unit, column_type, zone)
        self.parameters.update(bound)
        return sql

    def _assigned_elsewhere(self, given: Assignment) -> None:
        columns = columns_of(given.table, self.context, where=f"{self.study.name}.assignment.table")
        unit_column = self._reference(given.table, given.unit, columns, "assignment.unit", self._randomised)
        unit = quote_name(unit_column)
        arm = given.arm_sql(quote_name(known_column(given.arm, columns, self.study, "assignment.arm")))
        picked = [f"{unit} AS unit", f"min({arm}) AS arm", f"max({arm}) AS last_arm"]
        picked += ["count(*) AS assignments", f"count({arm}) AS labelled"]
        conditions = given.rows_sql(self.study.name, columns)
        if given.at:
            at = quote_name(known_column(given.at, columns, self.study, "assignment.at"))
            picked.append(f"min({at}) AS assigned_at")
            self.clock_type = columns[given.at]
            self.clock_zone = self._zone(given.table, self.clock_type)
            until = self._until(at, self.clock_type, "assigned_until", self.clock_zone)
            conditions.append(f"({until} OR {at} IS NULL)")
            self._assigned_within("a.assigned_at", self.clock_type, self.clock_zone)
            self.has[ASSIGNED_AT] = self._moment("a.assigned_at", self.clock_type, self.clock_zone)
        self._units_come_from(given.table, unit, picked, conditions, columns[unit_column])
        self.has[ARM] = "a.arm"
        mixed = "a.labelled > 0 AND a.labelled < a.assignments"
        self.has[IN_TWO_ARMS] = f"CASE WHEN a.arm <> a.last_arm OR ({mixed}) THEN 1 ELSE 0 END"

    def _units_come_from(self, table: str, unit: str, picked: list[str], conditions: list[str], unit_type: str) -> None:
        """Assigned units are all there, with or without a row in the unit table: none is dropped by a join."""
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        inner = f"SELECT {', '.join(picked)} FROM {quote_name(table)}{where} GROUP BY {unit}"
        key = self._randomised
        self.joins.append(f"RIGHT JOIN ({inner}) AS a ON {self._same_unit('a.unit', unit_type, key)}")
        if key == CLUSTER:
            self.has[PRESENT] = f"CASE WHEN {self.has[CLUSTER]} IS NULL THEN 0 ELSE 1 END"
        self.has[key], self.types[key] = "a.unit", unit_type

    def _same_unit(self, other: str, other_type: str, key: str) -> str:
        """Whether another table's id is the unit's; as text where one of them is text and the other a number."""
        if (other_type.upper() in TEXTS) == (self.types[key].upper() in TEXTS):
            return f"{other} = {self.has[key]}"
        return f"CAST({other} AS VARCHAR) = CAST({self.has[key]} AS VARCHAR)"

    def _reference(self, table: str, given: str, columns: Mapping[str, str], field_name: str, key: str) -> str:
        """The column of another table that holds the unit's id, or its cluster's."""
        if key not in self.has:
            raise DefinitionError(
                f"the table {self.source.table!r} has no id to be joined with {table!r}",
                where=f"{self.study.name}.unit",
                hint="say `unit:`, the column that holds the id",
            )
        declared = self.context.metrics.tables.get(table) if self.context.metrics else None
        entity, own = (
            (self.study.cluster, self.source.cluster) if key == CLUSTER else (self.study.unit, self.source.unit)
        )
        by_entity = declared.entities.get(entity, ()) if declared else ()
        wanted = given or (by_entity[0] if by_entity else own)
        if not self.source.cluster:
            refuse_units_below(self.study, self.source.columns, table, columns, wanted, own, field_name)
        return known_column(wanted, columns, self.study, field_name)

    def expose(self) -> None:
        """When a unit was exposed, where an event says it."""
        given = self.study.exposure
        if given is None:
            return
        table = given.table or given.event
        columns = columns_of(table, self.context, where=f"{self.study.name}.exposure")
        key = self._exposed_by(given.unit, table, columns)
        unit_column = self._reference(table, given.unit, columns, "exposure.unit", key)
        unit, unit_type = quote_name(unit_column), columns[unit_column]
        declared = self.context.metrics.tables.get(table) if self.context.metrics else None
        at_column = given.at or (declared.time if declared else "")
        if not at_column:
            raise DefinitionError(
                f"nothing says when a row of {table!r} happened", where=f"{self.study.name}.exposure", hint="say `at:`"
            )
        at = quote_name(known_column(at_column, columns, self.study, "exposure.at"))
        self.clock_type = columns[at_column]
        self.clock_zone = zone = self._zone(table, self.clock_type)
        conditions = [self._until(at, self.clock_type, "exposed_until", zone)]
        conditions += self._within(at, self.clock_type, zone)
        if given.where:
            place = f"{self.study.name}.exposure.where"
            conditions += of_columns([in_brackets(given.where, where=place)], columns, where=place)
        if is_dated(self.allocation):
            drawn = unit if key == self._randomised else quote_name(self._cluster_of_events(table, columns))
            conditions.append(f"{at} >= {self._enrolled_at(drawn, self.clock_type, zone)}")
        join = "JOIN" if self.exposed else "LEFT JOIN"
        self.joins.append(
            f"{join} (SELECT {unit} AS unit, min({at}) AS exposed_at FROM {quote_name(table)} "
            f"WHERE {' AND '.join(conditions)} GROUP BY {unit}) AS e ON {self._same_unit('e.unit', unit_type, key)}"
        )
        if self.exposed:
            self.has[EXPOSED_AT] = self._moment("e.exposed_at", self.clock_type, zone)
        else:
            self.conditions.append("e.unit IS NULL")

    def _exposed_by(self, given: str, table: str, columns: Mapping[str, str]) -> str:
        """Whether events name the unit or its cluster: the unit, where they can."""
        if not self.source.cluster:
            return UNIT
        declared = self.context.metrics.tables.get(table) if self.context.metrics else None
        by_entity = declared.entities.get(self.study.cluster, ()) if declared else ()
        of_cluster = (self.source.cluster, CLUSTER, *by_entity)
        by_unit = declared is not None and self.study.unit in declared.entities
        if given in of_cluster or UNIT not in self.has:
            return CLUSTER
        return UNIT if given or by_unit or self.source.unit in columns else CLUSTER

    def _cluster_of_events(self, table: str, columns: Mapping[str, str]) -> str:
        """The column of events that holds the cluster, by which stages take units in; `cluster` in the exposure log."""
        own = self.source.cluster in columns or CLUSTER not in columns
        return self._reference(table, "" if own else CLUSTER, columns, "exposure", CLUSTER)

    def _until(self, at: str, column_type: str, name: str, zone: str) -> str:
        place = "exposure.at" if name == "exposed_until" else "assignment.at"
        self.parameters[name] = as_column(self.now, column_type, zone, where=f"{self.study.name}.{place}")
        return f"{at} <= ${name}"

    def _not_after(self, at: str, column_type: str, zone: str) -> None:
        """Of a unit table with its own clock: rows after the clock of the study do not exist for it."""
        self.conditions.append(f"({self._until(at, column_type, 'assigned_until', zone)} OR {at} IS NULL)")

    def _assigned_within(self, at: str, column_type: str, zone: str) -> None:
        """Without an exposure it is the assignment that must lie in `between`; one without a moment is counted."""
        if self.study.exposure is None and (inside := self._within(at, column_type, zone)):
            self.conditions.append(f"(({' AND '.join(inside)}) OR {at} IS NULL)")

    def _within(self, at: str, column_type: str, zone: str) -> list[str]:
        if self.study.between is None:
            return []
        begin, end = day_bounds(self.study.between, self.context.zone)
        self.parameters["first_moment"] = as_column(begin, column_type, zone)
        self.parameters["after_last"] = as_column(end, column_type, zone)
        return [f"{at} >= $first_moment", f"{at} < $after_last"]

    def _analysed(self) -> str:
        """Units in one arm only, whose longest window has closed."""
        conditions = [f"{IN_TWO_ARMS} = 0"] if IN_TWO_ARMS in self.has else []
        conditions += [f"{PRESENT} = 1"] if PRESENT in self.has else []
        found = (window_of(use, self.context.metrics, governed=self.source.governed) for use in self.study.uses)
        lengths = [length for length in found if length is not None]
        started = start_of(self.has)
        if started == ASSIGNED_AT:
            conditions.append(f"{started} IS NOT NULL")
        if lengths and started in (EXPOSED_AT, ASSIGNED_AT):
            closed = self.now - max(lengths)
            kind = "TIMESTAMPTZ" if self.source.governed else self.clock_type
            self.parameters["closed_until"] = as_column(closed, kind, self.clock_zone)
            conditions.append(f"{started} <= $closed_until")
        return " AND ".join(conditions)
