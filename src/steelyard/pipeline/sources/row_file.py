"""Rows that Python has in its hands, written to a JSON-lines file that is read like any other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from steelyard.errors import DataError
from steelyard.warehouse import quote_name, quote_text

__all__ = ["parse_json", "rows_beside", "write_rows"]


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


def rows_beside(folder: Path, rows: Iterable[Sequence[str | int | None]], columns: Mapping[str, str]) -> str:
    """Writes rows of texts and whole numbers to a file in the folder; returns what stands after FROM to read them."""
    path = folder / f"rows-{os.urandom(6).hex()}.jsonl"
    names = [f"c{number}" for number in range(len(columns))]
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")
    kinds = ", ".join(f"{name}: {quote_text(kind)}" for name, kind in zip(names, columns.values(), strict=True))
    kept = ", ".join(f"{short} AS {quote_name(name)}" for short, name in zip(names, columns, strict=True))
    source = f"read_json({quote_text(str(path))}, format = 'newline_delimited', columns = {{{kinds}}})"
    return f"(SELECT {kept} FROM {source})"
