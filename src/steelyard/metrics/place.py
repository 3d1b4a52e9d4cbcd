"""Where a column is, seen from a fact: its table, and the references that lead there."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.warehouse import History

__all__ = ["Many", "Path", "Place", "Step", "path_says"]


@dataclass(frozen=True)
class Step:
    """One reference from a table to the one row of another that it names.

    Args:
        entity: The entity that is referred to.
        source: The table that refers.
        columns: Its columns that hold the entity's id.
        target: The table that has the row.
        key: The columns there, in the same order.
        role: The name under which it refers, where that is not the entity's.
        history: When a row of the target holds, where an entity has several there, one at a time.
        reversed: Whether the target is the one that declares the reference, one to one.
        complete: Whether every row must find its own.
        weight: The column with the share of each row, where the target is a bridge and so many rows match.
    """

    entity: str
    source: str
    columns: tuple[str, ...]
    target: str
    key: tuple[str, ...]
    role: str = ""
    history: History | None = None
    reversed: bool = False
    complete: bool = False
    weight: str = ""

    @property
    def name(self) -> str:
        """The reference's own name."""
        return self.role or self.entity


Path = tuple[Step, ...]


@dataclass(frozen=True)
class Many:
    """How one row of a fact has many rows of another table.

    Args:
        table: The table with the many rows.
        up: The references from there to the one row that they share.
        base: The references from the fact to the table that holds `columns`.
        columns: The columns there with the id of that row.
    """

    table: str
    up: Path
    base: Path
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a column is, seen from a table: the column, and the references that lead to its table.

    Args:
        table: The column's table.
        column: The column.
        path: The references, from the fact; from `many.table` where there is one.
        many: How the fact has many rows of that table; None where each row of the fact has one.
    """

    table: str
    column: str
    path: Path = ()
    many: Many | None = None

    def __str__(self) -> str:
        roles = [step.role for step in self.path if step.role]
        return f"{roles[-1] if roles and self.path[-1].role else self.table}.{self.column}"


def path_says(start: str, path: Path) -> str:
    """The path in words: `lines -> orders -> customers`, and a role before its table."""
    return " -> ".join([start, *(f"{step.role} ({step.target})" if step.role else step.target for step in path)])
