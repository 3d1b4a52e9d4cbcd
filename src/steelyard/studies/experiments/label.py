"""How a value of an arm's or segment's column is written."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

__all__ = ["label"]


def label(value: Any) -> str:
    """A value of an arm or segment column as the study writes it.

    >>> label(True), label(3.0), label(None)
    ('true', '3', 'missing')
    """
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
