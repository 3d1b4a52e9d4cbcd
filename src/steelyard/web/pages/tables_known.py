"""Every source and table of a project, as defined and as published, for pages to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from steelyard.canonical import plain
from steelyard.dashboards import Station
from steelyard.errors import unknown_name
from steelyard.result import Check
from steelyard.warehouse import StoredTable
from steelyard.web.page import address
from steelyard.web.view import View

__all__ = ["REJECTS", "KnownTable", "known_table", "known_tables", "stations"]

REJECTS = "_rejects"
Status = Literal["good", "bad", "warning", "neutral"]
Kind = Literal["source", "table", "quarantine", "other"]


@dataclass(frozen=True, kw_only=True)
class KnownTable:
    """One source or table.

    Args:
        name: The table.
        kind: `source` (loaded), `table` (built), `quarantine` (rows of a source that did not parse) or `other`.
        inputs: What it is made of.
        rows: Rows of the published version; None where nothing is published or the engine does not count.
        version_id: The published version.
        fingerprint: Hash of its rows.
        published_at: When it was published; empty where it was not.
        tests: Its data tests and what they found.
        rejected: Rows in its quarantine table; None where it has none.
        description: For a person.
        owner: Who answers for it.
        where: File and line of its definition; empty where nothing defines it.
        columns: Column -> type.
        details: What its author said of the published version.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...] = ()
    rows: int | None = None
    version_id: str = ""
    fingerprint: str = ""
    published_at: str = ""
    tests: tuple[Check, ...] = ()
    rejected: int | None = None
    description: str = ""
    owner: str = ""
    where: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """How it stands: `bad` where a blocking test does not hold, `warning` for a doubt, a reject or no rows."""
        if any(check.stops for check in self.tests):
            return "bad"
        if any(check.doubts for check in self.tests) or self.rejected or not self.version_id:
            return "warning"
        return "good" if self.tests else "neutral"

    @property
    def tests_say(self) -> str:
        """How many tests hold, or which do not."""
        failed = [check.name.replace("_", " ") for check in self.tests if check.status != "passed"]
        if not self.tests:
            return "no tests"
        if failed:
            return f"{len(failed)} of {len(self.tests)} do not hold: {', '.join(failed)}"
        return f"{len(self.tests)} of {len(self.tests)} hold"

    def to_dict(self) -> dict[str, Any]:
        """The table as plain values."""
        said: dict[str, Any] = plain(
            {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "details"}
        )
        return {**said, "status": self.status}


def known_tables(view: View) -> list[KnownTable]:
    """Every source and table, as defined and as published; what is loaded first, then what is built."""
    project = view.project
    stored = project.store.snapshot() if project.embedded else None
    present: Mapping[str, Any] = stored.tables if stored else _elsewhere(view)
    definitions = project.definitions
    sources = {source.table or source.name: source for source in definitions.sources.values()}
    others = sorted(
        set(present) - set(sources) - set(definitions.tables), key=lambda item: (item.endswith(REJECTS), item)
    )
    names = dict.fromkeys([*sources, *others, *sorted(definitions.tables)])
    found = []
    for name in names:
        definition = sources.get(name) or definitions.tables.get(name)
        kind: Kind = "source" if name in sources else "table" if definition else _kind(name, names)
        found.append(_known(name, kind, definition, present.get(name), present.get(f"{name}{REJECTS}")))
    return found


def _kind(name: str, names: Mapping[str, Any]) -> Kind:
    return "quarantine" if name.endswith(REJECTS) and name.removesuffix(REJECTS) in names else "other"


def _elsewhere(view: View) -> Mapping[str, Any]:
    """The tables of a warehouse that keeps no versions."""
    with view.warehouse() as warehouse:
        return {name: warehouse.version(name) for name in warehouse.tables()}


def _known(name: str, kind: Kind, definition: Any, present: Any, rejects: Any) -> KnownTable:
    details = present.details if isinstance(present, StoredTable) else {}
    columns = present.columns if isinstance(present, StoredTable) else {}
    declared = details.get("declaration") or {}
    return KnownTable(
        name=name,
        kind=kind,
        inputs=_inputs(name, kind, definition, details),
        rows=present.rows if present else None,
        version_id=(present.version_id or "now") if present else "",
        fingerprint=present.fingerprint if present else "",
        published_at=present.published_at if present else "",
        tests=tuple(Check(**check) for check in details.get("tests", ())),
        rejected=rejects.rows if rejects else None,
        description=_said(definition, declared, "description"),
        owner=_said(definition, declared, "owner"),
        where=_place(definition),
        columns=columns,
        details=details,
    )


def _said(definition: Any, declared: Mapping[str, Any], name: str) -> str:
    own = getattr(definition, name, "") or getattr(getattr(definition, "declaration", None), name, "")
    return str(own or declared.get(name, ""))


def _place(definition: Any) -> str:
    where = getattr(definition, "where", "")
    return str(where() if callable(where) else where)


def _inputs(name: str, kind: str, definition: Any, details: Mapping[str, Any]) -> tuple[str, ...]:
    if kind == "quarantine":
        return (name.removesuffix(REJECTS),)
    if details.get("inputs"):
        return tuple(details["inputs"])
    references = getattr(definition, "references", ())
    return tuple(dict.fromkeys(found.table for found in references if found.table.casefold() != name.casefold()))


def known_table(view: View, name: str) -> KnownTable:
    """The source or table of that name.

    Raises:
        UnknownNameError: There is none.
    """
    tables = {table.name: table for table in known_tables(view)}
    if name not in tables:
        raise unknown_name("table", name, tables, where="/data")
    return tables[name]


def stations(tables: Sequence[KnownTable]) -> list[Station]:
    """The tables as boxes of a graph, quarantine tables apart."""
    return [
        Station(
            name=table.name,
            inputs=table.inputs,
            status=table.status,
            detail=_detail(table),
            href=address("data", table.name),
        )
        for table in tables
        if table.kind != "quarantine"
    ]


def _detail(table: KnownTable) -> str | None:
    """What is wrong with it, in a few words; else how many rows it has."""
    if not table.version_id:
        return "not published"
    failed = sum(check.status != "passed" for check in table.tests)
    if failed:
        return f"{'✗' if table.status == 'bad' else '!'} {failed} of {len(table.tests)} tests fail"
    if table.rejected:
        return f"! {table.rejected:,} rows rejected"
    return None if table.rows is None else f"{table.rows:,} rows"
