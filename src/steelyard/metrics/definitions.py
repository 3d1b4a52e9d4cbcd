"""Reads `metrics/*.yml`: tables, metrics, trees, alerts; one wrong definition does not stop the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from steelyard.definition_file import Definition, build, read_definition
from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics.annotation import Annotation
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.metric import Metric
from steelyard.metrics.tree import Tree, parse_tree
from steelyard.metrics.watching.alert import Alert
from steelyard.metrics.watching.sink import Sink
from steelyard.warehouse import TableDeclaration
from steelyard.warehouse.named_zone import named_zone

__all__ = ["read_metrics"]

SECTIONS = ("tables", "metrics", "trees", "alerts", "annotations", "sinks")
LISTS = ("annotations",)
PRODUCT = ("funnels", "sessions", "cohorts", "lifecycles", "attributions", "paths")
"""Sections of product analysis; one namespace."""


def read_metrics(
    files: Iterable[str | Path],
    *,
    tables: Iterable[TableDeclaration] = (),
    zone: str = "UTC",
    week_start: str = "monday",
    fan_out: Literal["flag", "refuse"] = "flag",
    year_start: int = 1,
    currency: str = "",
    sensitive: Sequence[str] = (),
    smallest_group: int = 1,
    smallest_group_of: str = "",
) -> MetricCatalog:
    """The catalog that the files define.

    Args:
        files: YAML files with `tables:`, `metrics:`, `trees:`, `alerts:`, `sinks:` and the sections of product
            analysis, each a mapping by name, and `annotations:`, a list.
        tables: The tables that the project builds itself; a table is declared in one place.
        zone: IANA zone in which days are counted.
        week_start: First day of the week, in English, lower case.
        fan_out: What becomes of a measure by something of which one row has many: `flag` or `refuse`.
        year_start: First month of the year, from 1; quarters follow it.
        currency: What money is measured in.
        sensitive: Columns (`column` or `table.column`) that nothing may be grouped or filtered by.
        smallest_group: The fewest units of which a number is told.
        smallest_group_of: The entity whose members are the units; empty counts rows.

    Returns:
        The catalog; `problems` says, with file and line, what was wrong, and the rest works.

    Raises:
        DefinitionError: The zone, the week's first day or the year's first month cannot be.
    """
    reading = _Reading({table.name: table for table in tables})
    for path in files:
        reading.file(path)
    catalog = MetricCatalog(
        metrics=reading.metrics,
        tables=reading.tables,
        trees=reading.trees,
        zone=zone,
        week_start=week_start,
        fan_out=fan_out,
        year_start=year_start,
        currency=currency,
        sensitive=tuple(sensitive),
        smallest_group=smallest_group,
        smallest_group_of=smallest_group_of,
        analyses=reading.analyses,
        alerts=reading.alerts,
        annotations=tuple(reading.annotations),
        sinks=reading.sinks,
    )
    return catalog.checked(reading.problems, reading.broken)


class _Reading:
    """What was read so far."""

    def __init__(self, tables: dict[str, TableDeclaration]) -> None:
        self.tables = tables
        self.metrics: dict[str, Metric] = {}
        self.trees: dict[str, Tree] = {}
        self.analyses: dict[str, Any] = {}
        self.alerts: dict[str, Alert] = {}
        self.annotations: list[Annotation] = []
        self.sinks: dict[str, Sink] = {}
        self.problems: list[SteelyardError] = []
        self.broken: dict[str, SteelyardError] = {}

    def file(self, path: str | Path) -> None:
        try:
            definition = read_definition(path)
        except SteelyardError as error:
            self.problems.append(error)
            return
        for section, content in definition.data.items():
            if section not in (*SECTIONS, *PRODUCT):
                known = (*SECTIONS, *PRODUCT)
                self.problems.append(unknown_name("section", section, known, where=definition.where((section,))))
            elif section in LISTS:
                self._list(definition, section, content or [])
            else:
                self._section(definition, section, content or {})

    def _section(self, definition: Definition, section: str, content: Any) -> None:
        where = definition.where((section,))
        if not isinstance(content, Mapping):
            hint = "write each under its name"
            self.problems.append(DefinitionError(f"{section!r} is not a mapping", where=where, hint=hint))
            return
        for name, said in content.items():
            try:
                if section in PRODUCT:
                    self._product(definition, section, name, said)
                else:
                    getattr(self, f"_{section}")(definition, name, said)
            except SteelyardError as error:
                self.problems.append(error.at(definition.where((section, name))))
                if section in ("metrics", *PRODUCT) and name not in (*self.metrics, *self.analyses):
                    self.broken[name] = error

    def _list(self, definition: Definition, section: str, content: Any) -> None:
        if not isinstance(content, list):
            hint = "write each as `- at: 2026-05-19`, with `says:`"
            problem = f"{section!r} is not a list"
            self.problems.append(DefinitionError(problem, where=definition.where((section,)), hint=hint))
            return
        for number, said in enumerate(content):
            where = definition.where((section, number))
            try:
                data = _mapping(said, "annotation", str(number + 1), where)
                made = build(Annotation, data, definition, (section, number))
                self.annotations.append(replace(made, defined_at=where))
            except SteelyardError as error:
                self.problems.append(error.at(where))

    def _tables(self, definition: Definition, name: str, said: Any) -> None:
        at = ("tables", name)
        where = definition.where(at)
        self._refuse_second("table", name, self.tables, {n: t.where for n, t in self.tables.items()}, where)
        table = build(TableDeclaration, {**_mapping(said, "table", name, where), "name": name}, definition, at)
        if table.zone:
            named_zone(table.zone, definition.where((*at, "zone")))
        for column, zone in table.zones.items():
            named_zone(zone, definition.where((*at, "zones", column)))
        self.tables[name] = replace(table, where=where)

    def _metrics(self, definition: Definition, name: str, said: Any) -> None:
        at = ("metrics", name)
        where = definition.where(at)
        self._refuse_second("metric", name, self.metrics, {n: m.defined_at for n, m in self.metrics.items()}, where)
        data = _mapping(said, "metric", name, where)
        self.metrics[name] = replace(build(Metric, {**data, "name": name}, definition, at), defined_at=where)

    def _trees(self, definition: Definition, name: str, said: Any) -> None:
        where = definition.where(("trees", name))
        self._refuse_second("tree", name, self.trees, {n: t.defined_at for n, t in self.trees.items()}, where)
        self.trees[name] = parse_tree(name, str(said), where=where)

    def _product(self, definition: Definition, section: str, name: str, said: Any) -> None:
        from steelyard.metrics.product.analyses import ANALYSES

        kind, at = ANALYSES[section], (section, name)
        where = definition.where(at)
        places = {known: item.defined_at for known, item in self.analyses.items()}
        self._refuse_second("analysis", name, self.analyses, places, where)
        made = build(kind.definition, {**_mapping(said, kind.name, name, where), "name": name}, definition, at)
        self.analyses[name] = replace(made, defined_at=where)

    def _alerts(self, definition: Definition, name: str, said: Any) -> None:
        at = ("alerts", name)
        where = definition.where(at)
        self._refuse_second("alert", name, self.alerts, {n: a.defined_at for n, a in self.alerts.items()}, where)
        data = _mapping(said, "alert", name, where)
        self.alerts[name] = replace(build(Alert, {**data, "name": name}, definition, at), defined_at=where)

    def _sinks(self, definition: Definition, name: str, said: Any) -> None:
        at = ("sinks", name)
        where = definition.where(at)
        self._refuse_second("sink", name, self.sinks, {n: s.defined_at for n, s in self.sinks.items()}, where)
        data = _mapping(said, "sink", name, where)
        self.sinks[name] = replace(build(Sink, {**data, "name": name}, definition, at), defined_at=where)

    def _refuse_second(
        self, kind: str, name: str, known: Mapping[str, Any], places: Mapping[str, str], where: str
    ) -> None:
        if name in known:
            first = f" at {places[name]}" if places[name] else ""
            hint = "keep one: everything is declared in one place"
            raise DefinitionError(f"the {kind} {name!r} is defined already{first}", where=where, hint=hint)


def _mapping(said: Any, kind: str, name: str, where: str) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise DefinitionError(f"the {kind} {name!r} is {said!r}, not a mapping", where=where)
    return said
