"""What a project has told of its alerts: a small file of JSON lines that is only appended to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from steelyard.errors import DataError
from steelyard.warehouse.durable import disk_errors, held, sync_folder

__all__ = ["AlertLog", "append_lines"]

Record = Mapping[str, Any]
READ = {
    "raised": ("id", "alert", "title", "says", "last"),
    "resolved": ("id", "title", "says"),
    "sent": ("id", "of", "sink"),
}


class AlertLog:
    """The file; a line is in it whole, and on the disk, when `append` returns.

    Args:
        path: The file, made when something is first appended.

    >>> import tempfile
    >>> log = AlertLog(Path(tempfile.mkdtemp()) / "alerts.jsonl")
    >>> said = {"title": "sold is low", "says": "It was 3.", "last": "2026-03-05", "keys": ["sold|down"]}
    >>> log.append([{"event": "raised", "id": "a", "alert": "low", "to": ["ops"], **said}])
    >>> [record["id"] for record in log.open()], [sink for _, sink in log.unsent()]
    (['a'], ['ops'])
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other watches of the same project waiting, so that no two of them tell the same."""
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with held(self.path.with_suffix(".lock")):
            yield

    def records(self) -> list[Record]:
        """Every line, oldest first; a last line that a killed writer left torn was never there.

        Raises:
            DataError: Another line cannot be read.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        found: list[Record] = []
        for number, line in enumerate(lines[:-1], start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                _check(record)
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"line {number} of the alerts that were told cannot be read",
                    where=str(self.path),
                    hint="take the line out; its alert may be told a second time",
                ) from error
            found.append(record)
        return found

    def append(self, records: Iterable[Record]) -> None:
        """Adds lines.

        Raises:
            WarehouseError: The disk is full.
        """
        content = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
        if content:
            append_lines(self.path, content, cut=True)

    def open(self) -> list[Record]:
        """What was raised and not resolved, oldest first."""
        records = self.records()
        over = {record["id"] for record in records if record["event"] == "resolved"}
        return [record for record in records if record["event"] == "raised" and record["id"] not in over]

    def unsent(self) -> list[tuple[Record, str]]:
        """What was raised or resolved, with each sink that has not taken it yet."""
        records = self.records()
        sent = {(record["of"], record["id"], record["sink"]) for record in records if record["event"] == "sent"}
        return [
            (record, sink)
            for record in records
            if record["event"] in ("raised", "resolved")
            for sink in _sinks(record)
            if (record["event"], record["id"], sink) not in sent
        ]


def _check(record: Any) -> None:
    """Refuses a record that lacks what is read of it, or has it of another kind.

    Raises:
        KeyError: Something is not there.
        TypeError: Something is no text, or no list of texts.
        ValueError: Its day is none, or it is of no series.
    """
    raised = record["event"] == "raised"
    said = [record[name] for name in READ.get(record["event"], ("id",))]
    for name in ("keys", "to"):
        listed = record[name] if raised else record.get(name, [])
        if not isinstance(listed, list):
            raise TypeError(f"{name} is no list")
        said += listed
    if not all(isinstance(text, str) for text in said):
        raise TypeError("a text is none")
    if raised:
        date.fromisoformat(record["last"])
        if not record["keys"]:
            raise ValueError("it is of no series")


def _sinks(record: Record) -> Sequence[str]:
    return tuple(record.get("to", ()))


def append_lines(path: Path, content: bytes, *, cut: bool = False) -> None:
    """Appends whole lines and forces them to the disk.

    Args:
        path: The file; it and its folder are made where they are absent.
        content: Lines, each with its end.
        cut: Whether a last line that was left torn is cut off; else it is ended, and stays.

    Raises:
        WarehouseError: The disk is full, or the place may not be written; the file is as it was.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with held(path), path.open("r+b") as file:
            size = whole = file.seek(0, os.SEEK_END)
            if size and not _ends_a_line(file.fileno(), size):
                whole = path.read_bytes().rfind(b"\n") + 1 if cut else size
                content = content if cut else b"\n" + content
            file.truncate(whole)
            try:
                file.seek(whole)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(whole)
                raise
        if new:
            sync_folder(path.parent)


def _ends_a_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
