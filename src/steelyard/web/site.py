"""Answers a request with a page: in a thread, as HTML or JSON, or with 304 where nothing changed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import anyio
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from steelyard.canonical import digest
from steelyard.errors import SteelyardError, UnknownNameError
from steelyard.project import Project
from steelyard.web.access.visitor import visitor_of
from steelyard.web.asked import FORMAT, Asked
from steelyard.web.failure import UnexpectedError
from steelyard.web.live import Edition, LiveProject
from steelyard.web.made import Made, Memory, headers_of
from steelyard.web.negotiate import MEDIA, wanted
from steelyard.web.operation import Operation, PageAnswer
from steelyard.web.page import Page
from steelyard.web.refusal import around_page, failure, form_of
from steelyard.web.render import Surroundings, as_csv, as_html, as_json, as_png
from steelyard.web.view import View
from steelyard.web.waiting import WORK, address_of, ended, working
from steelyard.web.work import Ticket, Work, WorkQueue, gave_up

__all__ = ["PageEndpoint", "Site", "Wanted", "holder_of", "tag_of"]

BUCKET = 300  # seconds for which "2 hours ago" and "today" may stand
QUERIES = 8
PATIENCE = 1.0
LOG = logging.getLogger("steelyard.web")


class Wanted(NamedTuple):
    """What a request comes to, before it is made.

    Args:
        tag: Stands for all that the answer depends on; empty where that is unknown, or nothing may be kept.
        make: Makes it; runs in a thread.
    """

    tag: str
    make: Callable[[Work], Made]


Prepare = Callable[[Request, Edition], Wanted]
Takes = Callable[[Project, Mapping[str, Any]], Sequence[str]]
Also = Callable[[Project], str]


class Site:
    """The pages of one project.

    Pages that query the warehouse take turns among themselves, `QUERIES` at a time, each in a thread; the others have
    threads of their own, so that however many slow queries run, nothing else waits for them.

    Args:
        live: The project.
        patience: Seconds after which a person who waits for a query is shown that it runs.
    """

    def __init__(self, live: LiveProject, *, patience: float = PATIENCE) -> None:
        self.live, self.patience = live, patience
        self.queue = WorkQueue(QUERIES)
        self.closing: list[Callable[[], object]] = [self.queue.close]
        self._memory = Memory()

    def endpoint(
        self,
        build: Callable[[View], Page],
        *,
        takes: Sequence[str] = (),
        more: Takes | None = None,
        queries: bool = False,
        lasting: bool = True,
        ages: bool = True,
        also: Also | None = None,
    ) -> Callable[[Request], Awaitable[Response]]:
        """What answers at a route.

        Args:
            build: Makes the page; runs in a thread.
            takes: The parameters that it knows.
            more: Gives further ones for a project and the names in the path.
            queries: Whether it asks the warehouse.
            lasting: Whether the same definitions, data and ledger give the same page; False where the page looks
                behind the ledger's heads, so that it is made anew each time.
            ages: Whether it says how long ago something was, so that it stands for minutes; else for the day.
            also: Gives a text that differs whenever something else that the page shows does.
        """
        return PageEndpoint(self, build, tuple(takes), queries, lasting, ages, more, also).answer

    def close(self) -> None:
        """Stops what runs."""
        for close in self.closing:
            close()

    def failed(self, request: Request, error: SteelyardError) -> Response:
        """The error as a page or as JSON."""
        return failure(request, error, self._outside(request)).response(request)

    def shown(self, request: Request, page: Page) -> Response:
        """A page that is kept nowhere, as HTML or as JSON."""
        form = form_of(request)
        body = as_json(page) if form == "json" else as_html(page, self._outside(request))
        return Made(body, MEDIA[form], status=page.status).response(request)

    def _outside(self, request: Request) -> Surroundings:
        signed_in = visitor_of(request).by == "session"
        folder, path = f"{self.live.folder}/", request.url.path
        return Surroundings(project=self.live.name, target="", folder=folder, path=path, signed_in=signed_in)

    async def answer(self, request: Request, prepare: Prepare, *, queries: bool) -> Response:
        """The answer to a request; where it takes long, a person is shown that it runs, and a program waits.

        Args:
            request: The request.
            prepare: Says what is wanted, or raises; runs in a thread.
            queries: Whether it asks the warehouse.
        """
        begun = await anyio.to_thread.run_sync(partial(self._begin, request, prepare, queries))
        if isinstance(begun, Made):
            return begun.response(request)
        if isinstance(begun, Response):
            return begun
        patience = self.patience if _is_person(request) else None
        if patience is None:
            begun.wait()
        if await ended(request, begun.work.future, patience):
            self.queue.drop(begun)
            future = begun.work.future
            return self.failed(request, gave_up()) if future.cancelled() else future.result().response(request)
        if patience is None:
            self.queue.drop(begun)
            return Response(status_code=499)  # nobody is there to read it
        return self.working(request, begun)

    def working(self, request: Request, ticket: Ticket) -> Response:
        """That it still runs, and how to stop it."""
        return working(request, ticket, self._outside(request))

    def _begin(self, request: Request, prepare: Prepare, queries: bool) -> Made | Response | Ticket:
        with ExitStack() as lease:
            edition = lease.enter_context(self.live.lease())
            around = partial(around_page, request, edition)
            try:
                if (number := request.query_params.get(WORK)) is not None:
                    return self._begun_before(request, number)
                wanted = prepare(request, edition)
            except SteelyardError as error:
                return failure(request, error, around())
            if request.method != "POST" and wanted.tag and wanted.tag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers_of(wanted.tag))
            if (known := self._memory.recall(wanted.tag)) is not None:
                return known
            run = partial(self._run, request, wanted, around)
            if not queries:
                return run(Work())
            path, holder = request.url.path, holder_of(request)
            return self.queue.ask(wanted.tag, run, lease.pop_all(), path=path, holder=holder)

    def _begun_before(self, request: Request, number: str) -> Response | Ticket:
        """The run that the address names; once it was fetched, the address without it stands for the page."""
        try:
            return self.queue.ticket(number, holder_of(request))
        except UnknownNameError:
            return RedirectResponse(address_of(request), status_code=303, headers=headers_of(""))

    def _run(self, request: Request, wanted: Wanted, around: Callable[[], Surroundings], work: Work) -> Made:
        try:
            work.refuse_if_stopped()
            made = wanted.make(work)
        except SteelyardError as error:
            return failure(request, error, around())
        except Exception as error:
            LOG.exception("%s failed", request.url.path)
            says = f"the page could not be made ({type(error).__name__})"
            hint = "the server's log says more; `steelyard check` looks at the project"
            return failure(request, UnexpectedError(says, where=request.url.path, hint=hint), around())
        self._memory.remember(made)
        return made


@dataclass(frozen=True)
class PageEndpoint:
    """A page at a route; see `Site.endpoint`."""

    site: Site
    build: Callable[[View], Page]
    takes: tuple[str, ...]
    queries: bool
    lasting: bool
    ages: bool
    more: Takes | None = None
    also: Also | None = None

    @property
    def operation(self) -> Operation:
        """What the page shows."""
        build = self.build.func if isinstance(self.build, partial) else self.build
        summary = (build.__doc__ or "").partition("\n")[0]
        return Operation(summary=summary, answer=PageAnswer, takes=self.takes, media={"text/html": "the page"})

    async def answer(self, request: Request) -> Response:
        """The page, or the same as JSON."""
        return await self.site.answer(request, self._prepare, queries=self.queries)

    def _prepare(self, request: Request, edition: Edition) -> Wanted:
        more = self.more(edition.project, request.path_params) if self.more else ()
        asked = Asked(request.query_params.multi_items(), (*self.takes, *more))
        form = wanted(asked.text(FORMAT), request.headers.get("accept", ""))
        now = datetime.now(UTC)
        state = edition.state() if self.lasting else None
        visitor = visitor_of(request)
        clock = _bucket(now) if self.ages else str(now.astimezone(ZoneInfo(edition.project.settings.zone)).date())
        also = self.also(edition.project) if self.also else ""
        tag = tag_of([state, form, request.url.path, request.url.query, clock, visitor.kind, also]) if state else ""

        def make(work: Work) -> Made:
            view = View(edition=edition, names=request.path_params, asked=asked, now=now, work=work, role=visitor.role)
            page = self.build(view)
            if form == "html":
                body = as_html(page, around_page(request, edition))
            else:
                body = {"json": as_json, "csv": as_csv, "png": as_png}[form](page)
            return Made(body, MEDIA[form], tag).with_packed()

        return Wanted(tag, make)


def tag_of(parts: Sequence[Any]) -> str:
    """The ETag of all that an answer depends on."""
    return f'W/"{digest(parts)[:40]}"'


def holder_of(request: Request) -> str:
    """Who may fetch or stop what this request began."""
    return visitor_of(request).holder


def _is_person(request: Request) -> bool:
    """Whether a browser asks for a page, and not a program that would take a page that works for its file."""
    return "text/html" in request.headers.get("accept", "") and form_of(request) != "json"


def _bucket(now: datetime) -> int:
    return int(now.timestamp()) // BUCKET
