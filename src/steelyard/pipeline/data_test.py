"""What a table's author wants to be true of its rows: one item of `tests:`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.pipeline.duration import parse_duration

__all__ = [
    "AcceptedRange",
    "AcceptedValues",
    "Change",
    "DataTest",
    "ForeignKey",
    "Freshness",
    "RowCount",
]

Scalar = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class AcceptedValues:
    """The only values that a column may have; NULL is another test's business (`not_null`).

    Args:
        column: The column.
        values: The values.
    """

    column: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, kw_only=True)
class AcceptedRange:
    """The least and the greatest value of a column, both allowed; a NaN is outside every range, a NULL is not.

    Args:
        column: The column.
        low: The least value; open where it is not given.
        high: The greatest value; open where it is not given.
    """

    column: str
    low: int | float | str | None = None
    high: int | float | str | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise DefinitionError(f"the range of {self.column!r} has no end", hint="give `low:`, `high:` or both")


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """Columns whose values must be found in another table; a NULL refers to nothing and is no orphan.

    Args:
        columns: The columns that refer.
        table: The table referred to.
        key: Its columns; those of the same names where none are given.
    """

    columns: tuple[str, ...]
    table: str
    key: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.key and len(self.key) != len(self.columns):
            raise DefinitionError(
                f"{len(self.columns)} columns refer to a key of {len(self.key)}",
                hint="name as many columns under `key:` as under `columns:`",
            )

    @property
    def parent_key(self) -> tuple[str, ...]:
        """The columns referred to; those of the same names where none are given."""
        return self.key or self.columns


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How old the newest row may be when the table is published; rows of the future do not count as new.

    Args:
        within: The greatest age: `2 days`.
        column: The column of the time; the header's `time` where it is empty.
    """

    within: str
    column: str = ""

    def __post_init__(self) -> None:
        parse_duration(self.within)


@dataclass(frozen=True, kw_only=True)
class RowCount:
    """How many rows the table may have.

    Args:
        at_least: The fewest.
        at_most: The most.
    """

    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """A number by local day (or by build, for a table without a time) held against its own past.

    Args:
        measure: `rows`, or of `column` its `mean`, `sum`, `null_share` or `distinct`.
        column: The column; not for `rows`.
        limit: The robust z score beyond which the day is unlike the past.
        days: How many of the last complete days are judged.
        history: How many days before them are the past.
    """

    measure: Literal["rows", "mean", "sum", "null_share", "distinct"] = "rows"
    column: str = ""
    limit: float = 6.0
    days: int = 1
    history: int = 90

    def __post_init__(self) -> None:
        if (self.measure == "rows") == bool(self.column):
            says = "`rows` takes no column" if self.column else f"`{self.measure}` needs a `column:`"
            raise DefinitionError(f"the change of {self.measure!r} is not complete", hint=says)
        if self.days < 1 or self.history < 14 or self.limit <= 0:
            raise DefinitionError(
                f"days {self.days}, history {self.history}, limit {self.limit}",
                hint="days from 1, history from 14, limit above 0",
            )


@dataclass(frozen=True, kw_only=True)
class DataTest:
    """One item of `tests:`; exactly one kind is given, the rest says how grave it is.

    Args:
        not_null: Columns without NULLs.
        unique: Columns that together identify a row.
        accepted_values: The only values of a column.
        accepted_range: The least and greatest value of a column.
        foreign_key: Columns that refer to another table.
        freshness: How old the newest row may be.
        row_count: How many rows there may be.
        change: A number by day against its own past.
        sql: A SELECT of the rows that offend; the table is called by its own name.
        severity: `blocking` holds the table back, `doubt` and `note` only speak; a `change` is a doubt and every
            other test blocking where nothing is said.
        name: The check's name; made of the test where it is empty.
        allow: Offending rows that are tolerated: a whole number of rows, or a share below 1.
    """

    not_null: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    accepted_values: AcceptedValues | None = None
    accepted_range: AcceptedRange | None = None
    foreign_key: ForeignKey | None = None
    freshness: Freshness | None = None
    row_count: RowCount | None = None
    change: Change | None = None
    sql: str = ""
    severity: Literal["blocking", "doubt", "note"] | None = None
    name: str = ""
    allow: int | float = 0

    def __post_init__(self) -> None:
        given = self.kinds()
        if len(given) != 1:
            known = "not_null, unique, accepted_values, accepted_range, foreign_key, freshness, row_count, change, sql"
            raise DefinitionError(
                f"a test of {len(given)} kinds: {', '.join(given) or 'none'}", hint=f"give exactly one of {known}"
            )
        if self.allow < 0 or (isinstance(self.allow, float) and self.allow >= 1):
            raise DefinitionError(
                f"allow: {self.allow!r}", hint="a whole number of rows, or a share such as 0.001 below 1"
            )

    def kinds(self) -> list[str]:
        """The kinds of test that it gives."""
        rest = {"severity", "name", "allow"}
        return [item.name for item in fields(self) if item.name not in rest and getattr(self, item.name)]

    @property
    def kind(self) -> str:
        """The one kind of test that it is."""
        return self.kinds()[0]

    @property
    def gravity(self) -> Literal["blocking", "doubt", "note"]:
        """The severity of its check."""
        return self.severity or ("doubt" if self.change is not None else "blocking")

    def tolerates(self, rows: int) -> int:
        """How many offending rows of so many are tolerated."""
        return self.allow if isinstance(self.allow, int) else int(self.allow * rows)

    def columns(self) -> Mapping[str, None]:
        """The columns of the table that it speaks of, in order (none for a `sql` test)."""
        single = (self.accepted_values, self.accepted_range, self.freshness, self.change)
        named = [*self.not_null, *self.unique, *(item.column for item in single if item is not None and item.column)]
        return dict.fromkeys([*named, *(self.foreign_key.columns if self.foreign_key else ())])
