"""A condition on a table's rows that somebody wrote in SQL, in brackets that it cannot close."""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.errors import DefinitionError, unknown_name
from steelyard.warehouse.condition_columns import condition_columns
from steelyard.warehouse.dialect import parse_select

__all__ = ["in_brackets", "of_columns"]


def in_brackets(text: str, *, where: str) -> str:
    """The condition in brackets, to stand beside others.

    Args:
        text: The condition.
        where: Where it is written.

    Raises:
        DefinitionError: It is no condition, or closes its brackets or comments them out, so that what stands beside it
            would no longer hold, or has more of a SELECT behind it.

    >>> in_brackets("kind = 'user'", where="page.exposure.where")
    "(kind = 'user')"
    """
    try:
        for alone in (text, f"({text})"):
            parse_select(f"SELECT 1 FROM rows_of_it WHERE {alone}")
    except DefinitionError as error:
        raise DefinitionError(
            f"{text!r} is no condition: {error.problem}",
            where=where,
            hint="write one condition in SQL on the table's rows, such as \"kind = 'user'\"",
        ) from error
    return f"({text})"


def of_columns(conditions: list[str], columns: Iterable[str], *, where: str) -> list[str]:
    """The conditions themselves, once their table is known to have what they name.

    Args:
        conditions: Conditions on the table's rows.
        columns: The table's columns; case does not matter.
        where: Where the conditions are written.

    Raises:
        UnknownNameError: The table has no such column.

    >>> of_columns(["(Kind = 'user')"], ["kind"], where="page.exposure.where")
    ["(Kind = 'user')"]
    """
    there = {name.lower() for name in columns}
    for name in sorted(name for condition in conditions for name in condition_columns(condition)):
        if name.lower() not in there:
            raise unknown_name("column", name, columns, where=where)
    return conditions
