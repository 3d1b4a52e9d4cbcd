"""Which table a row refers to, and by which path a column is reached without multiplying rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics.many_side import many_side
from steelyard.metrics.place import Many, Path, Place, Step, path_says
from steelyard.metrics.table_problems import table_problems
from steelyard.warehouse import TableDeclaration

__all__ = ["DATE_GRAINS", "GRAINS", "Graph", "Many", "Path", "Place", "Step"]

DATE_GRAINS = ("day", "week", "month", "quarter", "year")
"""Periods of local days."""
GRAINS = ("hour", *DATE_GRAINS)
FARTHEST = 6


@dataclass(frozen=True)
class Graph:
    """The tables and their references.

    Args:
        tables: By name.
    """

    tables: Mapping[str, TableDeclaration]
    _steps: dict[str, tuple[Step, ...]] = field(default_factory=dict, repr=False)
    _paths: dict[str, Mapping[str, tuple[Path, ...]]] = field(default_factory=dict, repr=False)
    _all: dict[str, Mapping[str, tuple[Path, ...]]] = field(default_factory=dict, repr=False)

    @cached_property
    def owners(self) -> Mapping[str, TableDeclaration]:
        """Entity -> its own table."""
        return {table.entity: table for table in self.tables.values() if table.entity}

    def problems(self) -> Iterator[SteelyardError]:
        """What is wrong with the tables as declared."""
        return table_problems(self.tables)

    # One step

    def steps(self, table: str) -> tuple[Step, ...]:
        """The references of one table to at most one row: its own, and those to what describes its own entity."""
        if table not in self._steps:
            self._steps[table] = self._steps_of(table)
        return self._steps[table]

    def _steps_of(self, table: str) -> tuple[Step, ...]:
        declared = self.tables[table]
        found = []
        for name, reference in declared.references.items():
            role = name if name in declared.roles else ""
            complete = name in declared.complete_references
            for target, key in self._rows_of(reference.entity):
                if len(key) == len(reference.columns) and (role or target.name != table):
                    found.append(
                        Step(reference.entity, table, reference.columns, target.name, key, role, target.history,
                             complete=complete)
                    )  # fmt: skip
        return (*found, *self._beside(declared))

    def _rows_of(self, entity: str) -> Iterator[tuple[TableDeclaration, tuple[str, ...]]]:
        """The tables with one row of an entity at a time, its own and its histories, and the columns of its id."""
        owner = self.owners.get(entity)
        if owner is not None:
            yield owner, owner.id_columns
        for table in self.tables.values():
            columns = table.entities.get(entity, ())
            if table is not owner and table.history is not None and columns and table.id_columns == columns:
                yield table, columns

    def _beside(self, declared: TableDeclaration) -> Iterator[Step]:
        """From an entity's own table to its histories and to what refers to it one to one."""
        entity, own = declared.entity, declared.id_columns
        if not entity or not own:
            return
        for target, key in self._rows_of(entity):
            if target is not declared and len(key) == len(own):
                yield Step(entity, declared.name, own, target.name, key, history=target.history)
        for other in self.tables.values():
            for name in other.one_to_one:
                reference = other.references.get(name)
                if reference is not None and reference.entity == entity and other.name != declared.name:
                    yield Step(entity, declared.name, own, other.name, reference.columns, reversed=True)

    # Paths

    def paths(self, start: str) -> Mapping[str, tuple[Path, ...]]:
        """Every table that a row of `start` leads to, with each path there; more than one path is ambiguous.

        Where a table refers to another directly, its roads through third tables do not count: the row says itself
        whom it means. A role's road counts where no plain one is as short; it is always there by the role's name.
        """
        if start not in self._paths:
            self._paths[start] = {table: _bare(paths) for table, paths in self.all_paths(start).items()}
        return self._paths[start]

    def all_paths(self, start: str) -> Mapping[str, tuple[Path, ...]]:
        """The same with the road of every role."""
        if start not in self._all:
            found: dict[str, list[Path]] = {start: [()]}
            self._walk(start, (), found)
            self._all[start] = {table: tuple(paths) for table, paths in found.items()}
        return self._all[start]

    def _walk(self, start: str, path: Path, found: dict[str, list[Path]]) -> None:
        if len(path) == FARTHEST:
            return
        roles = [number for number, step in enumerate(path) if step.role]
        after = roles[-1] + 1 if roles else 0  # what a role leads to is a place of its own
        visited = (path[after - 1].target if roles else start, *(step.target for step in path[after:]))
        direct = {step.target for table in visited[:-1] for step in self.steps(table) if not step.role}
        for step in self.steps(visited[-1]):
            if step.role in {path[number].role for number in roles} if step.role else step.target in visited:
                continue
            if not step.role and step.target in direct:
                continue
            found.setdefault(step.target, []).append((*path, step))
            self._walk(start, (*path, step), found)

    def path(self, start: str, target: str, *, where: str = "", says: str = "", column: str = "") -> Path:
        """The one path from a table to another.

        Raises:
            DefinitionError: There is none, or several.
        """
        paths = self.paths(start).get(target, ())
        if len(paths) == 1:
            return paths[0]
        if not paths:
            raise self.unreachable(start, target, where, says or target)
        ways = "; ".join(path_says(start, path) for path in paths)
        hint = f"say which is meant: give {start!r} a column of its own for the entity, under `entities:`"
        names = [_told_apart(path) for path in paths]
        if len(set(names)) == len(names):
            hint = f"write {' or '.join(f'{name}.{column}' if column else name for name in names)}"
        raise DefinitionError(
            f"{says or target!r} can be reached from {start!r} in {len(paths)} ways: {ways}", where=where, hint=hint
        )

    def unreachable(self, start: str, target: str, where: str, says: str) -> DefinitionError:
        """The error for a column that has no one value for a row of `start`."""
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

    def has_history(self, start: str) -> bool:
        """Whether a row of the table, or of one that has many of its rows, can be described as of its time."""
        return any(step.history for paths in self.all_paths(start).values() for path in paths for step in path)

    # Names

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
        return tuple(dict.fromkeys([*names, *self._of_roles(start)]))

    def _places(self, start: str) -> Iterator[Place]:
        for table, paths in self.paths(start).items():
            if len(paths) == 1 and self._dated(start, paths[0]):
                for column in self.tables[table].dimensions:
                    yield Place(table, column, paths[0])

    def _of_roles(self, start: str) -> Iterator[str]:
        for table, paths in self.all_paths(start).items():
            for path in paths:
                bare = self.paths(start)[table]
                if path and path[-1].role and (path not in bare or len(bare) > 1) and self._dated(start, path):
                    yield from (f"{path[-1].role}.{column}" for column in self.tables[table].dimensions)

    def _dated(self, start: str, path: Path) -> bool:
        """Whether the fact has the time that a history on the path needs."""
        return bool(self.tables[start].time) or not any(step.history for step in path)

    def find(self, name: str, start: str, *, where: str = "") -> Place:
        """The dimension that a question means by `name`, seen from a fact.

        A bare name is the fact's own dimension, else that of the one table it leads to that has it, else of the one
        table of which it has many rows; `table.column` says which table, and `role.column` under which name it is
        referred to. The name of an entity or a role is its id.

        Raises:
            UnknownNameError: No table has it.
            DefinitionError: It is not connected, or ambiguous.
        """
        table, _, column = name.rpartition(".")
        if table:
            return self._qualified(name, table, column, start, where)
        declared = self.tables[start]
        if name in declared.dimensions:
            return Place(start, name)
        having = [item.name for item in self.tables.values() if name in item.dimensions]
        near = [item for item in having if item in self.paths(start)]
        if len(near) > 1:
            raise _ambiguous(name, start, [f"{item}.{name}" for item in near], where)
        if near:
            return Place(near[0], name, self.path(start, near[0], where=where, says=repr(name), column=name))
        if name in declared.references and len(declared.references[name].columns) == 1:
            return Place(start, declared.references[name].columns[0])
        if declared.entity == name and len(declared.id_columns) == 1:
            return Place(start, declared.id_columns[0])
        if having:
            return self._far(name, having, name, start, where)
        raise unknown_name(f"dimension of {start!r}", name, self._known(start), where=where)

    def _far(self, name: str, having: list[str], column: str, start: str, where: str) -> Place:
        """A column of tables that no reference of the fact leads to: through a bridge, or on the many side."""
        found = [place for table in having for place in many_side(self, start, table, column)]
        tables = list(dict.fromkeys(place.table for place in found))
        if len(tables) > 1:
            raise _ambiguous(name, start, [f"{table}.{column}" for table in tables], where)
        if len(found) > 1:
            through = " and through ".join(
                str(place.many.table if place.many else place.path[0].target) for place in found
            )
            raise DefinitionError(
                f"{name!r} reaches {start!r} through {through}",
                where=where,
                hint="ask for a metric of the table that is meant",
            )
        if not found:
            raise self.unreachable(start, having[0], where, repr(name))
        return found[0]

    def _qualified(self, name: str, table: str, column: str, start: str, where: str) -> Place:
        if table not in self.tables:
            return self._by_reference(name, table, column, start, where)
        if column not in self.tables[table].dimensions:
            known = [f"{table}.{item}" for item in self.tables[table].dimensions]
            raise unknown_name("dimension", name, known, where=where)
        if table not in self.paths(start):
            return self._far(name, [table], column, start, where)
        return Place(table, column, self.path(start, table, where=where, says=repr(name), column=column))

    def _by_reference(self, name: str, reference: str, column: str, start: str, where: str) -> Place:
        """`role.column`: of the table that the role leads to, else of the nearest further one that has it."""
        through = [
            (path, next(number for number, step in enumerate(path) if step.name == reference and not step.reversed))
            for paths in self.all_paths(start).values()
            for path in paths
            if any(step.name == reference and not step.reversed for step in path)
        ]
        if not through:
            known = [
                *self.tables,
                *(step.name for paths in self.all_paths(start).values() for p in paths for step in p),
            ]
            raise unknown_name(f"table or role of {start!r}", reference, dict.fromkeys(known), where=where)
        having = [item for item in through if column in self.tables[item[0][-1].target].dimensions]
        if not having:
            known = [f"{reference}.{item}" for path, _ in through for item in self.tables[path[-1].target].dimensions]
            raise unknown_name("dimension", name, dict.fromkeys(known), where=where)

        def far(item: tuple[Path, int]) -> tuple[int, int, int]:
            path, at = item
            further = len(path) - at
            return further, sum(bool(step.role) for step in path), len(path)

        having.sort(key=far)
        same = [path for path, at in having if far((path, at)) == far(having[0])]
        if len(same) > 1:
            ways = "; ".join(path_says(start, path) for path in same)
            raise DefinitionError(f"{name!r} can be reached from {start!r} in {len(same)} ways: {ways}", where=where)
        return Place(same[0][-1].target, column, same[0])

    def _known(self, start: str) -> tuple[str, ...]:
        return (*self.dimensions(start), *self.tables[start].references, *GRAINS)


def _bare(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The paths that a name without a role may mean."""
    plain = [path for path in paths if not any(step.role for step in path)]
    nearest = min((len(path) for path in plain), default=FARTHEST + 1)
    return tuple(path for path in paths if path in plain or len(path) < nearest)


def _told_apart(path: Path) -> str:
    """The name that tells a path from others: its last role, else its last entity."""
    roles = [step.role for step in path if step.role]
    return roles[-1] if roles else path[-1].entity if path else ""


def _ambiguous(name: str, start: str, choices: list[str], where: str) -> DefinitionError:
    return DefinitionError(f"{name!r} is ambiguous for {start!r}", where=where, hint=f"write {' or '.join(choices)}")
