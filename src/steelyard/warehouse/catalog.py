"""A store's numbered log on disk, and the records of its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from steelyard.canonical import canonical_json, digest_of_bytes
from steelyard.errors import NoVersionError, WarehouseError
from steelyard.warehouse.durable import put_if_absent
from steelyard.warehouse.snapshot import Snapshot, StoredTable

__all__ = ["Catalog"]


class Catalog:
    """The folders of a store: `log` (numbered entries), `tables` (records), `erasures`, `data`, `staging`.

    A log entry is a file that is linked into place under the next number, so that of two writers one wins; it names
    the digest of each table's record, so that versions that share a table share its record. An erasure puts other
    records in the place of those that held the person's rows, and is itself one file linked into place.

    Args:
        folder: The store's folder.
    """

    FOLDERS = ("log", "tables", "erasures", "data", "staging")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log, self.tables, self.erasures, self.data, self.staging = (folder / name for name in self.FOLDERS)
        self.publishing = folder / "publishing.lock"
        self._known: dict[str, StoredTable] = {}

    def numbers(self) -> list[int]:
        """The numbers of the log's entries, in order."""
        return sorted(int(path.stem) for path in self.log.glob("*.json"))

    def entry(self, number: int) -> dict[str, Any]:
        """One log entry as it is written."""
        path = self.log / f"{number:020d}.json"
        try:
            entry: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise self._absent(number) from None
        except ValueError as error:
            raise WarehouseError(f"entry {number} of the store's log is damaged: {error}", where=str(path)) from error
        if entry.get("format") != 1:
            hint = "it was written by a newer Steelyard: upgrade this one"
            problem = f"entry {number} of the store's log has format {entry.get('format')}"
            raise WarehouseError(problem, where=str(path), hint=hint)
        return entry

    def _absent(self, number: int) -> WarehouseError:
        numbers = self.numbers()
        if not self.log.exists():
            hint = "bring its folder back from where it was moved, or `steelyard refresh` makes a new one"
            return WarehouseError("the store is gone: its folder is not there", where=str(self.folder), hint=hint)
        if not numbers:
            return NoVersionError(f"no version {number}: the store's log is empty", where=str(self.folder))
        kept = f"versions {numbers[0]} to {numbers[-1]} are kept"
        return NoVersionError(f"version {number} of the store does not remain", where=str(self.folder), hint=kept)

    def snapshot(self, number: int) -> Snapshot:
        """One published state, as erasures have left it."""
        entry, erased = self.entry(number), self.erased_records()
        records = {name: final(record, erased) for name, record in entry["tables"].items()}
        return Snapshot(
            number=number,
            parent=entry["parent"],
            published_at=entry["published_at"],
            says=entry["says"],
            tables={name: self.table(record) for name, record in records.items()},
            state=entry["state"],
            records=records,
        )

    def latest(self) -> Snapshot:
        """The newest published state."""
        numbers = self.numbers()
        if not numbers:
            raise self._absent(0)
        return self.snapshot(numbers[-1])

    def table(self, record: str) -> StoredTable:
        """The table of one record."""
        if record not in self._known:
            path = self.tables / f"{record}.json"
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                raise WarehouseError("a table's record is missing from the store", where=str(path)) from None
            if digest_of_bytes(content) != record:
                raise WarehouseError("a table's record is damaged: its digest is not its name", where=str(path))
            self._known[record] = StoredTable.from_dict(json.loads(content))
        return self._known[record]

    def put_table(self, table: StoredTable) -> str:
        """Writes a table's record; returns its digest."""
        content = canonical_json(table.to_dict()).encode()
        record = digest_of_bytes(content)
        put_if_absent(self.tables / f"{record}.json", content, self.staging)
        return record

    def put_entry(
        self, parent: Snapshot | None, says: str, records: Mapping[str, str], state: Mapping[str, Any]
    ) -> int | None:
        """Writes the next log entry; returns its number, or None where another writer took the number first."""
        number = 0 if parent is None else parent.number + 1
        body = {
            "format": 1,
            "number": number,
            "parent": None if parent is None else parent.number,
            "published_at": _later_than(parent),
            "says": says,
            "tables": dict(records),
            "state": dict(state),
        }
        content = canonical_json(body).encode()
        return number if put_if_absent(self.log / f"{number:020d}.json", content, self.staging) else None

    def first_change(self, base: Snapshot, tables: Sequence[str], states: Sequence[str]) -> dict[str, Any]:
        """The first log entry after `base` in which one of the tables or state keys is another."""
        for number in self.numbers():
            entry = self.entry(number) if number > base.number else None
            if entry and (
                any(entry["tables"].get(name) != base.records.get(name) for name in tables)
                or any(entry["state"].get(key) != base.state.get(key) for key in states)
            ):
                return entry
        raise WarehouseError("the store's log has changed under this transaction", where=str(self.folder))

    def erasure_numbers(self) -> list[int]:
        """The numbers of the erasures, in order."""
        return sorted(int(path.stem) for path in self.erasures.glob("*.json"))

    def erasure(self, number: int) -> dict[str, Any]:
        """What one erasure did."""
        return json.loads((self.erasures / f"{number:08d}.json").read_bytes())  # type: ignore[no-any-return]

    def erased_records(self) -> dict[str, str]:
        """Digest of each table record that an erasure replaced -> digest of what stands in its place."""
        return {old: new for number in self.erasure_numbers() for old, new in self.erasure(number)["records"].items()}


def final(record: str, erased: Mapping[str, str]) -> str:
    """The record after all erasures."""
    while record in erased:
        record = erased[record]
    return record


def _later_than(parent: Snapshot | None) -> str:
    """Now, or just after the parent where this machine's clock is behind: publishing times only grow."""
    now = datetime.now(UTC)
    if parent is not None:
        now = max(now, datetime.fromisoformat(parent.published_at) + timedelta(microseconds=1))
    return now.isoformat(timespec="microseconds")
