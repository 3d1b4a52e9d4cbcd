"""The addresses of what runs: how far it is, and to stop it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from steelyard.web.operation import Operation
from steelyard.web.refusal import form_of
from steelyard.web.site import Site, holder_of
from steelyard.web.waiting import Progress, progress_of
from steelyard.web.work import Ticket, gave_up

__all__ = ["work_routes"]


def work_routes(site: Site) -> list[Route]:
    """`GET /work/{id}` says how far a run is; `POST /work/{id}/cancel` gives it up."""

    def held(request: Request) -> Ticket:
        return site.queue.ticket(request.path_params["id"], holder_of(request))

    async def progress(request: Request) -> Response:
        """How far a run is: `state`, `seconds`, and the share of its present query that is done."""
        return JSONResponse(progress_of(held(request)), headers={"cache-control": "no-store"})

    async def cancel(request: Request) -> Response:
        """Gives a run up; it is stopped where nobody else waits for it."""
        ticket = held(request)
        site.queue.drop(ticket)
        if form_of(request) == "json":
            return JSONResponse({**progress_of(ticket), "state": "cancelled"}, headers={"cache-control": "no-store"})
        return RedirectResponse(f"/work/{ticket.id}/cancelled", status_code=303)

    async def cancelled(request: Request) -> Response:
        """That a run was given up."""
        return site.failed(request, gave_up())

    answer: Any
    for answer in (progress, cancel):
        answer.operation = Operation(summary=answer.__doc__, answer=Progress)
    cancelled.operation = Operation(summary="That a run was given up.", answer=None)  # type: ignore[attr-defined]
    return [
        Route("/work/{id}", progress),
        Route("/work/{id}/cancel", cancel, methods=["POST"]),
        Route("/work/{id}/cancelled", cancelled),
    ]
