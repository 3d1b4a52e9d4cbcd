"""Validates a whole project without running it: file, line, problem, hint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.errors import SteelyardError, unknown_name
from steelyard.project.study_columns import study_columns

if TYPE_CHECKING:
    from steelyard.project.project import Project

__all__ = ["Checked", "check_project", "definition_counts"]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check of a project found.

    Args:
        problems: Everything that is wrong, in the order of file and line.
        unknown: What could not be checked, in words.
    """

    problems: tuple[SteelyardError, ...]
    unknown: tuple[str, ...] = ()


def check_project(project: Project) -> Checked:
    """Everything that is wrong with the project's files, without reading a row."""
    found = [*project.problems, *_tables(project), *_studies(project), *_dashboards(project)]
    if project.problems and project.definitions.studies:
        return Checked(problems=_in_order(found), unknown=("studies' columns, while a file cannot be read",))
    columns = study_columns(project)
    said = {_thing(error) for error in found}
    found += [error for error in columns.problems if _thing(error) not in said]
    return Checked(problems=_in_order(found), unknown=columns.unknown)


def _in_order(found: list[SteelyardError]) -> tuple[SteelyardError, ...]:
    return tuple(sorted(found, key=_place))


def _thing(error: SteelyardError) -> tuple[str, str]:
    """What tells a problem of a file from another one, whatever key it is said of."""
    return error.where.partition(":")[0], error.problem


def _place(error: SteelyardError) -> tuple[str, int]:
    path, _, line = error.where.partition(":")
    number = line.split(":")[0]
    return path, int(number) if number.isdigit() else 0


def _tables(project: Project) -> Iterator[SteelyardError]:
    from steelyard.pipeline import table_graph

    definitions = project.definitions
    broken = _broken(project)
    sound = [table for table in definitions.tables.values() if table.name not in broken]
    for table in sound:
        try:
            _ = table.references
        except SteelyardError as error:
            yield error.at(table.path)
            return
    try:
        table_graph(sound, definitions.loaded, loaded=[*broken, *definitions.metrics.tables])
    except SteelyardError as error:
        yield error


def _broken(project: Project) -> set[str]:
    """Names of files that could not be read: what they define is not known to be missing."""
    return {Path(error.where.split(":")[0]).stem for error in project.problems}


def _studies(project: Project) -> Iterator[SteelyardError]:
    definitions, metrics = project.definitions, project.definitions.metrics
    known = {*definitions.loaded, *definitions.tables, *metrics.tables, *_broken(project)}
    for study in definitions.studies.values():
        for place, table in study.tables().items() if not project.problems else ():
            if table not in known:
                yield unknown_name("table", table, known, where=f"studies/{study.name}.yml: {place}")
        for name in study.governed():
            try:
                metrics.metric(name)
            except SteelyardError as error:
                yield error.at(f"studies/{study.name}.yml")


def _dashboards(project: Project) -> Iterator[SteelyardError]:
    from steelyard.dashboards import check_dashboard

    definitions = project.definitions
    for dashboard in definitions.dashboards.values():
        yield from check_dashboard(dashboard, definitions.metrics, list(definitions.studies))


def definition_counts(project: Project) -> dict[str, int]:
    """How many there are of each kind of definition."""
    definitions = project.definitions
    return {
        "sources": len(definitions.sources),
        "tables": len(definitions.tables),
        "metrics": len(definitions.metrics.metrics),
        "studies": len(definitions.studies),
        "dashboards": len(definitions.dashboards),
    }
