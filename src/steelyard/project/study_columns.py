"""Whether studies fit the columns that are known, and of which tables nothing is known yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from steelyard.project.project import Project
    from steelyard.studies import Context, Study

__all__ = ["StudyColumns", "study_columns"]

Columns = Mapping[str, str]
AFTER_ALL = datetime(9000, 1, 1, tzinfo=UTC)
"""A clock at which every day that a study speaks of is over: whether it may run yet is no matter of columns."""


@dataclass(frozen=True, kw_only=True)
class StudyColumns:
    """What is known of the studies' columns without reading a row.

    Args:
        problems: What a study names and no table has, or has of no use.
        unknown: What could not be checked, and why, in words; empty where everything could.
    """

    problems: tuple[SteelyardError, ...]
    unknown: tuple[str, ...]


class _Known(dict[str, Columns]):
    """Tables whose columns are known; it remembers which others were asked for, of those that will be there."""

    def __init__(self, known: Mapping[str, Columns], expected: Iterable[str]) -> None:
        super().__init__(known)
        self.expected, self.missed = frozenset(expected) - set(known), set[str]()

    def __contains__(self, name: object) -> bool:
        if name in self.expected:
            self.missed.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """As a dictionary's."""
        if name not in self:
            return default
        return self[name]


def study_columns(project: Project) -> StudyColumns:
    """Every study held against the columns that its warehouse has, or that its sources declare.

    A table whose definition has changed since it was built is not known, nor is one that reads such a table or a source
    with other columns: the next build decides. A warehouse that
    cannot be reached leaves nothing to hold studies against, and that is said.

    Args:
        project: An opened project.
    """
    studies = list(project.definitions.studies.values())
    if not studies:
        return StudyColumns(problems=(), unknown=())
    try:
        setting = project.setting()
        contexts = {study.name: setting.context(study) for study in studies}
    except SteelyardError as error:
        return StudyColumns(problems=(), unknown=(f"no study's columns: {error.problem}",))
    known, expected = _known(project, contexts[studies[0].name].tables)
    problems, unknown = list[SteelyardError](), list[str]()
    for study in studies:
        tables = _Known(known, expected)
        found, missed = _misfits(study, replace(contexts[study.name], tables=tables, as_of=AFTER_ALL), tables)
        problems += found
        if missed:
            named = ", ".join(map(repr, missed))
            unknown.append(f"studies/{study.name}.yml: columns of {named}, which are known after a refresh")
    return StudyColumns(problems=tuple(problems), unknown=tuple(unknown))


def _known(project: Project, there: Mapping[str, Columns]) -> tuple[dict[str, Columns], set[str]]:
    """Table -> its columns, as far as they can be known; and the tables that a refresh will make."""
    definitions = project.definitions
    known = dict(there)
    outdated = _outdated(project) if project.embedded else ()
    for name in outdated:
        known.pop(name, None)
    for source in definitions.sources.values():
        # What a file has beside the declared columns is known once it is loaded.
        if source.table in known:
            known[source.table] = {**known[source.table], **source.columns}
    expected = {*definitions.tables, *definitions.metrics.tables, *definitions.loaded}
    return known, expected


def _outdated(project: Project) -> tuple[str, ...]:
    """Tables that the next build makes otherwise: of changed definitions, or of what reads such or changed sources."""
    from steelyard.pipeline import table_graph

    definitions, stored = project.definitions, project.store.snapshot().tables
    tables = definitions.tables
    changed = [
        name for name in tables if name in stored and stored[name].details.get("sql_digest") != tables[name].digest
    ]
    declared = [
        source.table
        for source in definitions.sources.values()
        if source.table in stored and not source.columns.items() <= stored[source.table].columns.items()
    ]
    try:
        graph = table_graph(tables.values(), definitions.loaded, loaded=stored)
    except SteelyardError:  # said by the check of tables; until it is mended nothing is known of what they will have
        return tuple(tables)
    return (*changed, *graph.downstream([*changed, *declared]))


def _misfits(study: Study, context: Context, tables: _Known) -> tuple[list[SteelyardError], list[str]]:
    """The study's misfits, placed; and the unknown tables, whose own misfits are left to the next build."""
    found, missed = list[SteelyardError](), set[str]()
    for error in study.misfits(context):
        if not tables.missed:
            found.append(_placed(error, study.name))
        missed |= tables.missed
        tables.missed.clear()
    return found, sorted(missed | tables.missed)


def _placed(error: SteelyardError, name: str) -> SteelyardError:
    """The error in the study's file, where it does not say a file of its own."""
    place = error.where.removeprefix(f"{name}.")
    if place != error.where or error.where in ("", name):
        error.where = f"studies/{name}.yml" + (f": {place}" if place not in ("", name) else "")
    return error
