"""Questions to a project that can be audited: as of a moment, with lineage, down to the rows, and restated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from steelyard.errors import DefinitionError
from steelyard.metrics import MetricCatalog, query
from steelyard.metrics.asked import Asked
from steelyard.metrics.audit import audited_table
from steelyard.metrics.definition_history import KIND, catalog_then, changes_between, definition_versions
from steelyard.metrics.drill import Drill, drill
from steelyard.metrics.question import ask
from steelyard.project.as_of import AsOf, Moment, known_at
from steelyard.project.kept_versions import StoreVersions

if TYPE_CHECKING:
    from steelyard.metrics import MetricTable
    from steelyard.metrics.definition_history import DefinitionVersion
    from steelyard.metrics.product import ProductTable
    from steelyard.metrics.restatement import Restatement
    from steelyard.metrics.streamed import MetricStream
    from steelyard.project.project import Project
    from steelyard.warehouse import Warehouse

    Opens = Callable[[int | None], AbstractContextManager[Warehouse]]

__all__ = [
    "Definitions",
    "audited_analysis",
    "audited_drill",
    "audited_query",
    "audited_sql",
    "audited_stream",
    "restated",
]

Definitions = Literal["now", "then"]


def audited_query(
    project: Project,
    metrics: str | Sequence[str],
    *,
    as_of: Moment | None,
    definitions: Definitions,
    history: bool = False,
    opens: Opens | None = None,
    **asked: Any,
) -> MetricTable:
    """The answer to a question, with all that can be said of how it was made; see `Project.query`.

    Args:
        project: The project.
        metrics: One name, or several.
        as_of: The moment, or catalog version; None is now.
        definitions: Whether the definitions are those of now, or of then.
        history: Whether the definitions' history is told, for which the ledger is read.
        opens: Opens the warehouse at a catalog version; None is the project's own way.
        asked: As `steelyard.metrics.query` takes it.
    """
    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    known = _known(project, as_of)
    catalog = _catalog(project, names, definitions, known)
    number = known.number if known is not None else _newest(project)
    with (opens or project.warehouse)(number) as warehouse:
        table = query(catalog, warehouse, names, **asked)
    kept = StoreVersions(project.store, number) if number is not None else None
    notes = known.notes(read.name for read in table.how.tables) if known is not None else ()
    told = {name: _history(project, catalog, name) for name in names} if history else None
    return audited_table(table, catalog, kept, history=told, notes=notes)


@contextmanager
def audited_stream(
    project: Project,
    metrics: str | Sequence[str],
    *,
    as_of: Moment | None,
    definitions: Definitions,
    opens: Opens | None = None,
    **asked: Any,
) -> Iterator[MetricStream]:
    """The rows of `audited_query`, part by part; takes what that does."""
    from steelyard.metrics.streamed import stream

    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    known = _known(project, as_of)
    catalog = _catalog(project, names, definitions, known)
    with (
        (opens or project.warehouse)(known.number if known is not None else _newest(project)) as warehouse,
        stream(catalog, warehouse, names, **asked) as rows,
    ):
        yield rows


def audited_sql(
    project: Project, metrics: str | Sequence[str], *, as_of: Moment | None, definitions: Definitions, **asked: Any
) -> str:
    """The SELECT that would answer a question; see `Project.sql`."""
    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    known = _known(project, as_of)
    catalog = _catalog(project, names, definitions, known)
    with project.warehouse(known.number if known is not None else _newest(project)) as warehouse:
        return Asked(catalog, warehouse, ask(names, **asked)).plan.query.sql


def audited_analysis(project: Project, name: str, *, as_of: Moment | None, **asked: Any) -> ProductTable:
    """The answer to a product analysis; see `Project.analyse`."""
    from steelyard.metrics.product import analyse

    known = _known(project, as_of)
    with project.warehouse(known.number if known is not None else _newest(project)) as warehouse:
        table = analyse(project.definitions.metrics, warehouse, name, **asked)
    if known is None:
        return table
    return replace(table, notes=(*known.notes(read.name for read in table.how.tables), *table.notes))


def audited_drill(
    project: Project, metric: str, at: Mapping[str, Any] | None, *, as_of: Moment | None, **asked: Any
) -> Drill:
    """The rows behind one cell; see `Project.drill`."""
    known = _known(project, as_of)
    number = known.number if known is not None else _newest(project)
    with project.warehouse(number) as warehouse:
        found = drill(project.definitions.metrics, warehouse, metric, at=at, **asked)
    notes = known.notes(read.name for read in found.tables) if known is not None else ()
    return replace(found, notes=(*notes, *found.notes))


def restated(
    project: Project,
    metric: str,
    *,
    from_: Moment,
    to: Moment | None,
    definitions: Definitions,
    **asked: Any,
) -> Restatement:
    """What a metric was at one moment and is at another, and why; see `Project.restatement`."""
    from steelyard.metrics.restatement import restatement
    from steelyard.metrics.row_changes import VersionPair
    from steelyard.warehouse.two_versions import two_versions

    earlier = _known(project, from_)
    later = _known(project, to if to is not None else datetime.now(UTC))
    assert earlier is not None  # noqa: S101 - a moment is given
    assert later is not None  # noqa: S101
    if later.moment < earlier.moment or later.number < earlier.number:
        raise DefinitionError(
            f"{to!r} is before {from_!r}", where="restatement", hint="give the earlier moment as `from_`"
        )
    first, last = (_catalog(project, (metric,), definitions, item) for item in (earlier, later))
    limits = {"memory_limit": project.target.memory_limit or None, "threads": project.target.threads or None}
    both = two_versions(project.store, earlier.number, later.number, **limits)
    pair = VersionPair(warehouse=both.warehouse, names=both.names, before=both.before.tables, after=both.after.tables)
    with both.warehouse:
        found = restatement(
            first,
            pair,
            metric,
            later=last,
            changes=_changes(first, last, metric),
            before=earlier.says.rstrip("."),
            after=later.says.rstrip("."),
            **asked,
        )
    names = [item.table for item in found.tables]
    notes = [note for known in (earlier, later) for note in known.notes(names) if note != known.says]
    unused = _unused_changes(project, metric, earlier, later) if definitions == "now" else ()
    return replace(found, notes=(*found.notes, *dict.fromkeys(notes), *unused))


def _newest(project: Project) -> int | None:
    return project.store.catalog.numbers()[-1] if project.embedded else None


def _known(project: Project, as_of: Moment | None) -> AsOf | None:
    if as_of is None:
        return None
    if not project.embedded:
        raise DefinitionError(
            f"the target {project.target_name!r} keeps no versions of its tables, so nothing can be asked as of "
            f"{as_of!r}",
            where="as_of",
            hint="leave it out to see the data as it is now",
        )
    return known_at(project.store, as_of, zone=project.settings.zone)


def _catalog(project: Project, names: Sequence[str], definitions: Definitions, known: AsOf | None) -> MetricCatalog:
    """The definitions of now; or those that were in force when a version was the newest."""
    today = project.definitions.metrics
    if definitions not in ("now", "then"):
        raise DefinitionError(f"definitions = {definitions!r}", where="query", hint="now or then")
    if definitions == "now":
        return today
    if known is None:
        raise DefinitionError("`definitions = then` without a moment", where="query", hint="give `as_of` too")
    return catalog_then(today, project.ledger.entries(kind=KIND), names, known.moment)


def _history(project: Project, catalog: MetricCatalog, name: str) -> tuple[DefinitionVersion, ...]:
    return definition_versions(project.ledger.entries(kind=KIND, name=name), catalog.definition(name))


def _changes(first: MetricCatalog, last: MetricCatalog, metric: str) -> tuple[str, ...]:
    """What changed in a definition between two catalogs, in words."""
    return changes_between(first.definition(metric), last.definition(metric))


def _unused_changes(project: Project, metric: str, earlier: AsOf, later: AsOf) -> tuple[str, ...]:
    """That the definition changed in between, where the present one was used for both moments."""
    versions = definition_versions(project.ledger.entries(kind=KIND, name=metric))
    between = [
        version for version in versions[1:] if earlier.moment < datetime.fromisoformat(version.since) <= later.moment
    ]
    if not between:
        return ()
    said = "; ".join(change for version in between for change in version.changes)
    return (f"The definition changed in between ({said}): with definitions = then, what that did is shown too.",)
