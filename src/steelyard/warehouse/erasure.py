"""Takes a person's rows out of every kept version of the tables that hold them."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steelyard.canonical import canonical_json, plain
from steelyard.errors import DefinitionError, WarehouseError, unknown_name
from steelyard.warehouse.append_log import AppendLog
from steelyard.warehouse.catalog import Catalog, final
from steelyard.warehouse.duckdb_open import open_duckdb
from steelyard.warehouse.durable import held, put_if_absent, sync_folder
from steelyard.warehouse.ledger import Ledger
from steelyard.warehouse.ledger_entry import Entry
from steelyard.warehouse.query import Value, quote_name, quote_text
from steelyard.warehouse.snapshot import DataFile, StoredTable, stored_table
from steelyard.warehouse.staging import Staging
from steelyard.warehouse.store import Store

if TYPE_CHECKING:
    import duckdb

__all__ = ["Erasure", "concerns", "erase", "erasures", "finish_erasures"]


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One erasure of a store.

    Args:
        number: Its number in this store, from 1.
        at: When, UTC, ISO.
        who: Who asked for it.
        why: Why.
        person: Salted, slow digest (scrypt) of the person's id, and the salt; see `concerns`.
        tables: Table -> `rows` (files' rows taken away, a shared file counted once), `versions` (their numbers),
            `ids` (version_id before -> after).
        logs: Append log -> rows taken away.
        unreached: Versions of the tables that have no such column, as `table@version_id`.
    """

    number: int
    at: str
    who: str
    why: str
    person: str
    tables: Mapping[str, Mapping[str, Any]]
    logs: Mapping[str, int]
    unreached: tuple[str, ...]


def erase(
    store: Store,
    ledger: Ledger,
    tables: Mapping[str, str],
    person: Value,
    *,
    who: str,
    why: str,
    logs: Sequence[tuple[AppendLog, str]] = (),
) -> Erasure:
    """Takes a person's rows out of every kept version, and writes an "erasure" entry into the ledger.

    The files that held such rows are written anew and removed; version numbers stay, version ids and fingerprints move,
    and `StoredTable.erased` says so, for a replay that reads that version. In the details of those versions, texts
    equal to the id and everything called `examples` are blanked. What the ledger keeps (fetches of studies) are
    aggregates and stay. It holds commits back while it runs; a kill leaves all or nothing of it visible, and
    `finish_erasures` (or the next `erase`) completes the entry and the removal.

    Not reached: the sources that the tables were loaded from, copies made elsewhere, and tables that are not named:
    name the tables of rejected rows too.

    Args:
        store: The store.
        ledger: Where it is recorded: counts, version ids, and a salted digest in the place of the id.
        tables: Table -> the column that holds the person's id, or a condition in DuckDB's SQL about `$person` (a text).
        person: The id.
        who: Who asked for it.
        why: Why.
        logs: Append logs, each with the field that holds the id.

    Raises:
        DefinitionError: It does not say who or why.
        UnknownNameError: A table is in no kept version, or its column is in none of its versions.
        WarehouseError: The disk is full; nothing was erased.
    """
    for said, text in (("who", who), ("why", why)):
        if not text.strip():
            raise DefinitionError(f"the erasure does not say {said}", where="erase", hint="a year later it is asked")
    finish_erasures(store, ledger)
    catalog = store.catalog
    with ExitStack() as held_open:
        held_open.enter_context(held(catalog.publishing))
        work = _Work(catalog, tables, person, held_open)
        changes = work.changes()
        in_logs = {log.name: log.erase(field, str(person)) for log, field in logs}
        number = len(catalog.erasure_numbers()) + 1
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        records, summary = work.publish(changes, number, at)
        body = {
            "format": 1,
            "number": number,
            "at": at,
            "who": who,
            "why": why,
            "person": _salted(str(person)),
            "tables": summary,
            "logs": in_logs,
            "unreached": sorted(work.unreached),
            "records": records,
            "remove": sorted(work.orphans(records)),
        }
        path = catalog.erasures / f"{number:08d}.json"
        if not put_if_absent(path, canonical_json(body).encode(), catalog.staging):
            raise WarehouseError(f"erasure {number} is there already", where=str(path))
    finish_erasures(store, ledger)
    return _erasure(body)


def erasures(store: Store) -> tuple[Erasure, ...]:
    """Every erasure of a store, oldest first."""
    return tuple(_erasure(store.catalog.erasure(number)) for number in store.catalog.erasure_numbers())


def concerns(erasure: Erasure, person: Value) -> bool:
    """Whether an erasure was of this person; slow on purpose, so that ids are not tried in bulk."""
    salt = erasure.person.split(":")[1]
    return secrets.compare_digest(erasure.person, _salted(str(person), salt))


def finish_erasures(store: Store, ledger: Ledger) -> tuple[Entry, ...]:
    """Completes erasures that were cut short by a kill: the ledger's entry, and the removal of the old files.

    Returns:
        The entries that were written.
    """
    catalog, written = store.catalog, []
    for number in catalog.erasure_numbers():
        done = catalog.erasures / f"{number:08d}.done"
        if done.exists():
            continue
        with held(catalog.publishing):
            body = catalog.erasure(number)
            told = {key: value for key, value in body.items() if key not in ("records", "remove")}
            if not any(entry.body == told for entry in ledger.entries(kind="erasure")):
                written.append(ledger.append("erasure", ", ".join(sorted(body["tables"])) or "logs", told))
            for path in body["remove"]:
                (catalog.folder / path).unlink(missing_ok=True)
            done.touch()
            sync_folder(catalog.erasures)
    return tuple(written)


class _Work:
    """The rewriting of one erasure, before anything of it can be seen."""

    def __init__(self, catalog: Catalog, tables: Mapping[str, str], person: Value, held_open: ExitStack) -> None:
        self.catalog, self.tables, self.person = catalog, tables, str(plain(person))
        self.staging = held_open.enter_context(Staging(catalog))
        self.connection: duckdb.DuckDBPyConnection = held_open.enter_context(open_duckdb())
        self.erased = catalog.erased_records()
        self.versions = {number: catalog.entry(number)["tables"] for number in catalog.numbers()}
        self.unreached: set[str] = set()
        self._rewritten: dict[tuple[str, str, tuple[str, ...]], DataFile | None] = {}

    def changes(self) -> dict[str, tuple[DataFile, ...]]:
        """Record -> its files after the erasure, for each record of a named table that held the person's rows."""
        found = {}
        for name, column in self.tables.items():
            records = {final(names[name], self.erased) for names in self.versions.values() if name in names}
            if not records:
                known = {table for names in self.versions.values() for table in names}
                raise unknown_name("table", name, known, where=str(self.catalog.folder))
            reached = [record for record in sorted(records) if self._reaches(record, column)]
            if not reached:
                columns = {item for record in records for item in self.catalog.table(record).columns}
                raise unknown_name("column", column, columns, where=name)
            for record in reached:
                table = self.catalog.table(record)
                files = tuple(self._without(table, file, column) for file in table.files)
                if files != table.files:
                    found[record] = tuple(file for file in files if file and file.rows) or self._empty(table)
        return found

    def _reaches(self, record: str, column: str) -> bool:
        table = self.catalog.table(record)
        if column in table.columns or "$person" in column:
            return True
        self.unreached.add(f"{table.name}@{table.version_id}")
        return False

    def _without(self, table: StoredTable, file: DataFile, column: str) -> DataFile | None:
        key = (table.name, file.path, file.lacks)
        if key not in self._rewritten:
            self._rewritten[key] = self.staging.without(self.connection, table, file, self._predicate(table, column))
        return self._rewritten[key]

    def _predicate(self, table: StoredTable, column: str) -> str:
        if column in table.columns:
            return f"{quote_name(column)} = CAST({quote_text(self.person)} AS {table.columns[column]})"
        return column.replace("$person", quote_text(self.person))

    def _empty(self, table: StoredTable) -> tuple[DataFile, ...]:
        relation = table.relation(str(self.catalog.folder))
        return (self.staging.write(self.connection, f"SELECT * FROM {relation} LIMIT 0", where=table.name).file,)

    def publish(
        self, changes: Mapping[str, tuple[DataFile, ...]], number: int, at: str
    ) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
        """Writes the new files and records; returns record before -> after, and what to tell of each table."""
        records: dict[str, str] = {}
        told: dict[str, dict[str, Any]] = {name: {"rows": 0, "versions": [], "ids": {}} for name in self.tables}
        for record, files in changes.items():
            before = self.catalog.table(record)
            published = tuple(self.staging.publish(before.name, file) for file in files)
            rows = (before.rows or 0) - sum(file.rows for file in files)
            note = {"erasure": number, "at": at, "rows": rows, "was": before.version_id}
            after = stored_table(
                before.name,
                before.columns,
                published,
                published_at=before.published_at,
                details=_blanked(before.details, self.person),
                erased=(*before.erased, note),
            )
            records[record] = self.catalog.put_table(after)
            summary = told[before.name]
            summary["ids"][before.version_id] = after.version_id
            summary["versions"] = sorted({*summary["versions"], *self._numbers(before.name, record)})
        for name, summary in told.items():
            summary["rows"] = self._rows_gone(name, changes)
        return records, told

    def _numbers(self, name: str, record: str) -> list[int]:
        return [number for number, names in self.versions.items() if final(names.get(name, ""), self.erased) == record]

    def _rows_gone(self, name: str, changes: Mapping[str, tuple[DataFile, ...]]) -> int:
        files = {
            file.path: file.rows - after.rows if (after := self._rewritten[name, file.path, file.lacks]) else file.rows
            for record in changes
            if self.catalog.table(record).name == name
            for file in self.catalog.table(record).files
        }
        return sum(files.values())

    def orphans(self, records: Mapping[str, str]) -> set[str]:
        """Paths of the files and records that nothing refers to once the erasure stands."""
        erased = {**self.erased, **records}
        living = {final(record, erased) for names in self.versions.values() for record in names.values()}
        used = {file.path for record in living for file in self.catalog.table(record).files}
        held_before = {file.path for record in records for file in self.catalog.table(record).files}
        return (held_before - used) | {f"tables/{record}.json" for record in records}


def _salted(person: str, salt: str = "") -> str:
    salt = salt or os.urandom(16).hex()
    return f"scrypt:{salt}:{hashlib.scrypt(person.encode(), salt=bytes.fromhex(salt), n=1 << 14, r=8, p=1).hex()}"


def _blanked(details: Any, person: str) -> Any:
    """Details without what is equal to the id, and without examples."""
    if isinstance(details, Mapping):
        return {key: [] if key == "examples" else _blanked(value, person) for key, value in details.items()}
    if isinstance(details, list | tuple):
        return [_blanked(item, person) for item in details]
    same = isinstance(details, str | int) and not isinstance(details, bool) and str(details) == person
    return "(erased)" if same else details


def _erasure(body: Mapping[str, Any]) -> Erasure:
    fields = ("number", "at", "who", "why", "person", "tables", "logs")
    return Erasure(**{name: body[name] for name in fields}, unreached=tuple(body["unreached"]))
