"""The tables that a SELECT reads, found by parsing: names that a CTE hides are not among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

__all__ = ["Reference", "table_references"]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One mention of a table.

    Args:
        table: Its name; `schema.table` where a schema is named.
        line: Line of the SQL, from 1.
        column: Last column of the name on that line, from 1.
    """

    table: str
    line: int
    column: int


def table_references(tree: exp.Expr) -> tuple[Reference, ...]:
    """Every mention of a table outside the query, in the order of the text.

    A name is hidden by a CTE where SQL lets that CTE be seen: `WITH orders AS (SELECT * FROM orders) SELECT * FROM
    orders` reads the table `orders` once, inside the CTE.

    >>> import sqlglot
    >>> sql = "WITH orders AS (SELECT * FROM orders) SELECT * FROM orders JOIN items USING (id)"
    >>> [found.table for found in table_references(sqlglot.parse_one(sql, dialect="duckdb"))]
    ['orders', 'items']
    """
    found = [_reference(node) for node in tree.find_all(exp.Table) if _names_a_table(node)]
    return tuple(sorted(found, key=lambda reference: (reference.line, reference.column)))


def table_nodes(tree: exp.Expr) -> Iterator[exp.Table]:
    """The nodes of the mentions, for those who rewrite them."""
    return (node for node in list(tree.find_all(exp.Table)) if _names_a_table(node))


def _reference(node: exp.Table) -> Reference:
    name = f"{node.db}.{node.name}" if node.db else node.name
    place = node.this.meta
    return Reference(table=name, line=int(place.get("line", 1)), column=int(place.get("col", 1)))


def _names_a_table(node: exp.Table) -> bool:
    return isinstance(node.this, exp.Identifier) and not (not node.db and _hidden(node))


def _hidden(node: exp.Table) -> bool:
    """Whether a CTE of the node's name can be seen from where the node stands."""
    wanted = node.name.casefold()
    inside: exp.Expr = node
    around = node.parent
    while around is not None:
        if isinstance(around, exp.With):
            visible = _visible_within(around, inside)
        else:
            with_ = around.args.get("with_") or around.args.get("with")
            visible = list(with_.expressions) if with_ is not None and with_ is not inside else []
        if any(cte.alias.casefold() == wanted for cte in visible):
            return True
        inside, around = around, around.parent
    return False


def _visible_within(with_: exp.With, inside: exp.Expr) -> list[exp.Expr]:
    """The CTEs of the same WITH that the body of one of them sees: the earlier ones; all of them when recursive."""
    if with_.args.get("recursive"):
        return list(with_.expressions)
    earlier: list[exp.Expr] = []
    for cte in with_.expressions:
        if cte is inside:
            break
        earlier.append(cte)
    return earlier
