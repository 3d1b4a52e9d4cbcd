"""What a definition means by an event: which rows of which table, when they happened, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.expression import columns_of, parse_expression
from steelyard.metrics.place import Place
from steelyard.metrics.unit_table import unit_place
from steelyard.warehouse import TableDeclaration

__all__ = ["EventRows", "check_name", "check_rows", "entity_of", "entity_of_each"]


@dataclass(frozen=True, kw_only=True)
class EventRows:
    """The rows that are an event; its fields are keys of the YAML.

    Args:
        table: The table; each row is one event.
        where: Only rows for which this is true.
        exclude: Rows for which this is true do not count; what is unknown stays.
        time: When it happened, where that is not the table's own: `column`, or `table.column` of a table that the row
            refers to.
        sequence: The column that says which of several rows of one moment came first.

    >>> EventRows(table="events", where="step = 'view'", sequence="seq").table
    'events'
    """

    table: str = ""
    where: str = ""
    exclude: str = ""
    time: str = ""
    sequence: str = ""


def check_name(kind: str, name: str, where: str = "") -> None:
    """Refuses what is no name of a definition.

    Raises:
        DefinitionError: It is not in lower-case letters, digits and underscores.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        hint = "use lower-case letters, digits and underscores"
        raise DefinitionError(f"a {kind} cannot be named {name!r}", where=where, hint=hint)


def entity_of(catalog: MetricCatalog, wanted: str, tables: Iterable[str], *, where: str = "") -> str:
    """The entity that is followed: the one that is given, else the one that every table says its rows are of.

    Raises:
        UnknownNameError: A table is not there.
        DefinitionError: No entity is given, and the tables share none, or several.
    """
    named = list(dict.fromkeys(tables))
    for table in named:
        if table not in catalog.tables:
            raise unknown_name("table", table, catalog.tables, where=where)
    if wanted:
        return wanted
    shared = set.intersection(*(_entities(catalog.tables[table]) for table in named))
    if len(shared) == 1:
        return shared.pop()
    said = f"several: {', '.join(sorted(shared))}" if shared else "none"
    raise DefinitionError(
        f"it is not said who is followed, and of the entities that {' and '.join(named)} share there are {said}",
        where=where,
        hint="add `entity:`",
    )


def _entities(table: TableDeclaration) -> set[str]:
    return {*table.entities, *([table.entity] if table.entity else [])}


def entity_of_each(
    catalog: MetricCatalog, entity: str, each: Mapping[str, EventRows], name: str, *, where: str = ""
) -> str:
    """The entity that all these rows are of, each checked before anything is read; their keys name them in errors.

    Raises:
        UnknownNameError: A table or an entity is not there.
        DefinitionError: Rows have no table or no time, or lead to different entities.
        PolicyError: A condition names a sensitive column.
    """
    for what, rows in each.items():
        if not rows.table:
            problem = f"the {what} of {name!r} {'name' if what.endswith('s') else 'names'} no table"
            raise DefinitionError(problem, where=where, hint=f"add `table:` under `{what}:`")
    found = entity_of(catalog, entity, [rows.table for rows in each.values()], where=where)
    for rows in each.values():
        check_rows(catalog, rows, found, where=where)
    return found


def check_rows(catalog: MetricCatalog, rows: EventRows, entity: str, *, where: str = "") -> Place:
    """Refuses an event that cannot be, before anything is read; gives where its rows say whom they are of.

    Raises:
        UnknownNameError: A table or an entity is not there.
        DefinitionError: The rows have no time or no entity, or a condition cannot be.
        PolicyError: A condition names a sensitive column.
    """
    if not rows.table:
        raise DefinitionError("an event names no table", where=where, hint="add `table:`")
    if rows.table not in catalog.tables:
        raise unknown_name("table", rows.table, catalog.tables, where=where)
    if catalog.time_of(rows.table, rows.time, where=where) is None:
        raise DefinitionError(
            f"the rows of {rows.table!r} have no time, so that nothing comes before or after them",
            where=where or catalog.tables[rows.table].where,
            hint=f"declare `time:` for {rows.table!r}, or give `time:` here",
        )
    for text in (rows.where, rows.exclude):
        for name in columns_of(parse_expression(text, where)) if text else ():
            if catalog.is_sensitive(name.table or rows.table, name.name):
                raise catalog.policy_error(Place(name.table or rows.table, name.name), where)
    return unit_place(catalog, rows.table, entity)
