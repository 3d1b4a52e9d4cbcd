"""One SELECT in Steelyard's dialect, with its values apart from its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

__all__ = ["Query", "Value", "quote_name", "quote_text"]

Value = bool | int | float | str | date | datetime | Decimal | None


@dataclass(frozen=True, kw_only=True)
class Query:
    """One SELECT in Steelyard's dialect (the stated subset of DuckDB's), with its values apart from its text.

    Args:
        sql: The SELECT; a value stands as `$name`.
        parameters: The values by name; they are bound, never pasted into the text.
        limit: The most rows that may come back; more is an error, never a truncation.
        says: What it is for, in a few words.

    >>> Query(sql="SELECT count(*) AS n FROM orders WHERE country = $country", parameters={"country": "DE"}).limit
    100000
    """

    sql: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    limit: int = 100_000
    says: str = ""


def quote_name(name: str) -> str:
    """The name as SQL must write it, whatever characters it has; a dot is part of the name.

    >>> quote_name('order; drop table x')
    '"order; drop table x"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """The text as a SQL literal, for the few places where an engine takes no bound value.

    >>> quote_text("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
