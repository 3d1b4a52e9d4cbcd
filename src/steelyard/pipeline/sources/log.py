"""What applications appended to an append-only log, each sealed segment once."""

from __future__ import annotations

from dataclasses import replace

from steelyard.canonical import digest
from steelyard.pipeline.sources.file_facts import file_facts
from steelyard.pipeline.sources.json_scan import json_scan
from steelyard.pipeline.sources.reads import LogReads
from steelyard.pipeline.sources.scan import FileFacts, Found, Setting
from steelyard.warehouse import AppendLog

__all__ = ["open_log"]


def open_log(setting: Setting) -> Found:
    """The log's sealed segments that were not loaded before; what was appended so far is sealed first.

    A segment is known by its number: an erasure rewrites it, and what is left of it is not loaded again.
    """
    reads = setting.definition.reads
    assert isinstance(reads, LogReads)  # noqa: S101
    name = reads.log or setting.definition.name
    again = setting.full or setting.asked.back_fill
    files: list[FileFacts] = []
    skipped = 0
    for segment in AppendLog(setting.folder / reads.folder, name).segments():
        identity = digest({"log": name, "segment": segment.number})
        if identity in setting.known and not again:
            skipped += 1
            continue
        facts, _ = file_facts(segment.path, f"{reads.folder}/{name}/{segment.path.name}")
        files.append(replace(facts, sha256=identity))
    scans = (json_scan(setting, files),) if any(file.bytes for file in files) else ()
    recorded = () if setting.asked.back_fill else tuple(files)
    return Found(scans=scans, files=recorded, skipped=skipped, whole=setting.full)
