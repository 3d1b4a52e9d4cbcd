"""What a load remembers until the next one: the cursor, the files that are in the table, the last loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steelyard.pipeline.sources.scan import FileFacts

__all__ = ["LoadState"]

KEPT_LOADS = 30


@dataclass
class LoadState:
    """What a load remembers; plain JSON in the store's state under `load/<source>`.

    Args:
        cursor: The largest cursor that was loaded and is not in the future, as text; empty before.
        files: Content hash -> file, bytes, lines, clean_end, and whether it is the newest content under its name.
        loads: The last loads, newest last: load_id, at, rows, rejected, seconds.
    """

    cursor: str = ""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    loads: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> LoadState:
        """The state that was kept; a fresh one where there is none."""
        return cls(**kept) if kept else cls()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"cursor": self.cursor, "files": self.files, "loads": self.loads[-KEPT_LOADS:]}

    def remember(self, files: tuple[FileFacts, ...], *, replaced: bool) -> None:
        """Notes that the files' content is in the table.

        Content that a file had before is forgotten where it was replaced, so that it counts as new should it return.
        """
        for file in files:
            for sha256, record in list(self.files.items()):
                if record["file"] == file.label and sha256 != file.sha256:
                    if replaced:
                        del self.files[sha256]
                    else:
                        record["latest"] = False
            self.files[file.sha256] = {
                "file": file.label,
                "bytes": file.bytes,
                "lines": file.lines,
                "clean_end": file.clean_end,
                "latest": True,
            }
