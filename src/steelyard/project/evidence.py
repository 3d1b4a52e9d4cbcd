"""Finds what a replay recomputes, and opens the data as it was read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, WarehouseError
from steelyard.result import Provenance
from steelyard.warehouse import Entry, Ledger, Warehouse

if TYPE_CHECKING:
    from steelyard.project.project import Project

__all__ = ["cited_results", "citing", "reopened", "table_and_column"]


def cited_results(ledger: Ledger, reference: str) -> Iterable[Entry]:
    """The results that a reference means.

    Args:
        ledger: Where they are kept.
        reference: A study's name (its latest result), a decision's name or digest (all that it cites), or a result's
            digest.

    Raises:
        UnknownNameError: There is no such entry.
        DefinitionError: It is neither a result nor a decision.
    """
    latest = ledger.latest("result", reference)
    if latest is not None:
        return (latest,)
    entry = ledger.latest("decision", reference) or ledger.get(reference)
    if entry.kind == "decision":
        return tuple(ledger.get(digest) for digest in entry.body["decision"]["cites"])
    if entry.kind == "result":
        return (entry,)
    raise DefinitionError(f"{reference!r} is a {entry.kind}", where="replay", hint="name a result or a decision")


def citing(ledger: Ledger, digests: Iterable[str]) -> tuple[Entry, ...]:
    """The decisions that rest on any of these results, newest first."""
    named = set(digests)
    found = ledger.entries(kind="decision")
    return tuple(entry for entry in reversed(found) if named.intersection(entry.body["decision"]["cites"]))


def reopened(project: Project, provenance: Provenance) -> Warehouse:
    """A reader of the very versions that a result read.

    Raises:
        WarehouseError: They do not remain, and why.
    """
    number = provenance.context.get("catalog")
    if not project.embedded:
        return project.warehouse()
    if number is None:
        raise WarehouseError("it was read from another kind of warehouse, which keeps no versions")
    tables = project.store.snapshot(number).tables
    for name, version_id in {(table.name, table.version_id) for read in provenance.reads for table in read.tables}:
        kept = tables.get(name)
        if kept is not None and kept.erased and kept.version_id != version_id:
            raise WarehouseError(
                f"a person's rows were erased from {name!r} since: its rows are not what they were",
                hint="`steelyard ledger list --kind erasure` says when, by whom and why",
            )
    return project.warehouse(number)


def table_and_column(text: str) -> tuple[str, str]:
    """The two parts of `TABLE.COLUMN`."""
    table, dot, column = text.rpartition(".")
    if not dot or not table or not column:
        raise DefinitionError(f"{text!r} does not name a column", where="erase", hint="write it as TABLE.COLUMN")
    return table, column
