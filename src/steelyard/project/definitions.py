"""Everything that a project's folder defines, and everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from steelyard.decisions.initiative import Initiative, initiative_file
from steelyard.definition_file import read_definition
from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.project.settings import FILE, Settings
from steelyard.studies import Study

if TYPE_CHECKING:
    from steelyard.dashboards import Dashboard
    from steelyard.metrics import MetricCatalog
    from steelyard.pipeline import SourceDefinition, TableDefinition

__all__ = ["Definitions", "read_definitions", "study_file"]

T = TypeVar("T")


class Named(Protocol):
    """Something with a name."""

    @property
    def name(self) -> str:
        """Its name."""


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """Everything that a project's folder defines.

    Args:
        sources: What is loaded, by name.
        tables: What is built, by name.
        metrics: The governed metrics.
        studies: The studies, by name.
        initiatives: The initiatives, by name.
        dashboards: The pages, by name.
        problems: What is wrong, in the order of the files; the rest works all the same.
    """

    sources: Mapping[str, SourceDefinition]
    tables: Mapping[str, TableDefinition]
    metrics: MetricCatalog
    studies: Mapping[str, Study]
    initiatives: Mapping[str, Initiative] = field(default_factory=dict)
    dashboards: Mapping[str, Dashboard] = field(default_factory=dict)
    problems: tuple[SteelyardError, ...] = field(default=())

    @property
    def loaded(self) -> list[str]:
        """Every table that the sources make."""
        return [name for source in self.sources.values() for name in source.tables]


def read_definitions(folder: Path, settings: Settings) -> Definitions:
    """Reads every file of definitions; one that is wrong is a problem and not the end."""
    from steelyard.metrics import read_metrics
    from steelyard.pipeline import read_source_file, read_table_file

    problems: list[SteelyardError] = []
    sources = _by_name(_each(folder, "sources/**/*.yml", read_source_file, problems), problems)
    tables = _by_name(
        ((path, (table,)) for path, table in _each(folder, "tables/**/*.sql", read_table_file, problems)), problems
    )
    for name in sorted(set(sources) & set(tables)):
        where = tables[name].where(1)
        problems.append(DefinitionError(f"{name!r} is both a source and a table", where=where, hint="rename one"))
    metrics = read_metrics(
        _files(folder, "metrics/**/*.yml"),
        tables=[table.declaration for table in tables.values()],
        zone=settings.zone,
        week_start=settings.week_start,
        fan_out=settings.fan_out,
        year_start=settings.year_start,
        currency=settings.currency,
        sensitive=settings.sensitive,
        smallest_group=settings.smallest_group,
        smallest_group_of=settings.smallest_group_of,
    )
    problems += metrics.problems
    problems += _unknown_metrics(settings, metrics, folder)
    studies = _studies(folder, problems)
    found = ((path, (item,)) for path, item in _each(folder, "initiatives/**/*.yml", initiative_file, problems))
    initiatives = _by_name(found, problems)
    problems += _unknown_parts(initiatives, studies, metrics)
    pages = _dashboards(folder, problems)
    dashboards = _by_name(pages, problems)
    return Definitions(
        sources=sources,
        tables=tables,
        metrics=metrics,
        studies=studies,
        initiatives=initiatives,
        dashboards=dashboards,
        problems=tuple(problems),
    )


def _unknown_parts(
    initiatives: Mapping[str, Initiative], studies: Mapping[str, Study], metrics: MetricCatalog
) -> Iterator[SteelyardError]:
    for item in initiatives.values():
        where = f"initiatives/{item.name}.yml"
        yield from (unknown_name("study", name, studies, where=where) for name in item.studies if name not in studies)
        if item.metric and item.metric not in metrics.metrics:
            yield unknown_name("metric", item.metric, metrics.metrics, where=where)


def _unknown_metrics(settings: Settings, metrics: MetricCatalog, folder: Path) -> Iterator[SteelyardError]:
    """What the settings name as metrics and is none."""
    named = [("health", settings.health), *(("guardrails", name) for name in settings.guardrails)]
    for key, name in named:
        if name and name not in metrics.metrics and name not in metrics.broken:
            yield unknown_name(f"metric for {key}", name, metrics.metrics, where=str(folder / FILE))


def _files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    if pattern.endswith(".yml"):
        found = sorted([*found, *folder.glob(pattern.removesuffix(".yml") + ".yaml")])
    return found


def _each(
    folder: Path, pattern: str, read: Callable[[Path], T], problems: list[SteelyardError]
) -> Iterator[tuple[Path, T]]:
    for path in _files(folder, pattern):
        try:
            yield path, read(path)
        except SteelyardError as error:
            problems.append(error.at(str(path)))


def _by_name(found: Iterable[tuple[Path, tuple[N, ...]]], problems: list[SteelyardError]) -> dict[str, N]:
    named: dict[str, N] = {}
    for path, items in found:
        for item in items:
            if item.name in named:
                problems.append(DefinitionError(f"two files define {item.name!r}", where=str(path), hint="rename one"))
            else:
                named[item.name] = item
    return named


def _dashboards(folder: Path, problems: list[SteelyardError]) -> Iterator[tuple[Path, tuple[Dashboard, ...]]]:
    from steelyard.dashboards import read_dashboard_file

    def read(path: Path) -> Dashboard:
        return read_dashboard_file(path, shown_as=path.relative_to(folder).as_posix())

    for path, page in _each(folder, "dashboards/**/*.yml", read, problems):
        yield path, (page,)


def _studies(folder: Path, problems: list[SteelyardError]) -> dict[str, Study]:
    studies: dict[str, Study] = {}
    for path, study in _each(folder, "studies/**/*.yml", study_file, problems):
        if study.name in studies:
            problems.append(DefinitionError(f"two files define the study {study.name!r}", where=str(path)))
        studies.setdefault(study.name, study)
    return studies


def study_file(path: Path) -> Study:
    """The study that a file says; its name is the file's.

    Raises:
        DefinitionError: It says something that cannot be, or is named otherwise.
    """
    from steelyard.project.kinds import study_from

    definition = read_definition(path)
    name = definition.data.get("name", path.stem)
    if name != path.stem:
        raise DefinitionError(
            f"the study in {path.name!r} is named {name!r}",
            where=definition.where(("name",)),
            hint="one name: the file's",
        )
    return study_from({**definition.data, "name": name}, definition)
