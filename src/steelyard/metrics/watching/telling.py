"""Tells each cause once: what is new and what is over goes to the sinks, what a sink did not take is kept for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from steelyard.errors import SteelyardError, unknown_name
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.watching.alert_log import AlertLog
from steelyard.metrics.watching.cause import Cause
from steelyard.metrics.watching.deliver import deliver
from steelyard.metrics.watching.judge import Judged
from steelyard.metrics.watching.raised import Raised
from steelyard.metrics.watching.watch_report import Delivery, Resolved

__all__ = ["Telling"]


class Telling:
    """What was told, and what is to be told now.

    Args:
        catalog: The definitions, with the sinks.
        folder: What the paths of file sinks are relative to.
        log: What remembers; None remembers nothing and tells nobody.
    """

    def __init__(self, catalog: MetricCatalog, folder: Path, log: AlertLog | None) -> None:
        self.catalog, self.folder, self.log = catalog, folder, log
        self.notes: list[str] = []

    def alone(self) -> AbstractContextManager[None]:
        """Keeps other watches waiting until what this one tells is remembered."""
        return nullcontext() if self.log is None else self.log.alone()

    @cached_property
    def _open(self) -> list[Any]:
        return [] if self.log is None else [dict(record) for record in self.log.open()]

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset() if self.log is None else frozenset(str(record["id"]) for record in self.log.records())

    def _of(self, cause: Cause, last: date) -> list[Any]:
        """What is open and shares a series with the cause, from before."""
        keys = {item.key for item in cause.each}
        return [record for record in self._open if keys & set(record["keys"]) and record["last"] <= last.isoformat()]

    def since(self, cause: Cause, last: date) -> date | None:
        """The day that the same cause was first told on, where it is open since; None where it is new."""
        days = [date.fromisoformat(record["last"]) for record in self._of(cause, last)]
        return min((day for day in days if day < last), default=None)

    def resolved(
        self, judged: Sequence[Judged], raised: Sequence[Raised], *, on: date, watched: Sequence[str]
    ) -> tuple[Resolved, ...]:
        """What is open and no longer fires, as of the day; what was muted or not judged stays open."""
        firing = {item.key for alert in raised for item in alert.cause.each}
        quiet = {
            f"{item.key.rpartition('|')[0]}|{side}" for item in judged if not item.not_judged for side in ("down", "up")
        }
        found = []
        for record in self._open:
            keys = set(record["keys"])
            if record["alert"] not in watched:
                says = f"The alert {record['alert']} is not defined any more."
            elif keys & firing or record["keys"][0] not in quiet or record["last"] >= on.isoformat():
                continue
            else:
                says = f"It is as expected on {on}; it was last told of {record['last']}."
            sinks = tuple(record["to"])
            found.append(Resolved(id=record["id"], title=record["title"], says=says, since=record["last"], to=sinks))
        return tuple(found)

    def told(self, raised: Sequence[Raised], resolved: Sequence[Resolved], *, at: datetime) -> tuple[Delivery, ...]:
        """Remembers what is new, then sends it, and what sinks did not take before.

        What is new is on the disk before it is sent: a watch that is killed in between sends it again, and the message
        carries the same id.
        """
        if self.log is None:
            return ()
        new = [item for item in raised if item.since is None and item.id not in self._ids]
        stamp = at.isoformat(timespec="seconds")
        messages = [*(item.to_dict() for item in new), *(item.to_dict() for item in resolved)]
        self.log.append({**message, "at": stamp} for message in messages)
        return tuple(self._sent(stamp))

    def _sent(self, stamp: str) -> Iterator[Delivery]:
        assert self.log is not None  # noqa: S101 - told() has looked
        for record, name in self.log.unsent():
            problem: SteelyardError | None = None
            note = ""
            if name not in self.catalog.sinks:
                problem = unknown_name("sink", name, self.catalog.sinks, where=str(self.log.path))
            else:
                try:
                    note = deliver(self.catalog.sinks[name], record, self.folder)
                except SteelyardError as error:
                    problem = error
            if problem is None:
                self.log.append(
                    [{"event": "sent", "of": record["event"], "id": record["id"], "sink": name, "at": stamp}]
                )
            yield Delivery(id=str(record["id"]), event=str(record["event"]), sink=name, problem=problem, note=note)
