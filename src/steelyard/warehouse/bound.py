"""A query's values: checked, typed, and fit to be bound on every engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from steelyard.errors import DefinitionError
from steelyard.warehouse.query import Query, Value

__all__ = ["Bound", "bind"]

_HINT = "give a bool, int, float, str, date, datetime, Decimal or None"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The values that a query uses, and their types.

    Args:
        values: Parameter -> its value.
        types: Parameter -> its DuckDB type; NULL has none.
    """

    values: Mapping[str, Value]
    types: Mapping[str, str]


def bind(query: Query, names: tuple[str, ...]) -> Bound:
    """The values that the query's text asks for.

    Args:
        query: The query.
        names: The parameters in its text.

    Raises:
        DefinitionError: A value is missing, or is of a kind that cannot be bound.

    >>> bind(Query(sql="SELECT $n", parameters={"n": 1}), ("n",)).types
    {'n': 'BIGINT'}
    """
    missing = [name for name in names if name not in query.parameters]
    if missing:
        known = ", ".join(sorted(query.parameters)) or "none"
        raise DefinitionError(f"the SQL asks for ${missing[0]}, which has no value", hint=f"given: {known}")
    pairs = {name: _typed(name, query.parameters[name]) for name in names}
    types = {name: kind for name, (_, kind) in pairs.items() if kind}
    return Bound(values={name: value for name, (value, _) in pairs.items()}, types=types)


def _typed(name: str, value: Value) -> tuple[Value, str]:
    if value is None:
        return None, ""
    for kind, typed in _KINDS:
        if isinstance(value, kind):
            return typed(name, value)
    raise DefinitionError(f"${name} is a {type(value).__name__}, which is no value of SQL", hint=_HINT)


def _whole(name: str, value: int) -> tuple[Value, str]:
    if -(2**63) <= value < 2**63:
        return int(value), "BIGINT"
    if abs(value) < 10**38:
        return Decimal(value), "DECIMAL(38, 0)"
    raise DefinitionError(f"${name} has more than 38 digits", hint="no engine holds such a number")


def _boolean(_: str, value: bool) -> tuple[Value, str]:
    return bool(value), "BOOLEAN"


def _double(name: str, value: float) -> tuple[Value, str]:
    if math.isnan(value):
        raise DefinitionError(
            f"${name} is a NaN, which compares with nothing", hint="leave the condition out, or give None"
        )
    return float(value), "DOUBLE"


def _text(name: str, value: str) -> tuple[Value, str]:
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise DefinitionError(
            f"${name} holds a character that SQL's text cannot: {value!r}", hint="clean the text first"
        )
    return str(value), "VARCHAR"


def _time(_: str, value: date) -> tuple[Value, str]:
    if not isinstance(value, datetime):
        return value, "DATE"
    if value.tzinfo is None:
        return value, "TIMESTAMP"
    return value.astimezone(UTC), "TIMESTAMPTZ"


def _decimal(name: str, value: Decimal) -> tuple[Value, str]:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise DefinitionError(
            f"${name} is {value}, which no decimal of SQL is", hint="leave the condition out, or give None"
        )
    scale = max(-exponent, 0)
    if value.adjusted() + 1 + scale > 38 or scale > 38:
        raise DefinitionError(f"${name} = {value} needs more than 38 digits", hint="round it")
    return value, f"DECIMAL(38, {scale})"


# The first that fits: a bool is also an int, a datetime also a date.
_KINDS: tuple[tuple[type, Callable[[str, Any], tuple[Value, str]]], ...] = (
    (bool, _boolean),
    (int, _whole),
    (float, _double),
    (str, _text),
    (date, _time),
    (Decimal, _decimal),
)
