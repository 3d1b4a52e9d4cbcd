"""What DuckDB says when it fails, in Steelyard's errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from steelyard.errors import DataError, DefinitionError, LockedError, SteelyardError, WarehouseError, unknown_name

__all__ = ["condense", "from_duckdb", "is_engine_error"]

_PREFIX = re.compile(r"^(?:[A-Z][\w ]*? Error|INTERRUPT Error|Error): ", re.DOTALL)
_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_TABLE = re.compile(r"Table with name (?P<name>.+?) does not exist")
_COLUMN = re.compile(
    r'(?:Referenced column "(?P<a>.+?)" not found|does not have a column named "(?P<b>.+?)"'
    r'|column "(?P<c>.+?)" (?:does not exist|must appear))'
)
_FUNCTION = re.compile(r"Function with name (?P<name>.+?) does not exist")
_BINDINGS = re.compile(r"Candidate bindings: (?P<names>.+?)(?:\n|$)")
_MEMORY = ("out of memory", "failed to allocate", "failed to pin block")


def condense(message: str) -> str:
    """The engine's message as one sentence: no class name, no code listing, no web address.

    >>> condense('Binder Error: No function matches sum(VARCHAR). Cast it.\\n  Candidate functions: ...')
    'No function matches sum(VARCHAR). Cast it.'
    """
    first = _PREFIX.sub("", message.strip()).split("\n")[0]
    first = re.split(r"\s*(?:See also https?://|See https?://|LINE \d+:)", first)[0]
    return first.strip() or message.strip()[:200]


def is_engine_error(error: BaseException) -> bool:
    """Whether DuckDB raised it, by itself or through Arrow's stream."""
    import duckdb
    import pyarrow as pa

    return isinstance(error, duckdb.Error) or (
        isinstance(error, (OSError, pa.ArrowException)) and " Error: " in str(error)
    )


def from_duckdb(
    error: BaseException,
    *,
    where: str = "",
    tables: Callable[[], Iterable[str]] = tuple,
    columns: Callable[[], Iterable[str]] = tuple,
) -> SteelyardError:
    """The Steelyard error for what DuckDB raised.

    Args:
        error: What DuckDB (or Arrow, reading from it) raised.
        where: The warehouse's name.
        tables: Gives the known tables, asked only where one is unknown.
        columns: Gives the known columns, asked only where one is unknown and DuckDB names no candidates.
    """
    message = str(error)
    return (
        _locked(message, where)
        or _unknown(message, where, tables, columns)
        or _by_class(type(error).__name__, message, where)
    )


def _locked(message: str, where: str) -> SteelyardError | None:
    if "Could not set lock on file" not in message and "being used by another process" not in message:
        return None
    holder = _HOLDER.search(message)
    who = f"process {holder['pid']} ({holder['program']})" if holder else "another process"
    return LockedError(
        f"the DuckDB file is open for writing in {who}",
        where=where,
        hint="close it there, or read a copy; the tables of a store can be read while they are written",
    )


def _unknown(
    message: str, where: str, tables: Callable[[], Iterable[str]], columns: Callable[[], Iterable[str]]
) -> SteelyardError | None:
    if found := _TABLE.search(message):
        return unknown_name("table", found["name"].strip('"'), tables(), where=where)
    if found := _COLUMN.search(message):
        if "must appear" in found[0]:
            return None
        name = next(part for part in found.groups() if part)
        known = list(columns())
        if not known and (listed := _BINDINGS.search(message)):
            known = [item.split(".")[-1].strip('" ') for item in listed["names"].split(",")]
        return unknown_name("column", name, known, where=where)
    if found := _FUNCTION.search(message):
        return DefinitionError(f"no function named {found['name']!r}", where=where)
    return None


def _by_class(kind: str, message: str, where: str) -> SteelyardError:
    problem = condense(message)
    if kind == "OutOfMemoryException" or any(words in message.lower() for words in _MEMORY):
        return WarehouseError(
            f"the query needs more memory than it may use: {problem}",
            where=where,
            hint="raise memory_limit, use fewer threads, or group by less",
        )
    if kind in {"BinderException", "ParserException", "CatalogException"} or message.startswith(("Binder", "Parser")):
        return DefinitionError(problem, where=where)
    if kind in {"ConversionException", "OutOfRangeException"} or message.startswith(("Conversion", "Out of Range")):
        return DataError(problem, where=where, hint="a value does not fit its type: filter it out, or use try_cast")
    if "different configuration than existing" in message:
        hint = "close the other connection, or pass it to connect()"
        return WarehouseError("this process has the file open with other settings", where=where, hint=hint)
    if "space" in message.lower() and "device" in message.lower():
        return WarehouseError(f"the disk is full: {problem}", where=where, hint="free space; nothing was committed")
    return WarehouseError(problem, where=where)
