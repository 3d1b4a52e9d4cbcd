"""Rows that a generator function of the project gives."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steelyard.errors import DataError, DefinitionError, SteelyardError, unknown_name
from steelyard.pipeline.sources.file_facts import file_facts
from steelyard.pipeline.sources.files import parquet_scan
from steelyard.pipeline.sources.json_scan import json_scan
from steelyard.pipeline.sources.reads import PythonReads
from steelyard.pipeline.sources.row_file import write_rows
from steelyard.pipeline.sources.scan import FileFacts, Found, Scan, Setting

__all__ = ["called", "open_python", "project_function", "scan_rows"]


def open_python(setting: Setting) -> Found:
    """What the generator yields for the range that is asked.

    Raises:
        DefinitionError: The module or the function is not there.
        DataError: The function failed, or yielded something that is neither a mapping nor an Arrow table.
    """
    reads, where = setting.definition.reads, setting.definition.where
    assert isinstance(reads, PythonReads)  # noqa: S101
    function = project_function(reads.generator, setting.folder, where)
    setting.tell(0, None, f"calling {reads.generator}")
    with _paths(setting.folder):
        try:
            rows = called(function, setting, reads.arguments, where)
            scans = scan_rows(setting, rows, label=reads.generator)
        except SteelyardError:
            raise
        except Exception as error:
            problem = f"{reads.generator} failed: {type(error).__name__}: {error}"
            raise DataError(problem, where=where, hint="nothing of this load was stored") from error
    return Found(scans=scans, whole=not (setting.asked.since or setting.asked.until))


def called(function: Callable[..., Any], setting: Setting, given: Mapping[str, Any], where: str) -> Iterable[Any]:
    """What a function gives for the range that is asked, called with those of `since` and `until` that it takes.

    Raises:
        UnknownNameError: It does not take an argument that the definition gives.
    """
    taken = inspect.signature(function).parameters
    takes_all = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in taken.values())
    for name in given:
        if name not in taken and not takes_all:
            raise unknown_name("argument", name, taken, where=where)
    bounds = {"since": setting.asked.since or None, "until": setting.asked.until or None}
    offered = {name: value for name, value in bounds.items() if name in taken}
    result: Iterable[Any] = function(**{**offered, **given})
    return result


def project_function(text: str, folder: Path, where: str) -> Callable[..., Any]:
    """The function that `module:function` names in the project's folder.

    Raises:
        DefinitionError: The module is not there or does not load.
        UnknownNameError: It has no such function.
    """
    module_name, _, name = text.partition(":")
    path = folder / Path(*module_name.split(".")).with_suffix(".py")
    if not path.is_file():
        problem = f"there is no module {str(path.relative_to(folder))!r}"
        raise DefinitionError(problem, where=where, hint="it must lie in the project's folder")
    unique = f"steelyard_project_{os.urandom(4).hex()}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise DefinitionError(f"{str(path)!r} cannot be loaded", where=where)
    module = sys.modules[unique] = importlib.util.module_from_spec(spec)
    with _paths(folder):
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            problem = f"{path.name} failed to load: {type(error).__name__}: {error}"
            raise DefinitionError(problem, where=where) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise unknown_name("function", name, [key for key in vars(module) if not key.startswith("_")], where=where)
    return function  # type: ignore[no-any-return]


@contextmanager
def _paths(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@dataclass
class _Sorted:
    """What was yielded: mappings one by one, Arrow batches into files beside."""

    setting: Setting
    label: str
    tables: list[Path]

    def mappings(self, yielded: Iterable[Any]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for item in yielded:
            if isinstance(item, pa.RecordBatch):
                item = pa.Table.from_batches([item])  # noqa: PLW2901
            if isinstance(item, pa.Table):
                path = self.setting.scratch / f"table-{os.urandom(4).hex()}.parquet"
                pq.write_table(item, path)
                self.tables.append(path)
            elif isinstance(item, list | tuple):
                yield from item
            else:
                yield item


def scan_rows(setting: Setting, yielded: Iterable[Any], *, label: str) -> tuple[Scan, ...]:
    """Mappings, lists of mappings and Arrow tables as pieces of a load."""
    sorted_rows = _Sorted(setting, label, [])
    path = setting.scratch / f"rows-{os.urandom(4).hex()}.jsonl"
    rows = write_rows(sorted_rows.mappings(yielded), path, where=label)
    scans = [parquet_scan(setting, _facts(table, label)) for table in sorted_rows.tables]
    if rows:
        scans.append(json_scan(setting, [_facts(path, label)]))
    return tuple(scans)


def _facts(path: Path, label: str) -> FileFacts:
    """A file beside has no content of its own: what it holds is another row's every time."""
    facts, _ = file_facts(path, label)
    return replace(facts, sha256="")
