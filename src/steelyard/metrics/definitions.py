"""Reads `metrics/*.yml`: tables that others build, metrics and trees; one wrong definition does not stop the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steelyard.definition_file import Definition, build, read_definition
from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics.catalog import MetricCatalog, check_zone
from steelyard.metrics.metric import Metric
from steelyard.metrics.tree import Tree, parse_tree
from steelyard.warehouse import TableDeclaration

__all__ = ["read_metrics"]

SECTIONS = ("tables", "metrics", "trees")
LATER_SECTIONS = ("alerts", "annotations")


def read_metrics(
    files: Iterable[str | Path],
    *,
    tables: Iterable[TableDeclaration] = (),
    zone: str = "UTC",
    week_start: str = "monday",
    year_start: int = 1,
    currency: str = "",
    sensitive: Sequence[str] = (),
) -> MetricCatalog:
    """The catalog that the files define.

    Args:
        files: YAML files with `tables:`, `metrics:` and `trees:`, each a mapping by name.
        tables: The tables that the project builds itself; a table is declared in one place.
        zone: IANA zone in which days are counted.
        week_start: First day of the week, in English, lower case.
        year_start: First month of the year, from 1; quarters follow it.
        currency: What money is measured in.
        sensitive: Columns (`column` or `table.column`) that nothing may be grouped or filtered by.

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
        year_start=year_start,
        currency=currency,
        sensitive=tuple(sensitive),
    )
    return catalog.checked(reading.problems, reading.broken)


class _Reading:
    """What was read so far."""

    def __init__(self, tables: dict[str, TableDeclaration]) -> None:
        self.tables = tables
        self.metrics: dict[str, Metric] = {}
        self.trees: dict[str, Tree] = {}
        self.problems: list[SteelyardError] = []
        self.broken: dict[str, SteelyardError] = {}

    def file(self, path: str | Path) -> None:
        try:
            definition = read_definition(path)
        except SteelyardError as error:
            self.problems.append(error)
            return
        for section, content in definition.data.items():
            if section in LATER_SECTIONS:
                problem = f"{section!r} is not a section yet"
                self.problems.append(DefinitionError(problem, where=definition.where((section,)), hint="leave it out"))
            elif section not in SECTIONS:
                self.problems.append(unknown_name("section", section, SECTIONS, where=definition.where((section,))))
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
                getattr(self, f"_{section}")(definition, name, said)
            except SteelyardError as error:
                self.problems.append(error.at(definition.where((section, name))))
                if section == "metrics" and name not in self.metrics:
                    self.broken[name] = error

    def _tables(self, definition: Definition, name: str, said: Any) -> None:
        at = ("tables", name)
        where = definition.where(at)
        self._refuse_second("table", name, self.tables, {n: t.where for n, t in self.tables.items()}, where)
        table = build(TableDeclaration, {**_mapping(said, "table", name, where), "name": name}, definition, at)
        if table.zone:
            check_zone(table.zone, definition.where((*at, "zone")))
        for column, zone in table.zones.items():
            check_zone(zone, definition.where((*at, "zones", column)))
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
