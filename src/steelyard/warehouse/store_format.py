"""The format of a store's folder, and the steps from older formats."""

from __future__ import annotations

import json

from steelyard.canonical import canonical_json
from steelyard.errors import WarehouseError
from steelyard.warehouse.catalog import Catalog
from steelyard.warehouse.durable import held, replace_file
from steelyard.warehouse.migrate import migrate

__all__ = ["open_format"]


def open_format(catalog: Catalog, *, create: bool) -> None:
    """Checks that a folder holds a store of the present format; makes one, or migrates an older one.

    Raises:
        WarehouseError: There is no store, the folder holds something else, or the format is newer.
    """
    if (catalog.folder / "store.json").exists() and _format(catalog) == len(_STEPS):
        return
    if not (catalog.folder / "store.json").exists():
        _may_be_made(catalog, create=create)
    catalog.folder.mkdir(parents=True, exist_ok=True)
    with held(catalog.publishing):
        present = _format(catalog) if (catalog.folder / "store.json").exists() else 0
        migrate(catalog, present, _STEPS, record=_record, what="store", where=str(catalog.folder))


def _may_be_made(catalog: Catalog, *, create: bool) -> None:
    if not create:
        raise WarehouseError("there is no store here", where=str(catalog.folder), hint="load or build something first")
    strangers = [path.name for path in catalog.folder.iterdir()] if catalog.folder.exists() else []
    strangers = sorted(set(strangers) - {*Catalog.FOLDERS, catalog.publishing.name})
    if strangers:
        hint = "a store needs a folder of its own"
        raise WarehouseError(f"the folder holds {strangers[0]!r} and no store", where=str(catalog.folder), hint=hint)


def _format(catalog: Catalog) -> int:
    path = catalog.folder / "store.json"
    try:
        return int(json.loads(path.read_bytes())["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise WarehouseError("the store's format cannot be read", where=str(path)) from error


def _record(catalog: Catalog, number: int) -> None:
    content = canonical_json({"format": number, "what": "a Steelyard store"}).encode()
    replace_file(catalog.folder / "store.json", content, catalog.staging)


def _begin(catalog: Catalog) -> None:
    """0 to 1: an empty log; a store that died between its first entry and its record has it already."""
    for folder in (catalog.log, catalog.tables, catalog.data, catalog.staging):
        folder.mkdir(exist_ok=True)
    if not catalog.numbers():
        catalog.put_entry(None, "an empty store", {}, {})


def _with_erasures(catalog: Catalog) -> None:
    """1 to 2: a folder for erasures, which format 1 did not know; a Steelyard of that time would not see them."""
    catalog.erasures.mkdir(exist_ok=True)


_STEPS = (_begin, _with_erasures)
