"""A condition on a table's rows that somebody wrote in SQL, in brackets that it cannot close."""

from __future__ import annotations

from steelyard.errors import DefinitionError
from steelyard.warehouse.dialect import parse_select

__all__ = ["in_brackets"]


def in_brackets(text: str, *, where: str) -> str:
    """The condition in brackets, to stand beside others.

    Args:
        text: The condition.
        where: Where it is written.

    Raises:
        DefinitionError: It is no condition, or closes its brackets, so that what stands beside it would no longer hold.

    >>> in_brackets("kind = 'user'", where="page.exposure.where")
    "(kind = 'user')"
    """
    try:
        parse_select(f"SELECT 1 FROM rows_of_it WHERE {text}")
    except DefinitionError as error:
        raise DefinitionError(
            f"{text!r} is no condition: {error.problem}",
            where=where,
            hint="write one condition in SQL on the table's rows, such as \"kind = 'user'\"",
        ) from error
    return f"({text})"
