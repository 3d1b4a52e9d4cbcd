"""Conditions as SQL: on a fact's own row and what it refers to as they are, on its many rows as EXISTS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from steelyard.errors import DefinitionError
from steelyard.metrics.as_of import AsOf
from steelyard.metrics.expression import UNKNOWN, ColumnName, columns_of
from steelyard.metrics.joins import Joins, column_sql
from steelyard.metrics.links import id_columns
from steelyard.metrics.place import Many, Place

__all__ = ["Condition", "as_many"]

Write = Callable[[exp.Expr, Callable[[ColumnName], str]], str]


def as_many(place: Place) -> Place:
    """The same column as one of many rows, where the path leads through the shares of a bridge."""
    for number, step in enumerate(place.path):
        if step.weight:
            up = (replace(step, source=step.target, columns=step.key, target=step.source, key=step.columns, weight=""),)
            many = Many(step.target, up, place.path[:number], step.columns)
            return Place(place.table, place.column, place.path[number + 1 :], many)
    return place


@dataclass
class Condition:
    """One condition on its way to SQL.

    A condition on many rows is true where one of them meets it; conditions on the same many rows that AND joins are
    met by one and the same row. `<>`, NOT, NOT IN and NOT LIKE say that no row meets the positive condition. What is
    `(unknown)` or NULL is so where a row says nothing, and where there is no row.

    Args:
        where: File and line, for errors.
        places: Column as written -> where it is.
        outer: The joins of the fact's SELECT.
        as_of: Gives the joins of a SELECT from a table with many rows.
        write: Writes an expression, its columns given.
        inner: The joins of each EXISTS, in order.
        positive: What is asked of one row of each many side, and of nothing else, where the whole condition asks it.
    """

    where: str
    places: Mapping[ColumnName, Place]
    outer: Joins
    as_of: Callable[[str], AsOf]
    write: Write
    inner: list[Joins] = field(default_factory=list)
    positive: list[tuple[Many, list[exp.Expr]]] = field(default_factory=list)

    def sql(self, tree: exp.Expr) -> str:
        """The condition as SQL."""
        parts = list(_conjuncts(tree))
        written = self._all(parts, top=True)
        return f"({written})" if len(parts) == 1 and isinstance(_bare(tree), exp.Or) else written

    def _all(self, parts: list[exp.Expr], *, top: bool = False) -> str:
        """Conditions that AND joins: of one many side together, and each other by itself."""
        together: dict[Many, list[exp.Expr]] = {}
        written: list[str | Many] = []
        for part in parts:
            many = self._one_side(part)
            if many is None:
                written.append(self._written(part, within=len(parts) > 1))
            elif many in together:
                together[many].append(part)
            else:
                together[many] = [part]
                written.append(many)
        for asked in together.values():
            self._refuse_both(asked)
        if top:
            self.positive += [
                (many, [part for part in asked if self._only(many, part)]) for many, asked in together.items()
            ]
        texts = [self._exists(item, together[item]) if isinstance(item, Many) else item for item in written]
        return " AND ".join(texts)

    def _refuse_both(self, asked: list[exp.Expr]) -> None:
        """One row cannot be two things: whether two rows are meant, nobody can tell."""
        named = [_bare(part).this for part in asked if isinstance(_bare(part), exp.EQ)]
        for number, column in enumerate(named):
            if column in named[:number]:
                said = " AND ".join(part.sql(dialect="duckdb") for part in asked)
                raise DefinitionError(
                    f"{said!r} asks one row of the many to be two things",
                    where=self.where,
                    hint="IN (...) asks for either; a metric for each, with its own `where:`, asks for both",
                )

    def _written(self, node: exp.Expr, *, within: bool = False) -> str:
        sides, one = self._sides(node), self._one_side(node)
        if one is not None:
            return self._exists(one, [_bare(node)])
        if isinstance(node, exp.Or) or not sides:
            both = (node.this, node.expression) if sides else ()
            sql = " OR ".join(self._written(side) for side in both) or self.write(node, self._own)
            return f"({sql})" if within and isinstance(node, exp.Or) else sql
        if isinstance(node, exp.Paren):
            return f"({self._written(node.this)})"
        if isinstance(node, exp.And):
            return self._all(list(_conjuncts(node)))
        if isinstance(node, exp.Not) and not _is_not_null(node):
            return self._negated(node.this)
        return self._compared(node, sides)

    def _negated(self, node: exp.Expr) -> str:
        one = self._one_side(node)
        return f"NOT ({self._written(_bare(node))}) IS TRUE" if one is None else f"NOT {self._written(node)}"

    def _compared(self, node: exp.Expr, sides: tuple[Many, ...]) -> str:
        if len(sides) > 1:
            named = " with rows of ".join(side.table for side in sides)
            raise DefinitionError(
                f"{node.sql(dialect='duckdb')!r} compares rows of {named}",
                where=self.where,
                hint="compare each with a value, and join the conditions by AND or OR",
            )
        positive = _positive(node)
        if positive is not None:
            return self._negated(positive)
        found = self._exists(sides[0], [node])
        return f"({found} OR NOT {self._exists(sides[0], [])})" if _asks_for_unknown(node) else found

    def _exists(self, many: Many, parts: list[exp.Expr]) -> str:
        names = dict.fromkeys(name for part in parts for name in columns_of(part))
        own = {name: self._own(name) for name in names if as_many(self.places[name]).many != many}
        base = self.outer.follow(many.base)
        taken = set(self.outer.taken) if own else {self.outer.fact.lower(), base.lower()}
        joins = self.as_of(many.table).joins(taken)
        self.inner.append(joins)
        pairs = zip(id_columns(many, joins), many.columns, strict=True)
        kept = [f"{theirs} = {column_sql(base, mine)}" for theirs, mine in pairs]

        def column(name: ColumnName) -> str:
            return own[name] if name in own else self.at(name, joins)

        for part in parts:
            sql = self.write(part, column)
            kept.append(f"({sql})" if isinstance(part, exp.Or) else sql)
        return f"EXISTS (SELECT 1 {' '.join(joins.sql())} WHERE {' AND '.join(kept)})"

    def at(self, name: ColumnName, joins: Joins) -> str:
        """A column of many rows, in a SELECT from them."""
        place = as_many(self.places[name])
        return column_sql(joins.follow(place.path), place.column)

    def _own(self, name: ColumnName) -> str:
        place = self.places[name]
        return column_sql(self.outer.follow(place.path), place.column)

    # What a condition is about

    def _sides(self, node: exp.Expr) -> tuple[Many, ...]:
        sides = (as_many(self.places[name]).many for name in columns_of(node))
        return tuple(dict.fromkeys(side for side in sides if side is not None))

    def _only(self, many: Many, node: exp.Expr) -> bool:
        """Whether it names columns of these rows alone."""
        return all(as_many(self.places[name]).many == many for name in columns_of(node))

    def _one_side(self, node: exp.Expr) -> Many | None:
        """The one many side, of which one row is asked to meet all of it; None where that is not what it asks."""
        sides = self._sides(node)
        if len(sides) != 1:
            return None
        node = _bare(node)
        if isinstance(node, exp.And | exp.Or):
            parts = [self._one_side(side) for side in (node.this, node.expression)]
            return sides[0] if all(part is not None for part in parts) else None
        negative = isinstance(node, exp.Not) and not _is_not_null(node)
        return None if negative or _positive(node) is not None or _asks_for_unknown(node) else sides[0]


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    """What AND joins, each by itself."""
    inner = _bare(node)
    if isinstance(inner, exp.And):
        yield from _conjuncts(inner.this)
        yield from _conjuncts(inner.expression)
    else:
        yield inner if isinstance(inner, exp.Or) else node


def _is_not_null(node: exp.Expr) -> bool:
    inner = _bare(node.this) if isinstance(node, exp.Not) else None
    return isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null)


def _positive(node: exp.Expr) -> exp.Expr | None:
    """What a comparison denies; None where it denies nothing."""
    if isinstance(node, exp.NEQ):
        return exp.EQ(this=node.this.copy(), expression=node.expression.copy())
    if node.args.get("negate"):
        made = node.copy()
        made.set("negate", None)
        return made
    return None


def _asks_for_unknown(node: exp.Expr) -> bool:
    """Whether it finds what is not there: IS NULL, or `(unknown)` by its name."""
    if isinstance(node, exp.Is):
        return isinstance(node.expression, exp.Null)
    named = any(item.is_string and item.this == UNKNOWN for item in node.find_all(exp.Literal))
    return isinstance(node, exp.EQ | exp.In) and named
