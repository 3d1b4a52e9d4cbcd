"""Answers a request with a page: in a thread, as HTML or JSON, or with 304 where nothing changed."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import NamedTuple

import anyio
from starlette.requests import Request
from starlette.responses import Response

from steelyard.canonical import digest
from steelyard.errors import SteelyardError
from steelyard.web.asked import FORMAT, Asked
from steelyard.web.failure import UnexpectedError, failure_page
from steelyard.web.live import Edition, LiveProject
from steelyard.web.negotiate import Form, wanted
from steelyard.web.page import Page
from steelyard.web.render import Surroundings, as_html, as_json, error_as_json
from steelyard.web.view import View

__all__ = ["Site"]

BUCKET = 300  # seconds for which "2 hours ago" and "today" may stand
REMEMBERED = 128
QUERIES = 8
LOG = logging.getLogger("steelyard.web")
MEDIA: dict[Form, str] = {"html": "text/html; charset=utf-8", "json": "application/json"}


class _Made(NamedTuple):
    body: bytes
    media: str
    tag: str


class Site:
    """The pages of one project.

    Pages that query the warehouse take turns among themselves, `QUERIES` at a time, each in a thread; the others have
    threads of their own, so that however many slow queries run, nothing else waits for them.

    Args:
        live: The project.
    """

    def __init__(self, live: LiveProject) -> None:
        self.live = live
        self._queries = anyio.CapacityLimiter(QUERIES)
        self._remembered: OrderedDict[str, _Made] = OrderedDict()
        self._turn = Lock()

    def endpoint(
        self,
        build: Callable[[View], Page],
        *,
        takes: Sequence[str] = (),
        queries: bool = False,
        lasting: bool = True,
    ) -> Callable[[Request], Awaitable[Response]]:
        """What answers at a route.

        Args:
            build: Makes the page; runs in a thread.
            takes: The parameters that it knows.
            queries: Whether it asks the warehouse.
            lasting: Whether the same definitions, data and ledger give the same page; False where the page looks
                behind the ledger's heads, so that it is made anew each time.
        """

        async def answer(request: Request) -> Response:
            work = partial(self._answer, request, build, takes, lasting)
            return await anyio.to_thread.run_sync(work, limiter=self._queries if queries else None)

        return answer

    def failed(self, request: Request, error: SteelyardError) -> Response:
        """The error as a page or as JSON."""
        return self._failure(request, error, Surroundings(project=self.live.name, target="", path=request.url.path))

    def _answer(self, request: Request, build: Callable[[View], Page], takes: Sequence[str], lasting: bool) -> Response:
        with self.live.lease() as edition:
            try:
                return self._page(request, build, takes, lasting, edition)
            except SteelyardError as error:
                return self._failure(request, error, _around(request, edition))
            except Exception as error:
                LOG.exception("%s failed", request.url.path)
                says = f"the page could not be made ({type(error).__name__})"
                hint = "the server's log says more; `steelyard check` looks at the project"
                unexpected = UnexpectedError(says, where=request.url.path, hint=hint)
                return self._failure(request, unexpected, _around(request, edition))

    def _page(
        self, request: Request, build: Callable[[View], Page], takes: Sequence[str], lasting: bool, edition: Edition
    ) -> Response:
        asked = Asked(request.query_params.multi_items(), takes)
        form = wanted(asked.text(FORMAT), request.headers.get("accept", ""))
        now = datetime.now(UTC)
        state = edition.state() if lasting else None
        tag = f'W/"{digest([state, form, request.url.path, request.url.query, _bucket(now)])[:40]}"' if state else ""
        if tag and tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=_headers(tag))
        made = self._recall(tag)
        if made is None:
            page = build(View(edition=edition, names=request.path_params, asked=asked, now=now))
            body = as_json(page) if form == "json" else as_html(page, _around(request, edition))
            made = _Made(body, MEDIA[form], tag)
            self._remember(made)
        return Response(made.body, media_type=made.media, headers=_headers(tag))

    def _recall(self, tag: str) -> _Made | None:
        with self._turn:
            made = self._remembered.get(tag) if tag else None
            if made:
                self._remembered.move_to_end(tag)
            return made

    def _remember(self, made: _Made) -> None:
        if made.tag:
            with self._turn:
                self._remembered[made.tag] = made
                while len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)

    @staticmethod
    def _failure(request: Request, error: SteelyardError, around: Surroundings) -> Response:
        error = copy(error)  # the project keeps the one that it found
        error.where = error.where.replace(around.folder, "") if around.folder else error.where
        page = failure_page(error)
        if _form_of_failure(request) == "json":
            body, media = error_as_json(error), MEDIA["json"]
        else:
            body, media = as_html(page, around), MEDIA["html"]
        headers = _headers("") | ({"allow": "GET, HEAD"} if page.status == 405 else {})
        return Response(body, status_code=page.status, media_type=media, headers=headers)


def _form_of_failure(request: Request) -> Form:
    """As `wanted`, for a request of which anything may be wrong."""
    accept = request.headers.get("accept", "")
    asked = request.query_params.getlist(FORMAT)
    return wanted(asked[0] if asked and asked[0] in ("html", "json") else "", accept)


def _headers(tag: str) -> dict[str, str]:
    common = {"vary": "Accept", "cache-control": "private, no-cache" if tag else "no-store"}
    return {**common, "etag": tag} if tag else common


def _bucket(now: datetime) -> int:
    return int(now.timestamp()) // BUCKET


def _around(request: Request, edition: Edition) -> Surroundings:
    project = edition.project
    return Surroundings(
        project=project.name,
        target=project.target_name,
        folder=f"{project.folder}/",
        path=request.url.path,
        query=request.url.query,
        trouble=edition.trouble,
        state=edition.says(),
    )
