"""A project folder with a store, for tests of loads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.pipeline import LoadReport, load, source_definition
from steelyard.warehouse import Store

COLUMNS = {"id": "BIGINT", "at": "TIMESTAMP", "amount": "DECIMAL(9,2)", "note": "VARCHAR"}


@dataclass
class Place:
    """A folder, its store, and short ways to load and to look."""

    folder: Path

    @property
    def store(self) -> Store:
        return Store.open(self.folder / "store")

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, said: dict[str, Any], name: str = "orders", **how: Any) -> LoadReport:
        return load(source_definition(name, said), self.store, project_folder=self.folder, **how)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.store.warehouse() as warehouse:
            return [tuple(row.values()) for row in warehouse.fetch(sql).to_pylist()]

    def count(self, table: str = "orders") -> int:
        return self.store.snapshot().tables[table].rows or 0

    def rejects(self, table: str = "orders") -> list[tuple[Any, ...]]:
        return self.rows(f"SELECT source, line, reason, raw FROM {table}_rejects ORDER BY source, line, raw")

    def versions(self) -> int:
        return self.store.snapshot().number


def check(report: LoadReport, name: str) -> Any:
    """The check of that name."""
    return next(item for item in report.checks if item.name == name)
