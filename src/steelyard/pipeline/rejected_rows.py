"""Rejected rows with their place, text and reason, as the rows of the table `<table>_rejects`."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.canonical import digest
from steelyard.pipeline.catcher import Caught
from steelyard.pipeline.sources.csv_scan import csv_row
from steelyard.pipeline.sources.file_facts import numbered_lines, open_bytes
from steelyard.pipeline.sources.reads import FilesReads, Reads
from steelyard.pipeline.sources.row_file import rows_beside
from steelyard.pipeline.sources.scan import FileFacts, Scan

if TYPE_CHECKING:
    from steelyard.warehouse.duckdb_session import Cursor

__all__ = ["Rejected", "reject_sql", "rejected_rows", "unreadable_lines"]

MOST_PLACED = 200_000
_PIECE = 1 << 16
_REASONS = {
    "MISSING COLUMNS": "too few values",
    "TOO MANY COLUMNS": "too many values",
    "UNQUOTED VALUE": "a quote is not closed, or text follows a closed one",
    "INVALID ENCODING": "not in the file's encoding",
    "LINE SIZE OVER MAXIMUM": "the line is too long",
    "INVALID STATE": "not CSV",
}
_CAREFUL = ("LINE SIZE OVER MAXIMUM", "INVALID STATE")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not in the table, and why.

    Args:
        source: Its file, table or address.
        content: The hash of the file that it came from; empty where there is none.
        line: Its line; None where a source has none, or where it was not found.
        reason: What is wrong.
        raw: Its text.
    """

    source: str
    content: str
    line: int | None
    reason: str
    raw: str


def unreadable_lines(connection: Cursor, scan: Scan) -> list[tuple[str, int, str, str]] | None:
    """The lines that DuckDB's reader left out: file, line, text, reason; None where they need more care."""
    if not scan.rejects:
        return []
    errors, scans = f'"{scan.rejects}"', f'"{scan.rejects}_scan"'
    found = connection.execute(
        f"SELECT DISTINCT s.file_path, e.line, e.csv_line, e.error_type::VARCHAR, e.error_message FROM {errors} e "
        f"JOIN {scans} s ON e.scan_id = s.scan_id AND e.file_id = s.file_id ORDER BY ALL"
    ).fetchall()
    connection.execute(f"DROP TABLE {errors}; DROP TABLE {scans}")
    lines: dict[tuple[str, int], tuple[str, int, str, str]] = {}
    for path, line, text, kind, message in found:
        if kind in _CAREFUL or (kind == "UNQUOTED VALUE" and "\n" in (text or "")):
            return None
        reason = _REASONS.get(kind, kind.lower())
        if "Expected Number" in message:
            reason += f" ({message.strip().lower()})"
        # Blank lines before it belong to the text that DuckDB tells; the line's number is right all the same.
        lines.setdefault((path, line), (path, int(line), (text or "").strip("\r\n"), reason))
    return list(lines.values())


def rejected_rows(
    scan: Scan, caught: Sequence[Caught], lines: Sequence[tuple[str, int, str, str]], reads: Reads
) -> list[Rejected]:
    """Everything that a scan rejected, with its place: a row that DuckDB could read is found again by its text."""
    files = {str(file.path): file for file in scan.files}
    only = next(iter(files.values())) if len(files) == 1 else None
    texts = _lines_at(lines)
    found = [
        _rejected(scan, files.get(path, only), line, reason, texts.get((path, line), raw))
        for path, line, raw, reason in [*lines, *scan.lost]
    ]
    rows: dict[str, list[Caught]] = defaultdict(list)
    for row in caught:
        rows[row.file or (str(only.path) if only else "")].append(row)
    for path, members in rows.items():
        file = files.get(path, only)
        placed = _placed(file, members, reads) if file is not None and not scan.line else members
        found += [_rejected(scan, file, row.line, row.reason, row.raw or csv_text(row, reads)) for row in placed]
    return found


def _rejected(scan: Scan, file: FileFacts | None, line: int | None, reason: str, raw: str) -> Rejected:
    if file is None:
        return Rejected(scan.label, "", line, reason, raw)
    return Rejected(file.label, file.sha256, None if line is None else line + file.first_line, reason, raw)


def csv_text(row: Caught, reads: Reads) -> str:
    """The row's values as a line of CSV."""
    return csv_row(row.values, reads if isinstance(reads, FilesReads) else FilesReads(path=("",)))


def _lines_at(lines: Sequence[tuple[str, int, str, str]]) -> dict[tuple[str, int], str]:
    """The lines as they stand in their files, bytes that are no text shown as `\\xff`."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for path, line, _, reason in lines:
        if reason == _REASONS["INVALID ENCODING"]:
            wanted[path].add(line)
    return {
        (path, number): content.decode(errors="backslashreplace").rstrip("\r\n")
        for path, numbers in wanted.items()
        for number, content in numbered_lines(Path(path))
        if number in numbers
    }


def _placed(file: FileFacts, caught: Sequence[Caught], reads: Reads) -> list[Caught]:
    """The rows with their lines: one pass over the bytes, and a second one for rows that are written unusually."""
    if not file.lines or len(caught) > MOST_PLACED:
        return list(caught)
    wanted: dict[bytes, list[Caught]] = defaultdict(list)
    for row in caught:
        wanted[(row.raw if row.raw is not None else csv_text(row, reads)).encode()].append(row)
    ended = {text + end: rows for text, rows in wanted.items() for end in (b"\n", b"\r\n", b"")}
    placed: list[Caught] = []
    for number, content in _lines_among(file, frozenset(ended)):
        if rows := ended[content]:
            placed.append(replace(rows.pop(0), line=number, raw=content.rstrip(b"\r\n").decode()))
    rest = [row for rows in wanted.values() for row in rows]
    if rest and isinstance(reads, FilesReads) and rest[0].raw is None:
        return placed + _placed_by_value(file, rest, reads)
    return placed + rest


def _lines_among(file: FileFacts, wanted: frozenset[bytes]) -> Iterator[tuple[int, bytes]]:
    """The file's lines that are among these, with their numbers; sets do the looking, because it sees every line."""
    before = 0
    with open_bytes(file.path) as source:
        while lines := source.readlines(_PIECE):
            if not wanted.isdisjoint(lines):
                yield from ((before + n, line) for n, line in enumerate(lines, 1) if line in wanted)
            before += len(lines)


def _placed_by_value(file: FileFacts, caught: Iterable[Caught], reads: FilesReads) -> list[Caught]:
    wanted: dict[tuple[str | None, ...], list[Caught]] = defaultdict(list)
    for row in caught:
        wanted[row.values].append(row)
    placed: list[Caught] = []
    nulls = {"", *reads.nulls}
    with open_bytes(file.path) as source:
        lines = (line.decode(reads.encoding, errors="backslashreplace") for line in source)
        reader = csv.reader(lines, delimiter=reads.delimiter, quotechar=reads.quote)
        before = 0
        for values in reader:
            rows = wanted.get(tuple(None if value in nulls else value for value in values))
            if rows:
                placed.append(replace(rows.pop(0), line=before + 1))
            before = reader.line_num
    return placed + [row for rows in wanted.values() for row in rows]


def reject_sql(rejected: Sequence[Rejected], load_id: str, loaded_at: datetime, folder: Path) -> str:
    """The SELECT of the rejected rows, each with an id that the same row gets again when it is met again.

    Args:
        rejected: The rows.
        load_id: Names the load.
        loaded_at: Its moment.
        folder: Where they are written for DuckDB to read.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    rows = []
    for row in rejected:
        same = (row.content or row.source, str(row.line) if row.content else "", row.raw, row.reason)
        reject_id = digest([*same, seen[same]])[:32]
        rows.append((row.source, row.content, row.line, row.reason, row.raw, reject_id))
        seen[same] += 1
    columns = dict.fromkeys(("source", "content", "line", "reason", "raw", "reject_id"), "VARCHAR")
    moment = f"TIMESTAMPTZ '{loaded_at.isoformat()}'"
    relation = rows_beside(folder, rows, {**columns, "line": "BIGINT"})
    return f"SELECT '{load_id}' AS load_id, {moment} AS loaded_at, * FROM {relation}"
