"""Queries under way: found by `cancel`, stopped by a time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from steelyard.errors import CancelledError, TimeLimitError, WarehouseError

__all__ = ["Running", "RunningQuery"]

_AGAIN = 0.02


class RunningQuery:
    """One query under way, and why it was stopped if it was.

    An engine forgets an interrupt that comes just before it starts, so the interrupt is repeated until the query ends.
    """

    def __init__(
        self, interrupt: Callable[[], None], seconds: float | None, percent: Callable[[], float] | None
    ) -> None:
        self.interrupt, self.seconds, self.percent = interrupt, seconds, percent
        self.ended = threading.Event()
        self.stopped_by: WarehouseError | None = None

    def stop(self, reason: WarehouseError, *, patience: float = 10.0) -> None:
        """Interrupts until the query has ended, at most `patience` seconds."""
        self.stopped_by = self.stopped_by or reason
        give_up = time.monotonic() + patience
        while not self.ended.is_set() and time.monotonic() < give_up:
            self.interrupt()
            self.ended.wait(_AGAIN)

    def check(self) -> None:
        """Raises the reason if the query was stopped."""
        if self.stopped_by is not None:
            raise self.stopped_by

    def watch(self) -> None:
        """Stops the query when its time is over."""
        if self.seconds is not None and not self.ended.wait(self.seconds):
            hint = "give it more time, a narrower range or fewer groups"
            self.stop(TimeLimitError(f"the query took longer than {self.seconds:g} seconds", hint=hint))


class Running:
    """The queries under way in one warehouse."""

    def __init__(self) -> None:
        self._queries: set[RunningQuery] = set()
        self._guard = threading.Lock()

    @contextmanager
    def query(
        self, interrupt: Callable[[], None], timeout: float | None, *, percent: Callable[[], float] | None = None
    ) -> Iterator[RunningQuery]:
        """A query for as long as the block runs; a watcher exists only where there is a time limit."""
        query = RunningQuery(interrupt, timeout, percent)
        with self._guard:
            self._queries.add(query)
        watcher = threading.Thread(target=query.watch, name="steelyard-time-limit", daemon=True)
        if timeout is not None:
            watcher.start()
        try:
            yield query
            query.check()
        finally:
            query.ended.set()
            with self._guard:
                self._queries.discard(query)
            if timeout is not None:
                watcher.join()

    def progress(self) -> float | None:
        """The smallest share that is done of any query; None where none says."""
        with self._guard:  # a query leaves before its cursor is closed
            said = [query.percent() for query in self._queries if query.percent is not None]
        return min((percent / 100 for percent in said if percent >= 0), default=None)

    def cancel(self) -> None:
        """Stops every query that is under way now, and returns when they have ended."""
        with self._guard:
            queries = tuple(self._queries)
        for query in queries:
            query.stop(CancelledError("the query was cancelled"))
