"""Rows that Python has in its hands, written to a JSON-lines file that is read like any other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from steelyard.errors import DataError

__all__ = ["parse_json", "write_rows"]


def write_rows(rows: Iterable[Any], path: Path, *, where: str) -> int:
    """Writes each row, a mapping, as one JSON line; decimals, dates and times as exact text.

    Raises:
        DataError: A row is no mapping, or a value has no text.
    """
    number = 0
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                raise DataError(f"row {number} is a {type(row).__name__}, not a mapping: {row!r:.80}", where=where)
            try:
                file.write(json.dumps(row, default=_text, ensure_ascii=True, allow_nan=True) + "\n")
            except (TypeError, ValueError) as error:
                raise DataError(f"row {number} cannot be written: {error}", where=where) from error
    return number


def _text(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        return value.item()
    raise TypeError(f"a {type(value).__name__} has no plain text: {value!r:.60}")


def parse_json(content: bytes) -> Any:
    """JSON with numbers kept exactly as they were written."""
    return json.loads(content, parse_float=Decimal)
