"""Rows as bytes of a file, part by part: CSV, JSON lines, an Arrow stream, Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from steelyard.canonical import canonical_json
from steelyard.metrics.local_hours import with_offset
from steelyard.web.spreadsheet import without_formulas

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.metrics.streamed import MetricStream

    Buffer = bytes | bytearray | memoryview

__all__ = ["ROW_FORMS", "row_bytes"]

ROW_FORMS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}


class _Pipe(io.RawIOBase):
    """What a writer writes, taken out as it comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        part = bytes(content)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def tell(self) -> int:
        return self._length

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def row_bytes(form: str, answer: MetricStream) -> Iterator[bytes]:
    """The answer's rows as a file, in pieces; an Arrow stream and Parquet carry how they were made as metadata.

    Args:
        form: One of `ROW_FORMS`.
        answer: The rows.
    """
    made: Mapping[str, Callable[[MetricStream], Iterator[bytes]]] = {
        "csv": _csv, "ndjson": _ndjson, "arrow": _arrow, "parquet": _parquet,
    }  # fmt: skip
    return (part for part in made[form](answer) if part)


def _csv(answer: MetricStream) -> Iterator[bytes]:
    import pyarrow.csv as arrow_csv

    pipe = _Pipe()
    sink: Any = pipe
    header = without_formulas(answer.schema.empty_table())
    arrow_csv.write_csv(header, sink)
    yield pipe.take()
    options = arrow_csv.WriteOptions(include_header=False)
    for part in answer.parts:
        arrow_csv.write_csv(without_formulas(part), sink, options)
        yield pipe.take()


def _ndjson(answer: MetricStream) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    plain = _plain_rows(answer)
    for part in answer.parts:
        yield encoder.encode_lines(plain(part))


def _plain_rows(answer: MetricStream) -> Callable[[pa.Table], list[dict[str, Any]]]:
    """Rows as `POST /query` gives them: whole numbers as numbers, other decimals as text, hours with their offset."""
    import pyarrow as pa

    whole = [f.name for f in answer.schema if pa.types.is_decimal(f.type) and f.type.scale == 0]
    hours = answer.schema.field("period").type.tz if answer.question.grain == "hour" else None

    def rows(part: pa.Table) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = part.to_pylist()
        for row in found if whole or hours else ():
            for name in whole:
                row[name] = int(row[name]) if row[name] is not None else None
            if hours and row["period"] is not None:
                row["period"] = with_offset(row["period"], hours)
        return found

    return rows


def _arrow(answer: MetricStream) -> Iterator[bytes]:
    import pyarrow as pa

    pipe = _Pipe()
    schema = answer.schema.with_metadata(_made(answer))
    with pa.ipc.new_stream(pa.PythonFile(pipe, mode="w"), schema) as writer:
        for part in answer.parts:
            writer.write_table(part.replace_schema_metadata(schema.metadata))
            yield pipe.take()
    yield pipe.take()


def _parquet(answer: MetricStream) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pipe = _Pipe()
    schema = answer.schema.with_metadata(_made(answer))
    with pq.ParquetWriter(pa.PythonFile(pipe, mode="w"), schema) as writer:
        for part in answer.parts:
            writer.write_table(part.replace_schema_metadata(schema.metadata))
            yield pipe.take()
    yield pipe.take()


def _made(answer: MetricStream) -> dict[str | bytes, str | bytes]:
    """How the rows were made, as metadata of the file."""
    how = answer.how
    said = {"digests": how.digests, "sql": how.sql, "parameters": how.parameters, "engine": how.engine,
            "tables": how.tables, "definitions": how.definitions}  # fmt: skip
    return {"steelyard": canonical_json(said)}
