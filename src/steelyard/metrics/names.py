"""A name as SQL writes it: bare where every engine reads it so, else quoted."""

from __future__ import annotations

import re
from functools import lru_cache

from steelyard.warehouse import quote_name

__all__ = ["free_name", "plain_name", "sql_name"]

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@lru_cache(maxsize=1)
def _reserved() -> frozenset[str]:
    from sqlglot.dialects import DuckDB, Postgres
    from sqlglot.parser import Parser

    words = {key.lower() for dialect in (DuckDB, Postgres) for key in dialect.Tokenizer.KEYWORDS if key.isalpha()}
    functions = {name.lower() for name in Parser.NO_PAREN_FUNCTION_PARSERS}
    return frozenset(words | functions | {"user", "check", "both", "leading", "trailing", "at", "asof", "positional"})


@lru_cache(maxsize=4096)
def sql_name(name: str) -> str:
    """The name as SQL writes it, whatever characters it has; a plain one stays legible.

    >>> sql_name("amount"), sql_name("Order; drop table x"), sql_name("select")
    ('amount', '"Order; drop table x"', '"select"')
    """
    return name if _PLAIN.fullmatch(name) and name not in _reserved() else quote_name(name)


def free_name(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number where it is taken; the name is then taken.

    >>> free_name("revenue", {"revenue"})
    'revenue_2'
    """
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name


def plain_name(table: str) -> str:
    """A table's name as part of a step's: plain letters, digits and underscores.

    >>> plain_name("Order lines")
    'order_lines'
    """
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in table.lower()) or "table"
