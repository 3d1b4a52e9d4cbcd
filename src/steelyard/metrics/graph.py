"""Which table a row refers to, and by which path a column is reached without multiplying rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.warehouse import TableDeclaration

__all__ = ["GRAINS", "Graph", "Path", "Place", "Step"]

GRAINS = ("day", "week", "month", "quarter", "year")
FARTHEST = 6


@dataclass(frozen=True)
class Step:
    """One reference from a table to the one row of another that it names.

    Args:
        entity: The entity that is referred to.
        source: The table that refers.
        columns: Its columns that hold the entity's id.
        target: The entity's own table.
        key: That table's key, in the same order.
    """

    entity: str
    source: str
    columns: tuple[str, ...]
    target: str
    key: tuple[str, ...]


Path = tuple[Step, ...]


@dataclass(frozen=True)
class Place:
    """Where a column is, seen from a table: the column, and the references that lead to its table."""

    table: str
    column: str
    path: Path = ()

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


def path_says(start: str, path: Path) -> str:
    """The path in words: `lines -> orders -> customers`."""
    return " -> ".join([start, *(step.target for step in path)])


@dataclass(frozen=True)
class Graph:
    """The tables and their references.

    Args:
        tables: By name.
    """

    tables: Mapping[str, TableDeclaration]
    _paths: dict[str, Mapping[str, tuple[Path, ...]]] = field(default_factory=dict, repr=False)

    @cached_property
    def owners(self) -> Mapping[str, TableDeclaration]:
        """Entity -> its own table."""
        return {table.entity: table for table in self.tables.values() if table.entity}

    def problems(self) -> Iterator[SteelyardError]:
        """What is wrong with the tables as declared."""
        owned: dict[str, TableDeclaration] = {}
        for table in self.tables.values():
            yield from self._table_problems(table)
            if table.entity in owned:
                problem = f"both {owned[table.entity].name!r} and {table.name!r} are the own table of {table.entity!r}"
                hint = "an entity has one own table; the other refers to it under `entities:`"
                yield DefinitionError(problem, where=table.where, hint=hint)
            elif table.entity:
                owned[table.entity] = table

    def _table_problems(self, table: TableDeclaration) -> Iterator[SteelyardError]:
        if table.entity and not table.key:
            problem = f"the table {table.name!r} is the own table of {table.entity!r} and names no key"
            yield DefinitionError(
                problem, where=table.where, hint=f"add `key:`, the column that holds a {table.entity}'s id"
            )
        for entity, columns in table.entities.items():
            owner = self.owners.get(entity)
            if owner is not None and len(owner.key) != len(columns) and owner.key:
                problem = (
                    f"{table.name!r} refers to {entity!r} by {len(columns)} columns, and the key of {owner.name!r} "
                    f"has {len(owner.key)}"
                )
                yield DefinitionError(problem, where=table.where, hint=f"give the columns for {', '.join(owner.key)}")

    def steps(self, table: str) -> tuple[Step, ...]:
        """The references of one table; one to itself is none."""
        found = []
        for entity, columns in self.tables[table].entities.items():
            owner = self.owners.get(entity)
            if owner is not None and owner.name != table and len(owner.key) == len(columns):
                found.append(Step(entity, table, columns, owner.name, owner.key))
        return tuple(found)

    def paths(self, start: str) -> Mapping[str, tuple[Path, ...]]:
        """Every table that a row of `start` leads to, with each path there; more than one path is ambiguous.

        Where a table refers to another directly, its roads through third tables do not count: the row says itself
        whom it means.
        """
        if start not in self._paths:
            found: dict[str, list[Path]] = {start: [()]}
            self._walk(start, (), found)
            self._paths[start] = {table: tuple(paths) for table, paths in found.items()}
        return self._paths[start]

    def _walk(self, start: str, path: Path, found: dict[str, list[Path]]) -> None:
        here = path[-1].target if path else start
        visited = (start, *(step.target for step in path))
        direct = {step.target for table in visited[:-1] for step in self.steps(table)}
        if len(path) == FARTHEST:
            return
        for step in self.steps(here):
            if step.target in visited or step.target in direct:
                continue
            found.setdefault(step.target, []).append((*path, step))
            self._walk(start, (*path, step), found)

    def path(self, start: str, target: str, *, where: str = "", says: str = "") -> Path:
        """The one path from a table to another.

        Raises:
            DefinitionError: There is none, or several.
        """
        paths = self.paths(start).get(target, ())
        if len(paths) == 1:
            return paths[0]
        if not paths:
            raise self._unreachable(start, target, where, says or target)
        ways = "; ".join(path_says(start, path) for path in paths)
        raise DefinitionError(
            f"{says or target!r} can be reached from {start!r} in {len(paths)} ways: {ways}",
            where=where,
            hint=f"say which is meant: give {start!r} a column of its own for the entity, under `entities:`",
        )

    def _unreachable(self, start: str, target: str, where: str, says: str) -> DefinitionError:
        near = self.dimensions(start)
        instead = f"{start!r} can be grouped by {', '.join(near[:8])}" if near else f"{start!r} has no dimensions"
        if start in self.paths(target):
            return DefinitionError(
                f"one row of {start!r} has many rows of {target!r}: by {says} it would be counted once for each",
                where=where,
                hint=f"ask for a metric of {target!r} by {says}, such as a count of its {start}; {instead}",
            )
        return DefinitionError(
            f"no reference leads from {start!r} to {target!r}, which has {says}",
            where=where,
            hint=f"{instead}; or declare under `entities:` of {start!r} the column that refers to {target!r}",
        )

    def dimensions(self, start: str) -> tuple[str, ...]:
        """What a fact can be grouped by, as a question would write it; what is ambiguous is written with its table."""
        named: dict[str, list[Place]] = {}
        for place in self._places(start):
            named.setdefault(place.column, []).append(place)
        names = []
        for column, places in named.items():
            own = [place for place in places if not place.path]
            if column not in GRAINS and (own or len(places) == 1):
                names.append(column)
            if column in GRAINS or len(places) > 1:
                names += [str(place) for place in places if column in GRAINS or place not in own]
        return tuple(names)

    def _places(self, start: str) -> Iterator[Place]:
        for table, paths in self.paths(start).items():
            if len(paths) == 1:
                for column in self.tables[table].dimensions:
                    yield Place(table, column, paths[0])

    def find(self, name: str, start: str, *, where: str = "") -> Place:
        """The dimension that a question means by `name`, seen from a fact.

        A bare name is the fact's own dimension, else that of the one table it leads to that has it; `table.column`
        says which table. The name of an entity is its id.

        Raises:
            UnknownNameError: No table has it.
            DefinitionError: It is on the many side, not connected, or ambiguous.
        """
        table, _, column = name.rpartition(".")
        if table:
            return self._qualified(name, table, column, start, where)
        if name in self.tables[start].dimensions:
            return Place(start, name)
        having = [item.name for item in self.tables.values() if name in item.dimensions]
        near = [item for item in having if item in self.paths(start)]
        if len(near) > 1:
            choices = " or ".join(f"{item}.{name}" for item in near)
            raise DefinitionError(f"{name!r} is ambiguous for {start!r}", where=where, hint=f"write {choices}")
        if near or having:
            target = near[0] if near else having[0]
            return Place(target, name, self.path(start, target, where=where, says=repr(name)))
        if name in self.tables[start].entities and len(self.tables[start].entities[name]) == 1:
            return Place(start, self.tables[start].entities[name][0])
        if self.tables[start].entity == name and len(self.tables[start].key) == 1:
            return Place(start, self.tables[start].key[0])
        raise unknown_name(f"dimension of {start!r}", name, self._known(start), where=where)

    def _qualified(self, name: str, table: str, column: str, start: str, where: str) -> Place:
        if table not in self.tables:
            raise unknown_name("table", table, self.tables, where=where)
        if column not in self.tables[table].dimensions:
            known = [f"{table}.{item}" for item in self.tables[table].dimensions]
            raise unknown_name("dimension", name, known, where=where)
        return Place(table, column, self.path(start, table, where=where, says=repr(name)))

    def _known(self, start: str) -> tuple[str, ...]:
        return (*self.dimensions(start), *self.tables[start].entities, *GRAINS)
