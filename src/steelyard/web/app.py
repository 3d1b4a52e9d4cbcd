"""The ASGI application: which address shows which page."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from threading import Thread
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from steelyard.errors import SteelyardError
from steelyard.project import Project
from steelyard.web import pages
from steelyard.web.access.current import CurrentAccess
from steelyard.web.access.door import Door, Everyone, session_cookie
from steelyard.web.access.gate import Gate
from steelyard.web.access.routes import access_routes
from steelyard.web.acts.routes import act_routes
from steelyard.web.api import api_routes
from steelyard.web.asset import asset_address, assets
from steelyard.web.failure import UnexpectedError, no_such_page
from steelyard.web.guard import LOOPBACK, Guard, not_allowed
from steelyard.web.live import LiveProject, exposures_state
from steelyard.web.made import LEAST_PACKED, LEVEL
from steelyard.web.operation import Operation
from steelyard.web.site import PATIENCE, Site
from steelyard.web.work_pages import work_routes

__all__ = ["create_app"]

LOG = logging.getLogger("steelyard.web")


def create_app(
    project: Project,
    *,
    hosts: Collection[str] | None = LOOPBACK,
    everyone: Everyone | None = None,
    patience: float = PATIENCE,
) -> Starlette:
    """The project's pages as an ASGI application.

    Args:
        project: An opened project; it stays the caller's to close, after the application has stopped.
        hosts: The names by which the application may be called; None allows any, for a server behind a proxy that
            checks them.
        everyone: The role of all who reach it, where `steelyard.toml` names nobody under `access`; `nobody` for none.
            None is a decider where it answers to loopback's names alone, and a viewer elsewhere.
        patience: Seconds after which a person who waits for a query is shown that it runs.
    """
    live = LiveProject(project)
    site = Site(live, patience=patience)
    current = CurrentAccess(project.folder, project.settings.access)
    role: Everyone = everyone or ("decider" if hosts is LOOPBACK else "viewer")
    door = Door(current, role, session_cookie(project.folder, project.target_name))
    routes: list[Route] = [
        *_routes(site),
        *api_routes(site, lambda: routes),
        *access_routes(site, door),
        *act_routes(site, door),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        Thread(target=live.prepare, name="steelyard-prepare", daemon=True).start()
        yield
        site.close()
        live.close()

    async def refused(request: Request, error: Exception) -> Response:
        return site.failed(request, _known(request, error))

    return Starlette(
        routes=routes,
        middleware=[
            Middleware(Guard, hosts=hosts, refuse=site.failed, posted=partial(_posted, routes)),
            Middleware(Gate, door=door, routes=routes, refuse=site.failed),
            Middleware(GZipMiddleware, minimum_size=LEAST_PACKED, compresslevel=LEVEL),
        ],
        exception_handlers={HTTPException: refused, SteelyardError: refused, Exception: refused},
        lifespan=lifespan,
    )


def _known(request: Request, error: Exception) -> SteelyardError:
    if isinstance(error, SteelyardError):
        return error
    if isinstance(error, HTTPException) and error.status_code == 404:
        return no_such_page(request.url.path)
    if isinstance(error, HTTPException) and error.status_code == 405:
        return not_allowed(request, (error.headers or {}).get("Allow", ""))
    return UnexpectedError("the request could not be answered", where=request.url.path, hint="see the server's log")


def _posted(routes: list[Route], path: str) -> bool:
    scope = {"type": "http", "method": "POST", "path": path}
    return any("POST" in (route.methods or ()) and route.matches(scope)[0] is Match.FULL for route in routes)


def _routes(site: Site) -> list[Route]:
    page = site.endpoint
    cut = ("where", "since", "until", "as_of")
    dated = ("grain", "since", "until")
    view = ("grain", "by", "compare", "spread", *cut)
    return [
        Route("/", page(pages.home, queries=True)),
        Route("/metrics", page(pages.metrics)),
        Route("/metrics/{name}", page(pages.metric, takes=view, queries=True, ages=False)),
        Route("/metrics/{name}/explain", page(pages.explain, takes=("before", "after"), queries=True, ages=False)),
        Route("/metrics/{name}/rows", page(pages.rows, takes=("side", *cut), queries=True, ages=False)),
        Route("/analyses/{name}", page(pages.analysis, takes=("by", *cut), queries=True, ages=False)),
        Route("/dashboards", page(pages.dashboards)),
        Route("/dashboards/{name}", page(pages.dashboard, takes=dated, more=pages.dashboard_filters, queries=True)),
        Route("/studies", page(pages.studies, takes=pages.STUDIES_ASKED)),
        Route("/studies/{name}", page(pages.study, queries=True, also=exposures_state)),
        Route("/studies/{name}/plan", page(pages.plan, queries=True)),
        Route("/results/{digest}", page(pages.result)),
        Route("/results/{digest}/replay", page(pages.replay_result, queries=True, lasting=False)),
        Route("/decisions", page(pages.decisions)),
        Route("/decisions/{digest}", page(pages.decision)),
        Route("/decisions/{digest}/replay", page(pages.replay_decision, queries=True, lasting=False)),
        Route("/initiatives", page(pages.initiatives)),
        Route("/search", page(pages.search_page, takes=("q", "kind"))),
        Route("/documents/{name:path}", page(pages.document)),
        Route("/data", page(pages.data)),
        Route("/data/{table}", page(pages.table, queries=True)),
        Route("/ledger", page(pages.ledger, takes=("kind", "before"), lasting=False)),
        Route("/ledger/{digest}", page(pages.entry)),
        *work_routes(site),
        Route("/assets/{file}", _asset),
        Route("/favicon.ico", partial(_asset_named, name="mark.svg")),
    ]


def _file(summary: str) -> Callable[[Any], Any]:
    def named(answer: Any) -> Any:
        answer.operation = Operation(summary=summary, answer=None, media={"*/*": "the file"})
        return answer

    return named


@_file("A file that pages need, at an address that holds the hash of its content.")
async def _asset(request: Request) -> Response:
    found = assets().get(request.url.path)
    if found is None:
        raise HTTPException(404)
    forever = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(found.content, headers={**forever, "content-type": found.kind})


@_file("The mark.")
async def _asset_named(_: Request, *, name: str) -> Response:
    found = assets()[asset_address(name)]
    return Response(found.content, headers={"cache-control": "public, max-age=3600", "content-type": found.kind})
