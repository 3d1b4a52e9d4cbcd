"""Which table reads which: the order of building, cycles, and what stands downstream of what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from sqlglot import exp

from steelyard.errors import DefinitionError, unknown_name
from steelyard.pipeline.references import table_references
from steelyard.pipeline.table_definition import TableDefinition
from steelyard.warehouse import parse_select

__all__ = ["TableGraph", "table_graph"]


@dataclass(frozen=True)
class TableGraph:
    """Which table reads which.

    Args:
        definitions: The tables that are built, by name, in the order of building.
        inputs: Table -> the tables that its rows come from, itself left out; sources have none.
        tested_against: Table -> further tables that its data tests read; they only move the order.
    """

    definitions: Mapping[str, TableDefinition]
    inputs: Mapping[str, tuple[str, ...]]
    tested_against: Mapping[str, tuple[str, ...]]

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The tables that are read and not built, sorted."""
        read = {name for inputs in self.inputs.values() for name in inputs}
        return tuple(sorted(read - set(self.definitions)))

    def before(self, table: str) -> tuple[str, ...]:
        """The built tables that must be settled before this one is built."""
        return tuple(name for name in self.waits_for(table) if name in self.definitions)

    def waits_for(self, table: str) -> tuple[str, ...]:
        """Every table, built or loaded, that must be settled before this one."""
        return tuple(dict.fromkeys((*self.inputs.get(table, ()), *self.tested_against.get(table, ()))))

    def downstream(self, tables: Iterable[str]) -> tuple[str, ...]:
        """The built tables whose rows come, at any remove, from these; these left out; in the order of building."""
        reached = set(tables)
        found = []
        for name in self.definitions:
            if reached & set(self.inputs[name]):
                if name not in reached:
                    found.append(name)
                reached.add(name)
        return tuple(found)

    def upstream(self, tables: Iterable[str]) -> tuple[str, ...]:
        """The built tables that the rows of these come from, at any remove; these left out; in building order."""
        wanted, found = set(tables), []
        reached = set(wanted)
        for name in reversed(list(self.definitions)):
            if name in reached:
                reached |= set(self.inputs[name])
                if name not in wanted:
                    found.append(name)
        return tuple(reversed(found))

    def select(self, names: Iterable[str] | None) -> tuple[str, ...]:
        """The tables that are meant, in the order of building: `orders`, `+orders` with all it reads, `orders+` with
        all that reads it; a source with `+` after it means what reads it.

        Raises:
            UnknownNameError: No table or source has the name.
        """
        if names is None:
            return tuple(self.definitions)
        meant: set[str] = set()
        for asked in names:
            name = asked.strip("+")
            if name not in self.definitions and name not in self.sources:
                raise unknown_name("table", name, [*self.definitions, *self.sources], where="--select")
            meant.add(name)
            meant.update(self.upstream([name]) if asked.startswith("+") else ())
            meant.update(self.downstream([name]) if asked.endswith("+") else ())
        return tuple(name for name in self.definitions if name in meant)


def table_graph(
    definitions: Iterable[TableDefinition], sources: Collection[str], *, loaded: Collection[str] = ()
) -> TableGraph:
    """The graph of these tables; every reference is a table of theirs or a source.

    Args:
        definitions: The tables that are built.
        sources: Names of the tables that are loaded.
        loaded: Names of other tables that may be read: what the store already has.

    Raises:
        DefinitionError: Two files define one table, a table is named like a source, or tables read each other in a
            circle: the cycle is named with files and lines.
        UnknownNameError: A reference that is neither a table nor a source.

    >>> from steelyard.pipeline.table_definition import parse_table
    >>> b = parse_table("b", "SELECT * FROM a")
    >>> a = parse_table("a", "SELECT * FROM raw")
    >>> list(table_graph([b, a], ["raw"]).definitions)
    ['a', 'b']
    """
    by_name = _by_name(definitions, sources)
    known = {name.casefold(): name for name in (*loaded, *sources, *by_name)}
    inputs = {name: _inputs(definition, known) for name, definition in by_name.items()}
    tested = {name: _tested_against(definition, known) for name, definition in by_name.items()}
    order = _order(by_name, {name: (*inputs[name], *tested[name]) for name in by_name})
    return TableGraph(definitions={name: by_name[name] for name in order}, inputs=inputs, tested_against=tested)


def _by_name(definitions: Iterable[TableDefinition], sources: Collection[str]) -> dict[str, TableDefinition]:
    named: dict[str, TableDefinition] = {}
    folded: dict[str, str] = {name.casefold(): "" for name in sources}
    for definition in sorted(definitions, key=lambda definition: definition.name):
        taken = folded.get(definition.name.casefold())
        if taken is not None:
            what = f"by {taken}" if taken else "as a source"
            raise DefinitionError(
                f"the table {definition.name!r} is defined twice: here and {what}",
                where=definition.path,
                hint="rename the file: a loaded table is often called `raw_...`",
            )
        folded[definition.name.casefold()] = definition.path
        named[definition.name] = definition
    return named


def _inputs(definition: TableDefinition, known: Mapping[str, str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for reference in definition.references:
        name = known.get(reference.table.casefold())
        if name is None:
            raise unknown_name("table", reference.table, known.values(), where=definition.where(reference.line))
        if name != definition.name:
            found[name] = None
    return tuple(found)


def _tested_against(definition: TableDefinition, known: Mapping[str, str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for number, test in enumerate(definition.tests):
        line = definition.header.line_of(("tests", number)) if definition.header else 1
        tables = [test.foreign_key.table] if test.foreign_key else []
        if test.sql:
            tables = [found.table for found in table_references(_test_query(definition, test.sql, line))]
        for table in tables:
            name = known.get(table.casefold())
            if name is None:
                raise unknown_name("table", table, known.values(), where=definition.where(line))
            if name != definition.name:
                found[name] = None
    return tuple(found)


def _test_query(definition: TableDefinition, sql: str, line: int) -> exp.Expr:
    """A test's SELECT, which runs on every engine and so is in Steelyard's subset."""
    return parse_select(sql.strip().removesuffix(";"), where=definition.where(line))


def _order(by_name: Mapping[str, TableDefinition], waits_for: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What a table waits for first; among what is free, by name."""
    order: list[str] = []
    left = sorted(by_name)
    while left:
        free = [name for name in left if not any(table in left for table in waits_for[name])]
        if not free:
            raise _cycle(by_name, waits_for, left)
        order += free
        left = [name for name in left if name not in free]
    return order


def _cycle(
    by_name: Mapping[str, TableDefinition], waits_for: Mapping[str, tuple[str, ...]], left: list[str]
) -> DefinitionError:
    path = [left[0]]
    while path.count(path[-1]) < 2:
        path.append(next(table for table in waits_for[path[-1]] if table in left))
    path = path[path.index(path[-1]) :]
    places = [_place_of_reading(by_name[name], read) for name, read in pairwise(path)]
    return DefinitionError(
        f"tables wait for each other in a circle: {' -> '.join(path)}",
        where="; ".join(places),
        hint="take one of the references out, split a table in two, or move a data test to the later table",
    )


def _place_of_reading(definition: TableDefinition, read: str) -> str:
    lines = [found.line for found in definition.references if found.table.casefold() == read.casefold()]
    if lines:
        return f"{definition.where(lines[0])} reads {read!r}"
    return f"{definition.path} has a data test that reads {read!r}"
