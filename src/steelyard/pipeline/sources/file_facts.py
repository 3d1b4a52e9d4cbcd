"""A file as one pass over its bytes sees it: its content's hash, its lines, and whether it only grew."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from steelyard.errors import DataError
from steelyard.pipeline.sources.scan import FileFacts

__all__ = ["file_facts", "numbered_lines", "open_bytes"]

_PIECE = 1 << 20


def file_facts(path: Path, label: str, *, before: int = 0) -> tuple[FileFacts, str]:
    """What one pass over the file sees, and the hash of its first `before` bytes (empty where it is shorter).

    Raises:
        DataError: The file cannot be read.
    """
    whole, prefix, size, lines, last = hashlib.sha256(), "", 0, 0, b"\n"
    try:
        with path.open("rb") as file:
            for piece in _pieces(file, before):
                whole.update(piece)
                size, last = size + len(piece), piece[-1:]
                lines += piece.count(b"\n")
                if before and size == before:
                    prefix = whole.copy().hexdigest()
        if path.suffix == ".gz":
            lines, last = _lines_unpacked(path)
    except (OSError, EOFError) as error:
        raise DataError(f"{label!r} cannot be read: {error}", where=label) from error
    clean = last == b"\n"
    facts = FileFacts(
        path=path,
        label=label,
        sha256=whole.hexdigest(),
        bytes=size,
        lines=lines + (0 if clean else 1),
        clean_end=clean,
    )
    return facts, prefix


def _pieces(file: IO[bytes], before: int) -> Iterator[bytes]:
    """The file's bytes, with a cut after the first `before`."""
    read = 0
    while piece := file.read(min(_PIECE, before - read) if read < before else _PIECE):
        read += len(piece)
        yield piece


def _lines_unpacked(path: Path) -> tuple[int, bytes]:
    lines, last = 0, b"\n"
    with gzip.open(path, "rb") as file:
        while piece := file.read(_PIECE):
            lines, last = lines + piece.count(b"\n"), piece[-1:]
    return lines, last


def open_bytes(path: Path) -> Any:
    """The file's bytes, unpacked where it ends with `.gz`."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The file's physical lines with their numbers from 1, line ends included."""
    with open_bytes(path) as file:
        yield from enumerate(file, 1)
