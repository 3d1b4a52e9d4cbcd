"""The step that says once what the many rows of a fact's row say: each pair of its id and their values, distinct."""

from __future__ import annotations

from dataclasses import dataclass, field

from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.joins import Joins, column_sql
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.place import Many, Place

__all__ = ["Link"]


@dataclass
class Link:
    """One step of a query: SELECT DISTINCT the id that a fact's row shares, and columns of its many rows.

    Joined to the fact, it gives a row for every different combination that occurs, and so counts a fact's row once in
    each, however many rows say so.

    Args:
        many: How the fact has many rows.
        name: The step's name.
        joins: Those of the SELECT from the many rows.
        columns: Output column -> its SQL; the ids first.
        conditions: What the many rows must be.
    """

    many: Many
    name: str
    joins: Joins
    columns: dict[str, str] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        named = zip(self.many.up[-1].columns, id_columns(self.many, self.joins), strict=True)
        self.columns = {free_name(column.lower(), self._taken): sql for column, sql in named}

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the ids."""
        return tuple(self.columns)[: len(self.many.columns)]

    def column(self, place: Place, *, text: bool) -> str:
        """The name of a column of the many rows; text that is missing is `(unknown)`, so that it is so once."""
        sql = column_sql(self.joins.follow(place.path), place.column)
        sql = f"coalesce({sql}, '{UNKNOWN}')" if text else sql
        for name, known in self.columns.items():
            if known == sql and name not in self.keys:
                return name
        name = free_name(place.column.lower(), self._taken)
        self.columns[name] = sql
        return name

    def sql(self) -> str:
        """The SELECT."""
        listed = ", ".join(f"{sql} AS {sql_name(name)}" for name, sql in self.columns.items())
        lines = [f"SELECT DISTINCT {listed}", *self.joins.sql()]
        if self.conditions:
            lines.append("WHERE " + "\n  AND ".join(self.conditions))
        return "\n".join(lines)


def id_columns(many: Many, joins: Joins) -> tuple[str, ...]:
    """The SQL of the columns by which the many rows name the one that they share; what leads there is joined."""
    holder = joins.follow(many.up[:-1])
    return tuple(column_sql(holder, column) for column in many.up[-1].columns)
