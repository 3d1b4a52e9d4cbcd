"""How a table is kept between builds: whole, by time, by key, or with its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from steelyard.errors import DefinitionError, unknown_name
from steelyard.pipeline.duration import parse_duration

__all__ = ["Materialise"]

WAYS = ("full", "incremental", "by_key", "history")


@dataclass(frozen=True, kw_only=True)
class Materialise:
    """How a table is kept between builds.

    Args:
        how: `full` is made anew; `incremental` makes anew the rows from its newest time less `look_back` on; `by_key`
            puts new rows in the place of old ones with their key and keeps keys that are gone; `history` keeps every
            state of a row with `valid_from`, `valid_to` and `is_current`.
        time: The column that orders it; the header's `time` where it is empty. For `history` it says when a state
            began; without one a state began at the build that first saw it.
        look_back: How late a row may come and still be taken in: `3 days`.
        key: The key of `by_key` and `history`; the header's `key` where it is empty.
        ignore: Columns of a `history` whose change alone opens no new state.
        deletes: Whether a key that is gone from the input of a `history` is closed or kept as it was.
        late_rows: `count` compares the rows before the look-back with what is kept and says so when they differ;
            `ignore` saves that scan.
        on_change: What a changed definition does to `incremental` and `by_key`: `rebuild` the whole, or `keep` what
            was built with the old one.
    """

    how: str = "full"
    time: str = ""
    look_back: str = "0 days"
    key: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    deletes: Literal["close", "keep"] = "close"
    late_rows: Literal["count", "ignore"] = "count"
    on_change: Literal["rebuild", "keep"] = "rebuild"

    def __post_init__(self) -> None:
        if self.how not in WAYS:
            raise unknown_name("way to keep a table", self.how, WAYS)
        parse_duration(self.look_back)
        options = {"ignore": self.ignore, "deletes": self.deletes != "close"}
        if self.how != "history" and any(options.values()):
            given = ", ".join(name for name, value in options.items() if value)
            raise DefinitionError(f"{given!r} means nothing to a table kept as {self.how!r}", hint="how: history")

    @property
    def look_back_time(self) -> timedelta:
        """The look-back as a length of time."""
        return parse_duration(self.look_back)
