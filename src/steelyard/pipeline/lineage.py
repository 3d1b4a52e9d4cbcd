"""Where each column comes from: (table, column) <- {(table, column), ...}, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.schema import MappingSchema

from steelyard.errors import DefinitionError
from steelyard.pipeline.references import table_nodes
from steelyard.pipeline.table_sql import parse_table_sql

__all__ = ["ColumnLineage", "column_lineage", "trace", "upstream_columns"]

Schema = Mapping[str, Mapping[str, str]]
ColumnLineage = dict[str, tuple[tuple[str, str], ...]]
_BEFORE = "steelyard before "


def column_lineage(statements: Mapping[str, str], schema: Schema) -> dict[tuple[str, str], frozenset[tuple[str, str]]]:
    """The lineage of every column of several tables.

    Args:
        statements: Table -> its SELECT.
        schema: Table or source -> column -> type, for all that is read and all that is built.

    Raises:
        DefinitionError: A statement does not parse.

    >>> found = column_lineage({"big": "SELECT id, price * n AS total FROM raw"},
    ...     {"raw": {"id": "INTEGER", "price": "INTEGER", "n": "INTEGER"}})
    >>> sorted(found["big", "total"])
    [('raw', 'n'), ('raw', 'price')]
    """
    return {
        (table, column): frozenset(origins)
        for table, sql in statements.items()
        for column, origins in trace(sql, schema, table=table).items()
    }


def trace(sql: str, schema: Schema, *, table: str = "") -> ColumnLineage:
    """Column of the SELECT -> the columns of tables that its values are made of, sorted.

    A count of rows and a literal come from no column. A table that reads itself is one of its own origins.

    Args:
        sql: The SELECT.
        schema: Table -> column -> type of what it reads; stars are expanded by it.
        table: The table that the SELECT builds, so that reading itself ends there.

    Raises:
        DefinitionError: It does not parse, or its columns cannot be traced.
    """
    tree = parse_table_sql(sql, path=table or "statement")
    names = _rename_tables(tree)
    known = {folded: dict(schema.get(real, {})) for folded, real in names.items()}
    nested: dict[str, object] = {f'"{name}"': {f'"{c}"': t for c, t in cols.items()} for name, cols in known.items()}
    try:
        found = lineage(None, tree, schema=MappingSchema(nested, dialect="duckdb"), dialect="duckdb", copy=False)
    except (SqlglotError, ValueError, KeyError, RecursionError) as error:
        raise DefinitionError(f"its columns cannot be traced: {error}", where=table) from error
    return {column: _origins(node, names, known) for column, node in found.items() if column != "*"}


def upstream_columns(
    lineage_of: Mapping[tuple[str, str], Iterable[tuple[str, str]]], column: tuple[str, str]
) -> frozenset[tuple[str, str]]:
    """Every (table, column) that a column's values come from, at any remove; itself left out."""
    reached: set[tuple[str, str]] = set()
    waiting = [column]
    while waiting:
        for origin in lineage_of.get(waiting.pop(), ()):
            if origin not in reached and origin != column:
                reached.add(origin)
                waiting.append(origin)
    return frozenset(reached)


def _rename_tables(tree: exp.Expr) -> dict[str, str]:
    """Gives each table a name that no CTE and no table under construction has; returns new name -> name."""
    names: dict[str, str] = {}
    for node in table_nodes(tree):
        real = f"{node.db}.{node.name}" if node.db else node.name
        new = _BEFORE + real
        names[new] = real
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
        node.set("this", exp.to_identifier(new, quoted=True))
        node.set("db", None)
    return names


def _origins(
    node: Node, names: Mapping[str, str], known: Mapping[str, Mapping[str, str]]
) -> tuple[tuple[str, str], ...]:
    found: set[tuple[str, str]] = set()
    for leaf in node.walk():
        if leaf.downstream or not isinstance(leaf.expression, exp.Table):
            continue
        table = leaf.expression.name
        if table not in names:
            continue
        column = leaf.name.rsplit(".", 1)[-1].strip('"')
        spelled = {name.casefold(): name for name in known[table]}
        if column.casefold() in spelled:
            found.add((names[table], spelled[column.casefold()]))
    return tuple(sorted(found))
