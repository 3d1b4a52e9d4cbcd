"""Writes a metric table to a file: CSV, Parquet or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.canonical import plain
from steelyard.errors import DefinitionError

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
    """
    ending = path.suffix.lower()
    if ending == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, path)
    elif ending == ".csv":
        import pyarrow.csv as arrow_csv

        arrow_csv.write_csv(table, path)
    elif ending == ".json":
        path.write_text(json.dumps(plain(table.to_pylist()), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    else:
        raise DefinitionError(f"{str(path)!r} ends with no known format", where="--output", hint=", ".join(FORMATS))
