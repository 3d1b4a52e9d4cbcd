"""CSV files as text columns: the header read here, the rows by DuckDB, and line by line where that loses count."""

from __future__ import annotations

import codecs
import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from steelyard.errors import DataError
from steelyard.pipeline.conversion import TEXT
from steelyard.pipeline.sources.file_facts import numbered_lines, open_bytes
from steelyard.pipeline.sources.reads import FilesReads
from steelyard.pipeline.sources.row_file import rows_beside
from steelyard.pipeline.sources.scan import FileFacts, Scan, Setting
from steelyard.warehouse import quote_text

__all__ = ["csv_options", "csv_records", "csv_row", "csv_scan", "read_header"]

FILE = "steelyard file"
LONGEST_RECORD = 1000
LONGEST_LINE = 1 << 21


def read_header(file: FileFacts, reads: FilesReads, declared: Sequence[str]) -> tuple[str, ...]:
    """The names of a CSV file's columns; empty for an empty file.

    Raises:
        DataError: None of the declared columns is there (the header is missing), a name is given twice, or the first
            line is not in the encoding.
    """
    if not reads.header:
        return tuple(declared)
    with open_bytes(file.path) as source:
        lines = (line.removeprefix(codecs.BOM_UTF8).decode(reads.encoding) for line in source)
        try:
            names = next(csv.reader(lines, delimiter=reads.delimiter, quotechar=reads.quote), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"the header cannot be read: {error}", where=f"{file.label}:1") from error
    if not names:
        return ()
    _check_header(names, file, declared)
    return tuple(names)


def _check_header(names: Sequence[str], file: FileFacts, declared: Sequence[str]) -> None:
    where = f"{file.label}:1"
    found = {name.casefold() for name in names}
    if declared and not found & {name.casefold() for name in declared}:
        shown = ", ".join(repr(name) for name in names[:6])
        problem = f"the first line names none of the declared columns: {shown}"
        hint = "where the file has no header say `header: false`; otherwise check `delimiter:`"
        raise DataError(problem, where=where, hint=hint)
    if len(found) < len(names) or "" in found:
        twice = next((n for n in names if not n or [m.casefold() for m in names].count(n.casefold()) > 1), "")
        raise DataError(f"the header names the column {twice!r} twice or not at all", where=where)


def csv_options(reads: FilesReads, names: Sequence[str]) -> str:
    """The reader's options that say how a CSV file is written."""
    columns = ", ".join(f"{quote_text(name)}: '{TEXT}'" for name in names)
    nulls = ", ".join(quote_text(text) for text in ("", *reads.nulls))
    return (
        f"columns = {{{columns}}}, header = {str(reads.header).lower()}, auto_detect = false, "
        f"delim = {quote_text(reads.delimiter)}, quote = {quote_text(reads.quote)}, "
        f"escape = {quote_text(reads.quote)}, nullstr = [{nulls}], encoding = {quote_text(reads.encoding)}"
    )


def csv_scan(setting: Setting, files: Sequence[FileFacts], names: Sequence[str], reads: FilesReads) -> Scan:
    """The rows of CSV files that have the same header."""
    if any(file.label in setting.careful for file in files):
        return _careful_scan(setting, files, names, reads)
    rejects = f"rejects_{os.urandom(4).hex()}"
    paths = ", ".join(quote_text(str(file.path)) for file in files)
    several = f", filename = {quote_text(FILE)}" if len(files) > 1 else ""
    return Scan(
        label=files[0].label if len(files) == 1 else f"{len(files)} files",
        relation=f"read_csv([{paths}], {csv_options(reads, names)}{several}, store_rejects = true, "
        f"rejects_table = {quote_text(rejects)}, rejects_scan = {quote_text(rejects + '_scan')}, rejects_limit = 0)",
        columns=dict.fromkeys(names, TEXT),
        source=FILE if several else "",
        files=tuple(files),
        rejects=rejects,
        header=int(reads.header),
        counted=True,
    )


def _careful_scan(setting: Setting, files: Sequence[FileFacts], names: Sequence[str], reads: FilesReads) -> Scan:
    """The same rows, read line by line into a Parquet file beside; what cannot be read is told line by line."""
    own = ("steelyard path", "steelyard line", "steelyard raw")
    lost: list[tuple[str, int, str, str]] = []
    rows = _good_rows(setting, files, names, reads, lost)
    relation = rows_beside(setting.scratch, rows, {**dict.fromkeys((*names, *own), TEXT), own[1]: "BIGINT"})
    return Scan(
        label=files[0].label if len(files) == 1 else f"{len(files)} files",
        relation=relation,
        columns=dict.fromkeys(names, TEXT),
        source=own[0],
        line=own[1],
        raw=own[2],
        files=tuple(files),
        lost=tuple(lost),
    )


def _good_rows(
    setting: Setting,
    files: Sequence[FileFacts],
    names: Sequence[str],
    reads: FilesReads,
    lost: list[tuple[str, int, str, str]],
) -> Iterator[tuple[str | int | None, ...]]:
    nulls = {"", *reads.nulls}
    for file in files:
        setting.tell(0, None, f"reading {file.label} line by line")
        for line, raw, values, fault in csv_records(file.path, reads, len(names)):
            if values is None:
                lost.append((str(file.path), line, raw, fault))
            else:
                yield (*(None if value in nulls else value for value in values), str(file.path), line, raw)


def csv_records(path: Path, reads: FilesReads, width: int) -> Iterator[tuple[int, str, list[str] | None, str]]:
    """Each record of a CSV file: its first line, its text, its values or None, and why it has none.

    A quote that is never closed costs the line that it stands in, and no other: reading goes on with the next.

    Args:
        path: The file.
        reads: How it is written.
        width: How many values a record has.
    """
    lines = _Lines(path)
    if reads.header:
        _skip_header(lines, reads)
    while (first := lines.next()) is not None:
        number, content = first
        if not content.strip(b"\r\n"):
            if width == 1:
                yield number, "", [""], ""
            continue
        yield (number, *_record(lines, content, reads, width))


def _skip_header(lines: _Lines, reads: FilesReads) -> None:
    quote = reads.quote.encode()
    first = lines.next()
    content = first[1] if first else b""
    while content.count(quote) % 2 and (more := lines.next()) is not None:
        content += more[1]


class _Lines:
    """A file's lines, some of which can be given back."""

    def __init__(self, path: Path) -> None:
        self.source, self.returned = numbered_lines(path), list[tuple[int, bytes]]()

    def next(self) -> tuple[int, bytes] | None:
        return self.returned.pop() if self.returned else next(self.source, None)

    def give_back(self, taken: Sequence[tuple[int, bytes]]) -> None:
        self.returned.extend(reversed(taken))


def _record(lines: _Lines, content: bytes, reads: FilesReads, width: int) -> tuple[str, list[str] | None, str]:
    quote = reads.quote.encode(reads.encoding)
    whole, more = content, list[tuple[int, bytes]]()
    while whole.count(quote) % 2 and len(more) < LONGEST_RECORD and len(whole) < LONGEST_LINE:
        following = lines.next()
        if following is None:
            break
        more.append(following)
        whole += following[1]
    values, fault = _parsed(whole, reads, width)
    if values is None and more:
        lines.give_back(more)
        return _shown(content, reads), None, "a quote is not closed"
    return _shown(whole, reads), values, fault


def _parsed(content: bytes, reads: FilesReads, width: int) -> tuple[list[str] | None, str]:
    try:
        text = content.decode(reads.encoding)
        lines = [text.rstrip("\r\n")]
        rows = list(csv.reader(lines, delimiter=reads.delimiter, quotechar=reads.quote, strict=True))
    except UnicodeDecodeError as error:
        return None, f"byte {error.start + 1} is not {reads.encoding.upper()}"
    except csv.Error as error:
        return None, f"not CSV: {error}"
    values = rows[0] if rows else []
    if len(rows) != 1 or len(values) != width:
        return None, f"{len(values)} values where there are {width} columns"
    return values, ""


def _shown(content: bytes, reads: FilesReads) -> str:
    return content.decode(reads.encoding, errors="backslashreplace").rstrip("\r\n")


def csv_row(values: Sequence[str | None], reads: FilesReads) -> str:
    """Values as a CSV line is most often written: quotes only where they are needed."""
    special = (reads.delimiter, reads.quote, "\n", "\r")

    def written(value: str | None) -> str:
        text = value or ""
        if any(mark in text for mark in special):
            return reads.quote + text.replace(reads.quote, reads.quote * 2) + reads.quote
        return text

    return reads.delimiter.join(written(value) for value in values)
