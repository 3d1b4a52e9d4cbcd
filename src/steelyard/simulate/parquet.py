"""A shop as Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from steelyard.errors import unknown_name
from steelyard.simulate.schemas import FIXED_TABLES, SCHEMAS

if TYPE_CHECKING:
    from steelyard.simulate.shop import Progress, Shop

__all__ = ["write_parquet"]

_GROUP = 1_000_000  # rows that wait for a row group


class _TableFile:
    """A Parquet file that is written under another name until it is complete."""

    def __init__(self, folder: Path, table: str) -> None:
        self.path = folder / f"{table}.parquet"
        self._partial = self.path.with_suffix(".partial")
        schema = SCHEMAS[table]
        names = [f.name for f in schema if pa.types.is_dictionary(f.type) or pa.types.is_string(f.type)]
        whole = [f.name for f in schema if pa.types.is_int64(f.type) or pa.types.is_timestamp(f.type)]
        self._writer = pq.ParquetWriter(
            self._partial, schema, compression="snappy", use_dictionary=names,  # type: ignore[arg-type]
            column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        )  # fmt: skip
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def __enter__(self) -> _TableFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()
        if kind is None:
            self._partial.replace(self.path)
        else:
            self._partial.unlink(missing_ok=True)

    def add(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting), row_group_size=2 * _GROUP)
        self._waiting, self._rows = [], 0


def write_parquet(
    shop: Shop,
    folder: Path,
    tables: Sequence[str] | None,
    numbers: Sequence[int] | None,
    progress: Progress | None,
) -> dict[str, Path]:
    """Write some tables of some chunks; `Shop.write_parquet` says how."""
    wanted = list(SCHEMAS) if tables is None else list(tables)
    for table in wanted:
        if table not in SCHEMAS:
            raise unknown_name("table", table, SCHEMAS, where="simulated shop")
    chosen = range(shop.chunks_in_all) if numbers is None else numbers
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = {table: stack.enter_context(_TableFile(folder, table)) for table in wanted}
        for table in set(wanted) & set(FIXED_TABLES):
            files[table].add(shop.fixed()[table])
        for done, tables_of_chunk in enumerate(shop.chunks(chosen), 1):
            for table in set(wanted) - set(FIXED_TABLES):
                files[table].add(tables_of_chunk[table])
            if progress is not None:
                progress(done, len(chosen))
    return {table: file.path for table, file in files.items()}
