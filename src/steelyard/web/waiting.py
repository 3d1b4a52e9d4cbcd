"""Waiting for what takes long: until it has ended, the asker has gone, or a person should be told."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from steelyard.document import Block, Heading, Paragraph
from steelyard.web.asked import WORK
from steelyard.web.made import Made
from steelyard.web.negotiate import MEDIA
from steelyard.web.page import Act, Page
from steelyard.web.render import Surroundings, as_html
from steelyard.web.work import Ticket

__all__ = ["WORK", "Progress", "address_of", "ended", "progress_of", "working"]

AGAIN = 1  # seconds until the page that waits asks again


async def ended(request: Request, future: Future[Any], patience: float | None) -> bool:
    """Whether the run has ended; False when the asker has gone, or after `patience` seconds."""
    done = asyncio.ensure_future(asyncio.wrap_future(future))
    done.add_done_callback(_noticed)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({done, gone}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    return future.done()


def _noticed(done: asyncio.Future[Any]) -> None:
    """Who waits looks at the run itself for what went wrong."""
    if not done.cancelled():
        done.exception()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def working(request: Request, ticket: Ticket, around: Surroundings) -> Response:
    """A page that says that it still runs, asks again by itself, and can stop it."""
    href = address_of(request, ticket)
    page = Page(
        title="Working",
        lead=[Heading("Working on it", 1)],
        blocks=_says(ticket),
        acts=[Act(label="Cancel", action=f"/work/{ticket.id}/cancel")],
        data=progress_of(ticket),
    )
    headers = {"refresh": f"{AGAIN}; url={href}", "x-steelyard-work": ticket.id}
    return Made(as_html(page, around), MEDIA["html"], status=202, headers=headers).response(request)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is.

    Args:
        id: Its id.
        state: Whether it runs.
        seconds: How long ago it was asked for.
        progress: The share of its present query that is done, as the engine estimates it; null where it does not.
    """

    id: str
    state: Literal["running", "done", "cancelled"]
    seconds: float
    progress: float | None


def progress_of(ticket: Ticket) -> dict[str, Any]:
    """How far a run is, as plain values."""
    work = ticket.work
    state: Any = "done" if work.done else "cancelled" if work.stopped else "running"
    return asdict(Progress(id=ticket.id, state=state, seconds=round(work.seconds(), 1), progress=work.progress()))


def _says(ticket: Ticket) -> list[Block]:
    share = ticket.work.progress()
    done = f", and the present query is {share:.0%} done" if share is not None else ""
    says = (
        f"It has run for {ticket.work.seconds():.0f} seconds{done}. This page shows the answer as soon as it is there."
    )
    return [Paragraph(says)]


def address_of(request: Request, ticket: Ticket | None = None) -> str:
    """The address that was asked; with a ticket, the one that leads to what that is for."""
    asked = [(name, value) for name, value in parse_qsl(request.url.query, keep_blank_values=True) if name != WORK]
    named = [*asked, *([(WORK, ticket.id)] if ticket else [])]
    path = quote(request.url.path)
    return f"{path}?{urlencode(named)}" if named else path
