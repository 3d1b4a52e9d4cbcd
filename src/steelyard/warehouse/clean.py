"""Takes away what nothing refers to any more."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from steelyard.errors import DefinitionError
from steelyard.warehouse.catalog import Catalog, final
from steelyard.warehouse.durable import held

__all__ = ["Cleaned", "clean"]


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What was taken away.

    Args:
        versions: Numbers of the versions that can no longer be read.
        files: How many files.
        bytes: Their size.
    """

    versions: tuple[int, ...]
    files: int
    bytes: int


def clean(
    catalog: Catalog, *, keep_last: int | None, keep: Collection[int], grace: timedelta, now: datetime | None = None
) -> Cleaned:
    """Takes away old versions, and files that no remaining version refers to; see `Store.clean`."""
    if keep_last is not None and keep_last < 1:
        raise DefinitionError(f"keep_last = {keep_last} would leave no version", hint="give 1 or more")
    before = (now or datetime.now(UTC)) - grace
    with held(catalog.publishing):
        versions = tuple(_retired(catalog, keep_last, keep, before))
        for number in versions:
            (catalog.log / f"{number:020d}.json").unlink()
        sizes = [_remove(path) for path in _unreferenced(catalog, before)]
        sizes += [_remove(path) for path in _abandoned(catalog, before)]
    return Cleaned(versions=versions, files=len(sizes), bytes=sum(sizes))


def _retired(catalog: Catalog, keep_last: int | None, keep: Collection[int], before: datetime) -> Iterator[int]:
    """The versions to take away: not among the last, not to be kept, and replaced by a newer one long enough ago."""
    numbers = catalog.numbers()
    for number, newer in pairwise(numbers):
        last = keep_last is None or number > numbers[-1] - keep_last
        if not last and number not in keep and datetime.fromisoformat(catalog.entry(newer)["published_at"]) < before:
            yield number


def _unreferenced(catalog: Catalog, before: datetime) -> Iterator[Path]:
    erased = catalog.erased_records()
    records = {
        final(record, erased) for number in catalog.numbers() for record in catalog.entry(number)["tables"].values()
    }
    files = {file.path for record in records for file in catalog.table(record).files}
    for path in catalog.data.glob("*/*.parquet"):
        if str(path.relative_to(catalog.folder)) not in files and _older(path, before):
            yield path
    for path in catalog.tables.glob("*.json"):
        if path.stem not in records and _older(path, before):
            yield path


def _abandoned(catalog: Catalog, before: datetime) -> Iterator[Path]:
    """Staging that no living transaction holds."""
    for path in catalog.staging.iterdir():
        if not _older(path, before):  # asked before the lock is touched, which would make the folder young
            continue
        if not path.is_dir():
            yield path
            continue
        with held(path / "lock", wait=False) as mine:
            if mine:
                yield path


def _older(path: Path, before: datetime) -> bool:
    return path.stat().st_mtime < before.timestamp()


def _remove(path: Path) -> int:
    if path.is_dir():
        size = sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
        shutil.rmtree(path)
        return size
    size = path.stat().st_size
    path.unlink()
    return size
