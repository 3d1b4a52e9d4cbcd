"""A question's answer as a file of any size, sent while the warehouse makes it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from steelyard.canonical import digest
from steelyard.errors import SteelyardError
from steelyard.web.api.asking import QueryBody, asked_of
from steelyard.web.api.row_bytes import ROW_FORMS, row_bytes
from steelyard.web.failure import UnexpectedError
from steelyard.web.site import Site
from steelyard.web.view import View
from steelyard.web.waiting import ended
from steelyard.web.work import TENDED, Work

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from steelyard.metrics.streamed import MetricStream

__all__ = ["Exports"]

AT_ONCE = 4
LOG = logging.getLogger("steelyard.web")
Opens = Callable[[ExitStack, Work], View]


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """An export whose first piece is there."""

    first: bytes
    rest: Iterator[bytes]
    answer: MetricStream


class Exports:
    """Exports of one project; however many there are, `AT_ONCE` threads make their pieces, in turn.

    As many others end them, so that one that nobody wants any more is stopped while the first are all at work.

    Args:
        site: Where they are.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="steelyard-export")
        self._ending = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="steelyard-export-end")
        for threads in (self._threads, self._ending):
            site.closing.append(partial(threads.shutdown, wait=False, cancel_futures=True))

    async def answer(
        self, request: Request, view: Callable[[ExitStack, Work], View], body: QueryBody, form: str
    ) -> Response:
        """The rows as a file; what is wrong before the first of them is an error as elsewhere.

        Args:
            request: The request.
            view: Opens the project for as long as the stack is open.
            body: What is asked.
            form: One of `ROW_FORMS`.
        """
        work, stack = Work(), ExitStack()
        begun = self._threads.submit(_begin, view, work, stack, body, form)
        if not await ended(request, begun, None):
            self._ending.submit(_finish, work, stack, begun)
            return Response(status_code=499)  # nobody is there to read it
        error = begun.exception()
        if error is not None:
            self._ending.submit(_finish, work, stack, begun)
            return self._failed(request, error)
        return _Sent(
            self._threads, self._ending, begun.result(), work, stack, headers=_headers(begun.result(), body, form)
        )

    def _failed(self, request: Request, error: BaseException) -> Response:
        if isinstance(error, SteelyardError):
            return self.site.failed(request, error)
        LOG.error("%s failed", request.url.path, exc_info=error)
        says = f"the export could not be made ({type(error).__name__})"
        return self.site.failed(request, UnexpectedError(says, where=request.url.path, hint="see the server's log"))


def _begin(view: Opens, work: Work, stack: ExitStack, body: QueryBody, form: str) -> _Begun:
    from steelyard.project.audit import audited_stream

    seen = view(stack, work)
    asked = asked_of(body, limit=body.limit)
    answer = stack.enter_context(audited_stream(seen.project, body.metrics, opens=seen.warehouse, **asked))
    pieces = row_bytes(form, answer)
    return _Begun(first=next(pieces, b""), rest=pieces, answer=answer)


def _finish(work: Work, stack: ExitStack, last: Future[Any]) -> None:
    """Stops what runs, and lets go of the warehouse when it has stopped."""
    last.cancel()
    while not last.done():
        work.stop()  # again, for it may be between two queries
        wait([last], timeout=TENDED)
    try:
        stack.close()
    except SteelyardError:
        LOG.info("an export was stopped")


class _Sent(StreamingResponse):
    """The pieces, each made when the one before has gone; left early, the query is interrupted."""

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        ending: ThreadPoolExecutor,
        begun: _Begun,
        work: Work,
        stack: ExitStack,
        *,
        headers: dict[str, str],
    ) -> None:
        self._threads, self._ending, self._work, self._stack = threads, ending, work, stack
        self._last: Future[bytes] = Future()
        self._last.set_result(b"")
        super().__init__(self._pieces(begun), headers=headers)

    async def _pieces(self, begun: _Begun) -> AsyncIterator[bytes]:
        piece = begun.first
        while piece:
            yield piece
            self._last = self._threads.submit(next, begun.rest, b"")
            piece = await asyncio.wrap_future(self._last)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ending.submit(_finish, self._work, self._stack, self._last)


def _headers(begun: _Begun, body: QueryBody, form: str) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", "-".join(body.metrics))[:80]
    read = [f"{table.name}@{table.version_id[:16]}" for table in begun.answer.how.tables]
    return {
        "content-type": ROW_FORMS[form],
        "content-disposition": f'attachment; filename="{name}.{form}"',
        "cache-control": "no-store",
        "x-steelyard-definitions": digest(begun.answer.how.digests),
        "x-steelyard-tables": ", ".join(read).encode("ascii", "replace").decode(),
    }
