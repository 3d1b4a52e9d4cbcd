"""Runs that take a while: shared by all who ask the same, stopped when nobody waits for them any more."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from steelyard.errors import CancelledError, UnknownNameError

if TYPE_CHECKING:
    from steelyard.warehouse import Warehouse
    from steelyard.web.made import Made

__all__ = ["TENDED", "Ticket", "Work", "WorkQueue", "gave_up"]

FORSAKEN = 90.0  # seconds without a sign of the asker; a hidden tab asks again once a minute
KEPT = 120.0  # seconds for which what was made waits to be fetched
TENDED = 0.1  # seconds between looks at what was stopped
MOST_TICKETS = 1000


class Work:
    """One run, with the warehouses that it reads.

    Args:
        key: Equal for those who may share it; empty is shared by nobody.
    """

    def __init__(self, key: str = "") -> None:
        self.key, self.began = key, time.monotonic()
        self.future: Future[Made] = Future()
        self._opened: set[Warehouse] = set()
        self._stopped = threading.Event()

    @contextmanager
    def reading(self, warehouse: Warehouse) -> Iterator[Warehouse]:
        """The warehouse, whose queries end when the run is stopped."""
        self.refuse_if_stopped()
        self._opened.add(warehouse)
        try:
            yield warehouse
        finally:
            self._opened.discard(warehouse)

    def refuse_if_stopped(self) -> None:
        """Raises where it was stopped."""
        if self._stopped.is_set():
            raise gave_up()

    @property
    def stopped(self) -> bool:
        """Whether somebody stopped it."""
        return self._stopped.is_set()

    @property
    def done(self) -> bool:
        """Whether it came to an end."""
        return self.future.done()

    def seconds(self) -> float:
        """How long ago it was asked for."""
        return time.monotonic() - self.began

    def progress(self) -> float | None:
        """The share of the present query that is done; None where the engine does not say."""
        said = [found for warehouse in tuple(self._opened) if (found := warehouse.progress()) is not None]
        return max(said, default=None)

    def stop(self) -> None:
        """Ends what it runs now, and lets it begin nothing more."""
        self._stopped.set()
        self.future.cancel()  # where it has not begun
        for warehouse in tuple(self._opened):
            warehouse.cancel()


def gave_up() -> CancelledError:
    """The error of a run that was stopped."""
    return CancelledError("this was cancelled", hint="ask again, or for a narrower range or fewer groups")


class Ticket:
    """One asker's claim to a run.

    Args:
        work: The run.
        path: The address that asked for it.
        holder: Who asked: nobody else may hold the ticket.
    """

    def __init__(self, work: Work, path: str, holder: str) -> None:
        self.id, self.work, self.path, self.holder = token_urlsafe(16), work, path, holder
        self.seen = time.monotonic()

    def wait(self) -> None:
        """The asker stays on the line, and gives the ticket back when it hangs up."""
        self.seen = math.inf


class WorkQueue:
    """Runs of which some happen at one time, each in a thread.

    Args:
        at_once: How many.
    """

    def __init__(self, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="steelyard-query")
        self._turn = threading.Lock()
        self._shared: dict[str, Work] = {}
        self._tickets: dict[str, Ticket] = {}
        self._tending = False

    def ask(self, key: str, run: Callable[[Work], Made], lease: ExitStack, *, path: str, holder: str) -> Ticket:
        """A ticket for a new run, or for one under way that has the same key.

        Args:
            key: As for `Work`.
            run: Makes it; it raises nothing.
            lease: Closed when the run has ended, or is not needed.
            path: As for `Ticket`.
            holder: As for `Ticket`.
        """
        with self._turn:
            work = self._shared.get(key) if key else None
            if work is None or work.stopped:
                work = self._start(key, run, lease)
            else:
                lease.close()
            ticket = Ticket(work, path, holder)
            self._tickets[ticket.id] = ticket
            self._drop_oldest()
        return ticket

    def _start(self, key: str, run: Callable[[Work], Made], lease: ExitStack) -> Work:
        work = Work(key)
        if key:
            self._shared[key] = work

        def whole() -> None:
            with lease:
                if work.future.set_running_or_notify_cancel():
                    work.future.set_result(run(work))
            with self._turn:
                if self._shared.get(key) is work:
                    del self._shared[key]

        self._threads.submit(whole)
        if not self._tending:
            self._tending = True
            threading.Thread(target=self._tend, name="steelyard-work", daemon=True).start()
        return work

    def ticket(self, number: str, holder: str) -> Ticket:
        """The ticket of that id, which has now been seen.

        Raises:
            UnknownNameError: There is none, or it is another's.
        """
        with self._turn:
            found = self._tickets.get(number)
            if found is None or found.holder != holder:
                raise UnknownNameError(
                    "nothing runs under that id", where="work", hint="it ended a while ago: ask for the page again"
                )
            found.seen = time.monotonic()
            return found

    def drop(self, ticket: Ticket) -> None:
        """Gives the ticket back; a run that nobody else waits for is stopped."""
        with self._turn:
            self._tickets.pop(ticket.id, None)
            wanted = any(other.work is ticket.work for other in self._tickets.values())
        if not wanted and not ticket.work.done:
            ticket.work.stop()

    def close(self) -> None:
        """Stops everything."""
        with self._turn:
            works = {ticket.work for ticket in self._tickets.values()} | set(self._shared.values())
            self._tickets.clear()
        for work in works:
            if not work.done:
                work.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _drop_oldest(self) -> None:
        """What was made and not fetched does not pile up."""
        if len(self._tickets) > MOST_TICKETS:
            for ticket in [item for item in self._tickets.values() if item.work.done][: MOST_TICKETS // 10]:
                del self._tickets[ticket.id]

    def _tend(self) -> None:
        """Drops what nobody waits for, and ends the queries that a stopped run begins all the same."""
        while True:
            time.sleep(TENDED)
            with self._turn:
                tickets = tuple(self._tickets.values())
                if not tickets and not self._shared:
                    self._tending = False
                    return
                stopped = {work for work in self._shared.values() if work.stopped and not work.done}
            now = time.monotonic()
            for ticket in tickets:
                if now - ticket.seen > (KEPT if ticket.work.done else FORSAKEN):
                    self.drop(ticket)
            for work in stopped | {ticket.work for ticket in tickets if ticket.work.stopped and not ticket.work.done}:
                work.stop()
