"""Where a number's rows come from: table by table and column by column to the sources, and the tests that failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from steelyard.warehouse import TableVersion

__all__ = ["FailedTest", "KeptVersions", "SourceLoad", "TableOrigin", "column_origins", "table_lineage"]


class KeptVersions(Protocol):
    """Gives the versions that are kept of a warehouse's tables, as they are read and as they were read before."""

    def version(self, table: str) -> TableVersion | None:
        """The version of a table that is read; None where there is none."""

    def earlier(self, table: str, version_id: str) -> TableVersion | None:
        """The version of a table with that id; None where it does not remain."""

    def load(self, table: str) -> SourceLoad | None:
        """What loaded a table last; None where nothing did."""


@dataclass(frozen=True, kw_only=True)
class SourceLoad:
    """What brought a table's rows from outside.

    Args:
        source: The source's name.
        kind: Its kind, such as `files`.
        at: When it was loaded last, ISO.
        rows: Rows that came then.
        rejected: Rows that did not parse then, and are in the quarantine table.
        files: The files whose content is in the table, where they are known.
    """

    source: str
    kind: str
    at: str
    rows: int
    rejected: int = 0
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FailedTest:
    """A data test that does not hold on what a number was made of.

    Args:
        table: The table.
        test: The test's name.
        severity: `blocking`, `doubt` or `note`.
        status: `failed`, or `not_run`: it could not be done.
        says: One sentence, with the numbers.
        version_id: The version that was tested.
    """

    table: str
    test: str
    severity: str
    status: str
    says: str
    version_id: str


@dataclass(frozen=True, kw_only=True)
class TableOrigin:
    """One table on the way from the sources to a number.

    Args:
        table: The table.
        version_id: The version whose rows went in; empty where it is not kept.
        published_at: When that version was published, UTC, ISO.
        reads: The tables that it was built from.
        replaced: Whether a newer version of it is there, which the number does not rest on.
        load: What brought its rows from outside; None for a table that was built.
        failed: The tests that do not hold on that version.
    """

    table: str
    version_id: str
    published_at: str = ""
    reads: tuple[str, ...] = ()
    replaced: bool = False
    load: SourceLoad | None = None
    failed: tuple[FailedTest, ...] = field(default=())


def table_lineage(tables: Iterable[str], kept: KeptVersions) -> tuple[TableOrigin, ...]:
    """Every table that a number rests on, those that it reads first, then what they were built from, to the sources.

    Each is the version whose rows went in, which may not be the newest: a table is built from what was there then.

    Args:
        tables: The tables that are read.
        kept: The versions.
    """
    found: dict[tuple[str, str], TableOrigin] = {}
    waiting: list[tuple[str, str]] = [(table, "") for table in tables]
    while waiting:
        table, wanted = waiting.pop(0)
        present = kept.version(table)
        version = present if present is not None and _is(present, wanted) else kept.earlier(table, wanted)
        address = (table, version.version_id if version else wanted)
        if address in found:
            continue
        details = _details(version)
        inputs = {name: item for name, item in (details.get("inputs") or {}).items() if name != table}
        found[address] = TableOrigin(
            table=table,
            version_id=address[1],
            published_at=version.published_at if version else "",
            reads=tuple(sorted(inputs)),
            replaced=present is not None and present is not version,
            load=None if inputs else kept.load(table),
            failed=tuple(_failed(table, version)) if version else (),
        )
        waiting += [(name, version_id) for name, version_id in sorted(inputs.items())]
    return tuple(found.values())


def _is(version: TableVersion, wanted: str) -> bool:
    """Whether it is the version of that id, be it under the id that it had before an erasure."""
    before = {str(item.get("was", "")) for item in getattr(version, "erased", ())}
    return not wanted or version.version_id == wanted or wanted in before


def _details(version: TableVersion | None) -> Mapping[str, Any]:
    details = getattr(version, "details", None)
    return details if isinstance(details, Mapping) else {}


def _failed(table: str, version: TableVersion) -> Iterator[FailedTest]:
    for said in _details(version).get("tests") or ():
        if said.get("status") == "passed" or (said.get("status") == "not_run" and said.get("severity") == "note"):
            continue
        yield FailedTest(
            table=table,
            test=str(said["name"]),
            severity=str(said["severity"]),
            status=str(said["status"]),
            says=str(said["says"]),
            version_id=version.version_id,
        )


def column_origins(columns: Iterable[tuple[str, str]], kept: KeptVersions) -> dict[str, tuple[str, ...]]:
    """Column of a fact -> the columns of loaded tables that its values come from; none where that is not known.

    Args:
        columns: Table and column of each.
        kept: The versions.
    """
    return {f"{table}.{column}": tuple(sorted(_origins(table, column, kept))) for table, column in columns}


def _origins(table: str, column: str, kept: KeptVersions) -> set[str]:
    reached: set[str] = set()
    seen: set[tuple[str, str, str]] = set()
    waiting = [(table, column, "")]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        name, own, wanted = here
        present = kept.version(name)
        version = present if present is not None and _is(present, wanted) else kept.earlier(name, wanted)
        details = _details(version)
        inputs: Mapping[str, str] = details.get("inputs") or {}
        traced = details.get("lineage") or {}
        if not inputs and name != table:
            reached.add(f"{name}.{own}")
        waiting += [(origin, item, inputs.get(origin, "")) for origin, item in traced.get(own, ()) if origin != name]
    return reached
