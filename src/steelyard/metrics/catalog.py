"""The governed definitions of a project: metrics, the tables that they read, trees, and how days are counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

from steelyard.canonical import digest
from steelyard.errors import DefinitionError, PolicyError, SteelyardError, unknown_name
from steelyard.metrics.aggregate import Aggregate, Parts, parts_of
from steelyard.metrics.annotation import Annotation
from steelyard.metrics.expression import columns_of, parse_expression
from steelyard.metrics.formula import Formula, formula_of, leaves
from steelyard.metrics.governing import governing
from steelyard.metrics.graph import Graph, Place
from steelyard.metrics.metric import Metric
from steelyard.metrics.tree import Tree, parse_tree
from steelyard.warehouse import TableDeclaration
from steelyard.warehouse.named_zone import named_zone

if TYPE_CHECKING:
    from steelyard.metrics.product.analyses import Analysis
    from steelyard.metrics.watching.alert import Alert
    from steelyard.metrics.watching.sink import Sink

__all__ = ["WEEK_DAYS", "MetricCatalog"]

T = TypeVar("T")

WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, kw_only=True)
class MetricCatalog:
    """The governed definitions of a project.

    Args:
        metrics: Metrics by name.
        tables: The tables that they may read, by name.
        trees: Trees by the metric that they take apart.
        zone: IANA zone in which days are counted.
        week_start: First day of the week, in English, lower case.
        fan_out: What becomes of a measure by something of which one row has many: `flag` counts the row in each group
            and says that they overlap, `refuse` refuses.
        year_start: First month of the year, from 1: of a fiscal year that begins in April 4. Quarters follow it.
        currency: What money is measured in, such as `USD`.
        sensitive: Columns (`column` or `table.column`) that nothing may be grouped or filtered by.
        smallest_group: The fewest units of which a number is told; 1 tells everything.
        smallest_group_of: The entity whose members are the units; empty counts rows.
        problems: What is wrong with definitions that are not in it.
        broken: The metrics and analyses among them, by name.
        analyses: Funnels, sessions, cohorts, lifecycles, attributions and paths, by name.
        alerts: What is watched, by name.
        annotations: What happened in the world.
        sinks: Where alerts are sent, by name.

    >>> catalog = MetricCatalog.of(
    ...     metrics=[Metric(name="revenue", sum="orders.amount")],
    ...     tables=[TableDeclaration(name="orders", key=("order_id",), time="ordered_at", dimensions=("country",))],
    ... )
    >>> catalog.dimensions("revenue"), catalog.names_by_table()
    (('country',), {'orders': ('revenue',)})
    """

    metrics: Mapping[str, Metric] = field(default_factory=dict)
    tables: Mapping[str, TableDeclaration] = field(default_factory=dict)
    trees: Mapping[str, Tree] = field(default_factory=dict)
    zone: str = "UTC"
    week_start: str = "monday"
    fan_out: Literal["flag", "refuse"] = "flag"
    year_start: int = 1
    currency: str = ""
    sensitive: tuple[str, ...] = ()
    smallest_group: int = 1
    smallest_group_of: str = ""
    problems: tuple[SteelyardError, ...] = ()
    broken: Mapping[str, SteelyardError] = field(default_factory=dict)
    analyses: Mapping[str, Analysis] = field(default_factory=dict)
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    annotations: tuple[Annotation, ...] = ()
    sinks: Mapping[str, Sink] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named_zone(self.zone)
        if self.week_start not in WEEK_DAYS:
            raise unknown_name("day of the week", self.week_start, WEEK_DAYS)
        if self.fan_out not in ("flag", "refuse"):
            raise unknown_name("policy of fan_out", self.fan_out, ("flag", "refuse"))
        if isinstance(self.year_start, bool) or self.year_start not in range(1, 13):
            hint = "give the number of its first month, from 1 to 12"
            raise DefinitionError(f"the year starts in month {self.year_start!r}", where="year_start", hint=hint)

    @classmethod
    def of(
        cls,
        *,
        metrics: Iterable[Metric],
        tables: Iterable[TableDeclaration],
        trees: Mapping[str, str] | None = None,
        zone: str = "UTC",
        week_start: str = "monday",
        fan_out: Literal["flag", "refuse"] = "flag",
        year_start: int = 1,
        currency: str = "",
        sensitive: Sequence[str] = (),
        smallest_group: int = 1,
        smallest_group_of: str = "",
        analyses: Iterable[Analysis] = (),
        alerts: Iterable[Alert] = (),
        annotations: Iterable[Annotation] = (),
        sinks: Iterable[Sink] = (),
    ) -> MetricCatalog:
        """A catalog of definitions made in Python.

        Raises:
            DefinitionError: The first thing that is wrong with them.
        """
        problems: list[SteelyardError] = []
        named = _by_name("metric", ((item.name, item, item.defined_at) for item in metrics), problems)
        known = _by_name("table", ((item.name, item, item.where) for item in tables), problems)
        grown: dict[str, Tree] = {}
        for name, text in (trees or {}).items():
            grown[name] = parse_tree(name, text)
        catalog = cls(
            metrics=named,
            tables=known,
            trees=grown,
            zone=zone,
            week_start=week_start,
            fan_out=fan_out,
            year_start=year_start,
            currency=currency,
            sensitive=tuple(sensitive),
            smallest_group=smallest_group,
            smallest_group_of=smallest_group_of,
            analyses=_by_name("analysis", ((item.name, item, item.defined_at) for item in analyses), problems),
            alerts=_by_name("alert", ((item.name, item, item.defined_at) for item in alerts), problems),
            annotations=tuple(annotations),
            sinks=_by_name("sink", ((item.name, item, item.defined_at) for item in sinks), problems),
        ).checked(problems)
        if catalog.problems:
            raise catalog.problems[0]
        return catalog

    def checked(
        self, problems: Iterable[SteelyardError] = (), broken: Mapping[str, SteelyardError] | None = None
    ) -> MetricCatalog:
        """The catalog without the definitions that cannot be, and with what is wrong with them.

        Args:
            problems: What was found wrong before.
            broken: The metrics that it was found of.
        """
        found = [*problems, *self.graph.problems(), *self._zone_problems()]
        bad = dict(broken or {})
        good: dict[str, Metric] = {}
        for name, metric in self.metrics.items():
            try:
                self._check_metric(metric)
            except SteelyardError as error:
                found.append(error.at(metric.defined_at))
                bad[name] = error
            else:
                good[name] = metric
        trees: dict[str, Tree] = {}
        for name, tree in self.trees.items():
            missing = [part for part in (name, *(branch.metric for branch in tree.branches)) if part not in good]
            if missing:
                found.append(unknown_name("metric", missing[0], good, where=tree.defined_at))
            else:
                trees[name] = tree
        analyses: dict[str, Analysis] = {}
        for name, analysis in self.analyses.items():
            try:
                self._check_analysis(analysis)
            except SteelyardError as error:
                found.append(error.at(analysis.defined_at))
                bad[name] = error
            else:
                analyses[name] = analysis
        made = replace(self, metrics=good, trees=trees, analyses=analyses, problems=tuple(found), broken=bad)
        return made._watchable()

    def _check_analysis(self, analysis: Analysis) -> None:
        if analysis.name in self.metrics:
            raise DefinitionError(f"{analysis.name!r} is a metric too", where=analysis.defined_at, hint="rename one")
        analysis.check(self)

    def _watchable(self) -> MetricCatalog:
        """Without the alerts and annotations that cannot be."""
        if not (self.alerts or self.annotations):
            return self
        from steelyard.metrics.watching.check import checked_alerts, checked_annotations

        alerts, wrong = checked_alerts(self)
        annotations, more = checked_annotations(self)
        return replace(self, alerts=alerts, annotations=annotations, problems=(*self.problems, *wrong, *more))

    def _zone_problems(self) -> Iterator[SteelyardError]:
        """What is wrong with the zones that the tables name."""
        for table in self.tables.values():
            try:
                for zone in (table.zone, *table.zones.values()):
                    if zone:
                        named_zone(zone)
                self.zone_of_day(table.name)
            except SteelyardError as error:
                yield error.at(table.where)

    def _check_metric(self, metric: Metric) -> None:
        self._check_names(metric)
        formula = formula_of(metric, self.tables, self.metrics)
        for aggregate in dict.fromkeys(leaf.aggregate for leaf in leaves(formula)):
            self.time_of(aggregate.table, aggregate.time, where=metric.defined_at)
            self._check_measure(aggregate, metric.defined_at)
            for text in (*aggregate.where, *aggregate.exclude):
                for name in columns_of(parse_expression(text, metric.defined_at)):
                    table = name.table or aggregate.table
                    if self.is_sensitive(table, name.name):
                        raise self.policy_error(Place(table, name.name), metric.defined_at)
        self._check_entity(metric)

    def _check_names(self, metric: Metric) -> None:
        """A metric that names a broken one is broken for the same reason."""
        for name in metric.names():
            if name not in self.metrics and name in self.broken:
                raise self.broken[name]

    def _check_entity(self, metric: Metric) -> None:
        entity = metric.entity
        known = {*self.graph.owners, *(name for table in self.tables.values() for name in table.entities)}
        if entity and entity not in known:
            raise unknown_name("entity", entity, known, where=metric.defined_at)

    def _check_measure(self, aggregate: Aggregate, where: str) -> None:
        """A sensitive column may be aggregated, and decide nothing: an expression of it could be a filter."""
        tree = aggregate.expression
        for name in () if tree is None or tree.key == "column" else columns_of(tree):
            if self.is_sensitive(aggregate.table, name.name):
                raise self.policy_error(Place(aggregate.table, name.name), where)

    @cached_property
    def graph(self) -> Graph:
        """The tables and their references."""
        return Graph(self.tables)

    @cached_property
    def _parts(self) -> dict[str, Parts]:
        return {}

    @cached_property
    def _formulas(self) -> dict[str, Formula]:
        return {}

    def metric(self, name: str, *, where: str = "") -> Metric:
        """The metric of that name.

        Raises:
            UnknownNameError: There is none; where its definition is wrong, that error.
        """
        if name in self.metrics:
            return self.metrics[name]
        if name in self.broken:
            raise self.broken[name]
        raise unknown_name("metric", name, self.metrics, where=where)

    def parts(self, name: str) -> Parts:
        """The metric as one aggregate, or one over another.

        Raises:
            DefinitionError: It is of a kind that is no aggregate of rows, such as a rolling sum.
        """
        if name not in self._parts:
            self._parts[name] = parts_of(self.metric(name), self.tables, self.metrics)
        return self._parts[name]

    def formula(self, name: str) -> Formula:
        """The metric as arithmetic over leaves, whatever its kind."""
        if name not in self._formulas:
            self._formulas[name] = formula_of(self.metric(name), self.tables, self.metrics)
        return self._formulas[name]

    def facts(self, name: str) -> tuple[str, ...]:
        """The tables whose rows the metric aggregates, in order."""
        found: dict[str, None] = {}
        for leaf in leaves(self.formula(name)):
            found[leaf.aggregate.table] = None
            if leaf.aggregate.followed is not None:
                found[leaf.aggregate.followed.then.table] = None
            if leaf.aggregate.per is not None:
                found.update(dict.fromkeys(self.facts(leaf.aggregate.per.metric)))
        return tuple(found)

    def digest(self, name: str) -> str:
        """Digest of the metric with all that its number depends on: parts that it names, tables, zone, week."""
        return digest(self.definition(name))

    def definition(self, name: str) -> dict[str, object]:
        """The metric with all that its number depends on, as plain values."""
        return governing(self, name)

    def names_by_table(self) -> dict[str, tuple[str, ...]]:
        """Table -> the metrics that aggregate its rows, sorted: what is affected when a table is wrong."""
        found: dict[str, set[str]] = {}
        for name in self.metrics:
            for table in self.facts(name):
                found.setdefault(table, set()).add(name)
        return {table: tuple(sorted(names)) for table, names in sorted(found.items())}

    def dimensions(self, name: str) -> tuple[str, ...]:
        """What the metric can be grouped by, sensitive columns apart."""
        facts = list(dict.fromkeys(leaf.aggregate.table for leaf in leaves(self.formula(name))))
        shared = [item for item in self.graph.dimensions(facts[0]) if all(self._has(fact, item) for fact in facts)]
        return tuple(
            item for item in shared if not self.is_sensitive(*_table_and_column(self.graph.find(item, facts[0])))
        )

    def _has(self, fact: str, name: str) -> bool:
        try:
            place = self.graph.find(name, fact)
        except DefinitionError:
            return False
        return place.many is None and not self.is_sensitive(place.table, place.column)

    def is_sensitive(self, table: str, column: str) -> bool:
        """Whether policy keeps the column out of groups and filters."""
        hidden = {item.lower() for item in self.sensitive}
        return column.lower() in hidden or f"{table}.{column}".lower() in hidden

    def policy_error(self, place: Place, where: str) -> PolicyError:
        """The error for a sensitive column."""
        return PolicyError(
            f"{str(place)!r} is declared sensitive: nothing may be grouped or filtered by it",
            where=where,
            hint="see `sensitive` in steelyard.toml",
        )

    def time_of(self, fact: str, time: str, *, where: str = "") -> Place | None:
        """The column that places a fact's rows in time; None where there is none.

        Raises:
            DefinitionError: It is of a table that the fact does not refer to.
        """
        if not time:
            own = self.tables[fact].time
            return Place(fact, own) if own else None
        table, _, column = time.rpartition(".")
        if not table or table == fact:
            return Place(fact, column)
        if table not in self.tables:
            raise unknown_name("table", table, self.tables, where=where)
        return Place(table, column, self.graph.path(fact, table, where=where, says=f"the time {time!r}"))

    def zone_of_day(self, name: str) -> Place | None:
        """The column with the zone in which the days of a table's rows are counted; None where it is the project's.

        Args:
            name: The table that has the time.

        Raises:
            DefinitionError: No reference of the table leads there.
        """
        declared = self.tables[name]
        owner, _, column = declared.zone_of_day.rpartition(".")
        if not declared.zone_of_day or owner in ("", name):
            return Place(name, column) if column else None
        by_role = [
            path
            for paths in self.graph.all_paths(name).values()
            for path in paths
            if len(path) == 1 and path[0].role == owner
        ]
        if by_role:
            return Place(by_role[0][-1].target, column, by_role[0])
        if owner not in self.tables:
            raise unknown_name("table or role", owner, (*self.tables, *declared.roles), where=declared.where)
        says = f"the zone {declared.zone_of_day!r}"
        return Place(owner, column, self.graph.path(name, owner, where=declared.where, says=says, column=column))


def _by_name(kind: str, items: Iterable[tuple[str, T, str]], problems: list[SteelyardError]) -> dict[str, T]:
    named: dict[str, T] = {}
    for name, item, where in items:
        if name in named:
            problems.append(DefinitionError(f"two definitions of the {kind} {name!r}", where=where, hint="rename one"))
        else:
            named[name] = item
    return named


def _table_and_column(place: Place) -> tuple[str, str]:
    return place.table, place.column
