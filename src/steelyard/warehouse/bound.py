"""A query's values, checked and typed, apart from its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.warehouse.query import Value

__all__ = ["Bound", "bind"]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """SQL whose every value has a type, and the values in use.

    Args:
        sql: The SQL.
        parameters: The values that it uses.
    """

    sql: str
    parameters: Mapping[str, Value]


def bind(sql: str, parameters: Mapping[str, Value]) -> Bound:
    """Provisional."""
    return Bound(sql=sql, parameters=dict(parameters))
