"""What a source gives to a load: pieces that DuckDB can read, and what is to be remembered of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.pipeline.source_definition import SourceDefinition
    from steelyard.warehouse.duckdb_session import Cursor

__all__ = ["Asked", "FileFacts", "Found", "Scan", "Setting"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which rows a load wants, by the source's cursor.

    Args:
        since: Lower bound, inclusive, as text; empty is none.
        until: Upper bound, inclusive, as text (a date takes its whole day); empty is none.
        back_fill: Whether a person asked for this range, rather than the cursor.
    """

    since: str = ""
    until: str = ""
    back_fill: bool = False


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a source is opened.

    Args:
        definition: The source.
        connection: The transaction's DuckDB.
        folder: The project's folder.
        scratch: An empty folder that goes away with the load.
        asked: Which rows are wanted.
        known: Content hash -> what is remembered of a file that was loaded.
        full: Whether everything is read, whatever was loaded.
        careful: Files to read line by line, because the fast reader lost count of them.
        columns: The table's present columns; empty before the first load.
        keys: Keys of JSON rows that were met, and are columns beside the declared ones.
        tell: Says what is being done: done, total, words.
    """

    definition: SourceDefinition
    connection: Cursor
    folder: Path
    scratch: Path
    asked: Asked
    known: Mapping[str, Mapping[str, Any]]
    full: bool
    careful: frozenset[str]
    columns: Mapping[str, str]
    keys: tuple[str, ...]
    tell: Callable[[int, int | None, str], None]


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """A file as one pass over its bytes saw it.

    Args:
        path: Where it is.
        label: How it is shown: relative to the project's folder.
        sha256: Hash of its bytes.
        bytes: Its size.
        lines: Line ends in it, one more where the last line has none.
        clean_end: Whether the last line is ended.
        skip: Bytes at its beginning that were loaded before (it has grown).
        first_line: The number of the line at which reading begins, less one.
    """

    path: Path
    label: str
    sha256: str
    bytes: int
    lines: int
    clean_end: bool
    skip: int = 0
    first_line: int = 0


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Rows that one SELECT can read.

    Args:
        label: The file, table or address, for messages.
        relation: What stands after FROM.
        columns: Column -> type as it is read; `VARCHAR` is text to be converted.
        document: JSON lines: the column of the relation that holds a row's whole text; empty otherwise.
        keys: JSON lines: the column that holds the row's keys.
        usual_keys: JSON lines: the keys of the first row, in its order; rows with these are told quickly.
        source: The column that holds the path of a row's file; empty where there is one file, or none.
        line: The column that holds a row's line; empty where lines are found afterwards.
        raw: The column that holds a row's text as it stood; empty where it is made of the values.
        files: The files behind it.
        rejects: The temporary table where DuckDB puts the lines that it could not read; empty where it has none.
        header: Lines at the beginning of each file that are not rows.
        lost: What the reader itself could not read: file, line, text, reason.
        counted: Whether the rows must be as many as the files' lines say.
    """

    label: str
    relation: str
    columns: Mapping[str, str]
    document: str = ""
    keys: str = ""
    usual_keys: tuple[str, ...] = ()
    source: str = ""
    line: str = ""
    raw: str = ""
    files: tuple[FileFacts, ...] = ()
    rejects: str = ""
    header: int = 0
    lost: tuple[tuple[str, int, str, str], ...] = ()
    counted: bool = False


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a source has for this load.

    Args:
        scans: The pieces.
        files: Files that are loaded when these pieces are.
        skipped: Files that were loaded before.
        twins: Files whose content another file of this load has.
        notes: What a person should know.
        whole: Whether the pieces are the whole table.
    """

    scans: tuple[Scan, ...]
    files: tuple[FileFacts, ...] = ()
    skipped: int = 0
    twins: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    whole: bool = False
