"""How many rows a text file must give, counted apart from the reader that gives them."""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.pipeline.sources.file_facts import numbered_lines
from steelyard.pipeline.sources.reads import FilesReads, Reads
from steelyard.pipeline.sources.scan import FileFacts, Scan

__all__ = ["expected_rows"]


def expected_rows(scan: Scan, reads: Reads) -> Iterator[int]:
    """The counts that are right: the lines less the headers; else, slower, without blank lines and with records that
    reach over several lines.
    """
    yield sum(file.lines - min(scan.header, file.lines) for file in scan.files)
    yield sum(_records(file, scan, reads) for file in scan.files)


def _records(file: FileFacts, scan: Scan, reads: Reads) -> int:
    if scan.document:
        return sum(1 for _, line in numbered_lines(file.path) if line.strip(b"\r\n"))
    quote = reads.quote.encode() if isinstance(reads, FilesReads) else b'"'
    count, within, blank_is_row = 0, False, len(scan.columns) == 1
    for _, line in numbered_lines(file.path):
        begins = not within
        within ^= bool(line.count(quote) % 2)
        if begins and (blank_is_row or line.strip(b"\r\n")):
            count += 1
    return count - min(scan.header, count)
