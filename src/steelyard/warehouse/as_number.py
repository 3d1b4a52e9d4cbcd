"""A column as a number, by its type: a number as it is, a boolean as 1 or 0, and nothing else."""

from __future__ import annotations

from steelyard.errors import DefinitionError

__all__ = ["as_number"]

_NUMBERS = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL", '"NULL"',
)  # fmt: skip
_HINTS = {
    "DATE": "take a length of time, such as the days between two dates",
    "TIME": "take a length of time, such as the seconds between two moments",
    "INTERVAL": "take its seconds, as a column of numbers",
    "VARCHAR": "where the text holds numbers, cast it in the table's SQL; of words, take a column of 1 and 0",
}


def as_number(sql: str, kind: str, *, column: str, used: str, where: str = "") -> str:
    """The column as SQL that sums can be taken of, on every engine.

    Args:
        sql: The column as SQL.
        kind: Its type in DuckDB's words.
        column: Its name, for the error.
        used: What it is used as, for the error: `a mean`.
        where: Where that is written.

    Raises:
        DefinitionError: It is a text, a moment, a list, or something else that is no number.

    >>> as_number("t.paid", "BOOLEAN", column="paid", used="a share")
    'CASE WHEN t.paid THEN 1 WHEN NOT t.paid THEN 0 END'
    >>> as_number("t.day", "DATE", column="day", used="a mean", where="test.day")
    Traceback (most recent call last):
    steelyard.errors.DefinitionError: problem: the column 'day' is DATE, and a mean is of numbers
    where:   test.day
    hint:    take a length of time, such as the days between two dates
    """
    name = kind.upper()
    if name == "BOOLEAN":
        return f"CASE WHEN {sql} THEN 1 WHEN NOT {sql} THEN 0 END"
    if name.partition("(")[0] in _NUMBERS:
        return sql
    fallback = "take one of its values, or its length, as a column of numbers"
    scalar = not name.endswith("]") and "(" not in name
    hint = next((hint for start, hint in _HINTS.items() if scalar and name.startswith(start)), fallback)
    raise DefinitionError(f"the column {column!r} is {kind}, and {used} is of numbers", where=where, hint=hint)
