"""Tables: named columns with a format, rows of plain Python values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from steelyard.document.format import AUTO, Format, Interval, format_value
from steelyard.document.inline import Code, Link, Strong
from steelyard.document.sparkline import Sparkline
from steelyard.errors import DefinitionError

Align = Literal["left", "right"]
Cell = str | bool | int | float | Decimal | date | timedelta | Interval | Link | Strong | Code | Sparkline | None
_KEPT = (str, bool, int, float, Decimal, date, timedelta, Interval, Link, Strong, Code, Sparkline, type(None))
_RIGHT = (int, float, Decimal, timedelta, Interval)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: what it is called in JSON, and on screen unless `label` is given.
        label: the heading.
        format: how its values are written.
        align: `left` or `right`; None lets the values decide (numbers to the right).

    Raises:
        DefinitionError: `align` is neither.
    """

    name: str
    label: str | None = None
    format: Format = AUTO
    align: Align | None = None

    def __post_init__(self) -> None:
        if self.align not in (None, "left", "right"):
            raise DefinitionError(f"column '{self.name}' cannot be aligned '{self.align}'", hint="use left or right")

    @property
    def heading(self) -> str:
        """The label, or the name with its underscores as spaces."""
        return self.name.replace("_", " ") if self.label is None else self.label


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Args:
        columns: the columns; a plain string is a column of that name.
        rows: one sequence of cells a row, as long as `columns`. NumPy scalars become Python's; a value of another
            type is written with `str`.
        caption: what the table shows.

    Raises:
        DefinitionError: a row has another number of cells, or there are no columns.

    >>> Table(["country", Column("sales", format=Format.money("USD"))], [["NO", 12.5]]).text_rows()
    [['NO', 'USD 12.50']]
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]] = ()
    caption: str | None = None

    def __init__(
        self, columns: Iterable[Column | str], rows: Iterable[Iterable[Any]] = (), caption: str | None = None
    ) -> None:
        named = tuple(Column(column) if isinstance(column, str) else column for column in columns)
        kept = tuple(tuple(as_cell(value) for value in row) for row in rows)
        if not named:
            raise DefinitionError("a table has no columns", hint="name at least one")
        for number, row in enumerate(kept):
            if len(row) != len(named):
                raise DefinitionError(
                    f"row {number} of a table has {len(row)} cells, and the table has {len(named)} columns",
                    where=caption or "",
                    hint=f"the columns are {', '.join(column.name for column in named)}",
                )
        object.__setattr__(self, "columns", named)
        object.__setattr__(self, "rows", kept)
        object.__setattr__(self, "caption", caption)

    def alignment(self, position: int) -> Align:
        """Tell to which side the column at `position` is aligned."""
        given = self.columns[position].align
        if given is not None:
            return given
        known = [row[position] for row in self.rows if row[position] is not None]
        numbers = bool(known) and all(isinstance(value, _RIGHT) and not isinstance(value, bool) for value in known)
        return "right" if numbers else "left"

    def text_rows(self) -> list[list[str]]:
        """Write every cell as text."""
        return [
            [cell_text(cell, column.format) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]


def as_cell(value: Any) -> Cell:
    """Give a value as one that a table keeps: NumPy scalars become Python's, other types their text."""
    if isinstance(value, _KEPT):
        return _plain_type(value)
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", None) == 0:
        return as_cell(item())
    return str(value)


def cell_text(cell: Cell, style: Format | None = None) -> str:
    """Write a cell as text without markup."""
    if isinstance(cell, Link | Strong | Code):
        return cell.text
    if isinstance(cell, Sparkline):
        return cell.text()
    return format_value(cell, style)


def _plain_type(value: Any) -> Cell:
    if isinstance(value, float) and type(value) is not float:
        return float(value)
    if isinstance(value, str) and type(value) is not str:
        return str.__str__(value)
    if isinstance(value, int) and type(value) not in (int, bool):
        return int(value)
    return value  # type: ignore[no-any-return]
