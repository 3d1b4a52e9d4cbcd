"""A column that a row of a fact has many values of: through a bridge, or in the rows that refer to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from steelyard.metrics.place import Many, Path, Place, Step

if TYPE_CHECKING:
    from steelyard.metrics.graph import Graph

__all__ = ["many_side"]


def many_side(graph: Graph, start: str, table: str, column: str) -> tuple[Place, ...]:
    """Every way in which one row of `start` has many values of the column; none where nothing connects them.

    A bridge that says its shares is a place like any other: what multiplies the rows also shares them out.

    Args:
        graph: The tables.
        start: The fact.
        table: The column's table, to which no reference of the fact leads.
        column: The column.
    """
    through = tuple(_bridges(graph, start, table, column))
    if through:
        return through
    return tuple(_referring(graph, start, table, column))


def _bridges(graph: Graph, start: str, table: str, column: str) -> Iterator[Place]:
    """Through a declared bridge, for every fact that leads to what it shares out."""
    for bridge in graph.tables.values():
        said = bridge.bridge
        if said is None or bridge.name == start or not {said.of, said.to} <= set(bridge.references):
            continue
        onward = _onward(graph, bridge.name, said.to, table)
        of = bridge.references[said.of]
        owner = graph.owners.get(of.entity)
        reached = graph.paths(start).get(owner.name, ()) if owner is not None else ()
        if onward is None or owner is None or len(reached) != 1 or len(owner.id_columns) != len(of.columns):
            continue
        here, columns = _id_of(reached[0], start, owner.id_columns)
        if said.weight:
            source = here[-1].target if here else start
            step = Step(of.entity, source, columns, bridge.name, of.columns, weight=said.weight)
            yield Place(table, column, (*here, step, *onward))
        else:
            role = said.of if said.of in bridge.roles else ""
            up = (Step(of.entity, bridge.name, of.columns, owner.name, owner.id_columns, role),)
            yield Place(table, column, onward, Many(bridge.name, up, here, columns))


def _onward(graph: Graph, bridge: str, to: str, table: str) -> Path | None:
    """From a bridge to the table: itself, or on by its other reference."""
    if table == bridge:
        return ()
    paths = [path for path in graph.all_paths(bridge).get(table, ()) if path[0].name == to]
    nearest = [path for path in paths if len(path) == min(len(item) for item in paths)]
    return nearest[0] if len(nearest) == 1 else None


def _id_of(path: Path, start: str, key: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    """The nearest table on the path that holds the id of its end, and its columns there."""
    return (path[:-1], path[-1].columns) if path else ((), key)


def _referring(graph: Graph, start: str, table: str, column: str) -> Iterator[Place]:
    """Through the table whose rows refer to the fact's row and lead to the column; the nearest one of a chain."""
    leading = [
        name
        for name in graph.tables
        if name != start and start in graph.paths(name) and (name == table or table in graph.paths(name))
    ]
    for name in leading:
        if graph.tables[start].history is not None or _further(graph, name, leading, table):
            continue
        up = graph.path(name, start, says=f"{table}.{column}")
        onward = () if name == table else graph.path(name, table, says=f"{table}.{column}", column=column)
        yield Place(table, column, onward, Many(name, up, (), up[-1].key))


def _further(graph: Graph, name: str, leading: list[str], table: str) -> bool:
    """Whether the rows of `name` lead there only by way of another's; of two that name each other, the first."""

    def rank(item: str) -> tuple[bool, int]:
        return item != table, leading.index(item)

    nearer = [other for other in leading if other != name and other in graph.paths(name)]
    return any(name not in graph.paths(other) or rank(other) < rank(name) for other in nearer)
