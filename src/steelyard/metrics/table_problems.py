"""What is wrong with tables as they are declared, before any row is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.warehouse import TableDeclaration

__all__ = ["table_problems"]

Tables = Mapping[str, TableDeclaration]


def table_problems(tables: Tables) -> Iterator[SteelyardError]:
    """What is wrong with the tables as declared.

    Args:
        tables: By name.
    """
    owners: dict[str, TableDeclaration] = {}
    for table in tables.values():
        if table.entity:
            owners.setdefault(table.entity, table)
    for table in tables.values():
        yield from _of_entity(table, owners)
        yield from _of_references(table, owners)
        yield from _of_roles(table, tables)
        yield from _of_bridge(table)
        if table.history is not None and not table.id_columns:
            problem = f"the history {table.name!r} names no key, so that nobody can say whose states its rows are"
            yield DefinitionError(problem, where=table.where, hint="add `key:`, the column with the id")


def _of_entity(table: TableDeclaration, owners: Tables) -> Iterator[SteelyardError]:
    if not table.entity:
        return
    if not table.key:
        problem = f"the table {table.name!r} is the own table of {table.entity!r} and names no key"
        hint = f"add `key:`, the column that holds a {table.entity}'s id"
        yield DefinitionError(problem, where=table.where, hint=hint)
    if owners[table.entity] is not table:
        first = owners[table.entity].name
        problem = f"both {first!r} and {table.name!r} are the own table of {table.entity!r}"
        hint = "an entity has one own table; the other refers to it under `entities:`"
        yield DefinitionError(problem, where=table.where, hint=hint)


def _of_references(table: TableDeclaration, owners: Tables) -> Iterator[SteelyardError]:
    for name, reference in table.references.items():
        owner = owners.get(reference.entity)
        if owner is not None and owner.id_columns and len(owner.id_columns) != len(reference.columns):
            said = f"{name!r}" if name == reference.entity else f"{reference.entity!r} as {name!r}"
            problem = (
                f"{table.name!r} refers to {said} by {len(reference.columns)} columns, and the key of {owner.name!r} "
                f"has {len(owner.id_columns)}"
            )
            hint = f"give the columns for {', '.join(owner.id_columns)}"
            yield DefinitionError(problem, where=table.where, hint=hint)
    for name in (*table.one_to_one, *table.complete_references):
        if name not in table.references:
            yield unknown_name(f"reference of {table.name!r}", name, table.references, where=table.where)


def _of_roles(table: TableDeclaration, tables: Tables) -> Iterator[SteelyardError]:
    for name in table.roles:
        if name in table.entities:
            problem = f"{name!r} is an entity and a role of {table.name!r} at once"
            yield DefinitionError(problem, where=table.where, hint="call the role something else")
        if name in tables:
            problem = f"the role {name!r} of {table.name!r} has the name of a table"
            hint = f"call it something else: {name}.column means the table's column"
            yield DefinitionError(problem, where=table.where, hint=hint)


def _of_bridge(table: TableDeclaration) -> Iterator[SteelyardError]:
    if table.bridge is None:
        return
    for name in (table.bridge.of, table.bridge.to):
        if name not in table.references:
            yield unknown_name(f"reference of the bridge {table.name!r}", name, table.references, where=table.where)
    if table.bridge.of == table.bridge.to:
        problem = f"the bridge {table.name!r} links {table.bridge.of!r} to itself"
        yield DefinitionError(problem, where=table.where, hint="give one of the two references a role of its own")
