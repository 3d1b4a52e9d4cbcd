"""Writes a metric table to a file: CSV, Parquet or JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.canonical import plain
from steelyard.errors import DefinitionError, WarehouseError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "write_table"]

FORMATS = (".csv", ".parquet", ".json")


def write_table(table: pa.Table, path: Path) -> None:
    """Writes the table in the format that the path's ending names.

    Args:
        table: What is written; decimals stay exact in every format (text in JSON).
        path: Ends with `.csv`, `.parquet` or `.json`.

    Raises:
        DefinitionError: It ends otherwise.
        WarehouseError: It cannot be written; what was there before is untouched.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise DefinitionError(f"{str(path)!r} ends with no known format", where="--output", hint=", ".join(FORMATS))
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(table, beside, ending)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        hint = "look whether its folder exists, has room, and may be written by you; nothing was written"
        raise WarehouseError(f"the answer could not be written: {error}", where=str(path), hint=hint) from error


def _write(table: pa.Table, path: Path, ending: str) -> None:
    if ending == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, path)
    elif ending == ".csv":
        import pyarrow.csv as arrow_csv

        arrow_csv.write_csv(table, path)
    else:
        path.write_text(json.dumps(plain(table.to_pylist()), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
