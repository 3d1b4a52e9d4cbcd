"""Files of a source: found by path or glob, told apart by their content, read in groups of one shape."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steelyard.errors import DataError, DefinitionError
from steelyard.pipeline.sources.csv_scan import csv_scan, read_header
from steelyard.pipeline.sources.file_facts import file_facts, numbered_lines
from steelyard.pipeline.sources.json_scan import json_scan
from steelyard.pipeline.sources.reads import FilesReads
from steelyard.pipeline.sources.scan import FileFacts, Found, Scan, Setting
from steelyard.warehouse import quote_text

__all__ = ["find_files", "open_files", "parquet_scan"]

_FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
_FORMATS |= {".parquet": "parquet", ".pq": "parquet"}


def open_files(setting: Setting) -> Found:
    """What the files of a source hold that was not loaded before.

    A file is known by the hash of its content, so a renamed one is not loaded again. A file that only grew is read
    from where it ended (CSV, JSON lines); one that changed otherwise is merged by key, or is an error without a key.

    Raises:
        DataError: No file is there, one cannot be read, or one changed and there is no key to merge it by.
    """
    reads = setting.definition.reads
    assert isinstance(reads, FilesReads)  # noqa: S101
    paths = find_files(reads.path, setting.folder)
    facts = list(_distinct(_looked_at(setting, paths)))
    twins = tuple(file.label for file, twin in facts if twin)
    files = [file for file, twin in facts if not twin]
    everything = setting.full or setting.asked.back_fill
    if setting.definition.mode == "replace" and not everything:
        everything = {file.sha256 for file in files} != set(setting.known)
        fresh = files if everything else []
    else:
        fresh = files if everything else [file for file in files if file.sha256 not in setting.known]
    if not everything:
        fresh = [_grown_or_new(setting, file, files) for file in fresh]
    scans = tuple(_scans(setting, fresh, reads))
    whole = setting.full or (setting.definition.mode == "replace" and bool(fresh) and not setting.asked.back_fill)
    recorded = () if setting.asked.back_fill else tuple(files)
    return Found(scans=scans, files=recorded, skipped=len(files) - len(fresh), twins=twins, whole=whole)


def find_files(patterns: Sequence[str], folder: Path) -> list[tuple[Path, str]]:
    """The files that the paths and globs name, sorted, each once, with the label that messages give them.

    Raises:
        DataError: A path is not there, or a glob finds nothing.
    """
    found: dict[Path, str] = {}
    for pattern in patterns:
        whole = str(folder / pattern)
        matches = sorted(Path(path) for path in glob.glob(whole, recursive=True) if Path(path).is_file())  # noqa: PTH207
        if not matches:
            is_glob = any(mark in pattern for mark in "*?[")
            problem = f"no file matches {pattern!r}" if is_glob else f"there is no file {pattern!r}"
            raise DataError(problem, where=str(folder), hint="paths are relative to the project's folder")
        for path in matches:
            found.setdefault(path, str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path))
    return sorted(found.items(), key=lambda item: item[1])


def _looked_at(setting: Setting, paths: Sequence[tuple[Path, str]]) -> Iterator[FileFacts]:
    for number, (path, label) in enumerate(paths):
        setting.tell(number, len(paths), f"looking at {label}")
        before = _last_content(setting.known, label)
        facts, prefix = file_facts(path, label, before=int(before["bytes"]) if before else 0)
        if before and prefix == before["sha256"] and before["bytes"] < facts.bytes:
            facts = replace(facts, skip=int(before["bytes"]), first_line=int(before["lines"]))
        yield facts


def _last_content(known: Mapping[str, Mapping[str, Any]], label: str) -> Mapping[str, Any] | None:
    for sha256, record in known.items():
        if record["file"] == label and record.get("latest", True):
            return {**record, "sha256": sha256}
    return None


def _distinct(files: Iterator[FileFacts]) -> Iterator[tuple[FileFacts, bool]]:
    seen: set[str] = set()
    for file in files:
        yield file, file.sha256 in seen
        seen.add(file.sha256)


def _grown_or_new(setting: Setting, file: FileFacts, files: Sequence[FileFacts]) -> FileFacts:
    """The file as it is to be read: whole where it is new or merged by key, its end where it grew."""
    before = _last_content(setting.known, file.label)
    form = _format(file, setting.definition.reads)
    if before is None or setting.definition.mode != "append":
        return replace(file, skip=0, first_line=0)
    if file.skip and before["clean_end"] and form != "parquet" and file.path.suffix != ".gz":
        return _tail(setting, file)
    moved = any(other.sha256 == before["sha256"] for other in files)
    if moved or not before["bytes"]:
        return replace(file, skip=0, first_line=0)
    why = "its last line had no end when it was loaded" if file.skip else "its content changed"
    problem = f"{file.label!r} was loaded before and {why}; its rows cannot be told from those that are there"
    hint = "give the source a `key:` to merge by, load everything again with full=True, or give the file a new name"
    raise DataError(problem, where=file.label, hint=hint)


def _tail(setting: Setting, file: FileFacts) -> FileFacts:
    """The end of a grown file as a file beside, under the header of the whole."""
    import shutil

    reads = setting.definition.reads
    assert isinstance(reads, FilesReads)  # noqa: S101
    headed = _format(file, reads) == "csv" and reads.header
    target = setting.scratch / f"{file.sha256}{file.path.suffix}"
    with file.path.open("rb") as source, target.open("wb") as sink:
        if headed:
            sink.write(next(numbered_lines(file.path))[1])
        source.seek(file.skip)
        shutil.copyfileobj(source, sink, 1 << 20)
    new = file.lines - file.first_line + int(headed)
    return replace(file, path=target, lines=new, first_line=file.first_line - int(headed))


def _format(file: FileFacts, reads: Any) -> str:
    if reads.format:
        return str(reads.format)
    suffix = Path(file.label.removesuffix(".gz")).suffix.lower()
    if suffix not in _FORMATS:
        raise DefinitionError(f"what format is {file.label!r}?", hint="add `format: csv`, jsonl or parquet")
    return _FORMATS[suffix]


def _scans(setting: Setting, files: Sequence[FileFacts], reads: FilesReads) -> Iterator[Scan]:
    groups: dict[tuple[Any, ...], list[FileFacts]] = {}
    for file in files:
        form = _format(file, reads)
        if form == "csv":
            names = read_header(file, reads, tuple(setting.definition.columns))
            if names:
                groups.setdefault((form, names), []).append(file)
        elif form == "jsonl":
            if file.bytes:
                groups.setdefault((form,), []).append(file)
        else:
            groups.setdefault((form, file.label), []).append(file)
    for (form, *rest), members in groups.items():
        if form == "csv":
            yield csv_scan(setting, members, rest[0], reads)
        elif form == "jsonl":
            yield json_scan(setting, members)
        else:
            yield parquet_scan(setting, members[0])


def parquet_scan(setting: Setting, file: FileFacts) -> Scan:
    """The rows of a Parquet file, as its columns are typed.

    Raises:
        DataError: It is no Parquet file.
    """
    relation = f"read_parquet({quote_text(str(file.path))}, hive_partitioning = false)"
    try:
        described = setting.connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    except Exception as error:
        from steelyard.warehouse.duckdb_errors import condense, is_engine_error

        if not is_engine_error(error):
            raise
        raise DataError(f"this is no Parquet file: {condense(str(error))}", where=file.label) from error
    columns = {name: kind for name, kind, *_ in described}
    return Scan(label=file.label, relation=relation, columns=columns, files=(file,))
