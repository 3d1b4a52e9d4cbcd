"""Validates a whole project without running it: file, line, problem, hint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from steelyard.project.project import Project

__all__ = ["check_project", "definition_counts"]


def check_project(project: Project) -> tuple[SteelyardError, ...]:
    """Everything that is wrong with the project's files, in the order of file and line."""
    found = [*project.problems, *_tables(project), *_studies(project), *_dashboards(project)]
    return tuple(sorted(found, key=_place))


def _place(error: SteelyardError) -> tuple[str, int]:
    path, _, line = error.where.partition(":")
    number = line.split(":")[0]
    return path, int(number) if number.isdigit() else 0


def _tables(project: Project) -> Iterator[SteelyardError]:
    from steelyard.pipeline import table_graph

    definitions = project.definitions
    loaded = [name for source in definitions.sources.values() for name in (source.table, f"{source.table}_rejects")]
    broken = {Path(error.where.split(":")[0]).stem for error in project.problems}
    sound = [table for table in definitions.tables.values() if table.name not in broken]
    for table in sound:
        try:
            _ = table.references
        except SteelyardError as error:
            yield error.at(table.path)
            return
    try:
        table_graph(sound, loaded, loaded=[*broken, *definitions.metrics.tables])
    except SteelyardError as error:
        yield error


def _studies(project: Project) -> Iterator[SteelyardError]:
    metrics = project.definitions.metrics
    for study in project.definitions.studies.values():
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
