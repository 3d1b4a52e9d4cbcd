"""The addresses of acts: a form with what stands, a page that says what will happen, and the doing, once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from threading import Lock

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from steelyard.document import Block, Callout, CalloutKind, Facts, Heading
from steelyard.errors import DataError, PolicyError
from steelyard.project import Project
from steelyard.web.access.door import Door
from steelyard.web.access.posted import posted_fields
from steelyard.web.access.refused import StaleFormError
from steelyard.web.access.routes import checked_number, with_form
from steelyard.web.access.visitor import Visitor, visitor_of
from steelyard.web.acts.act import Act, Beforehand, Said, study_address
from steelyard.web.acts.known import ACTS
from steelyard.web.operation import Operation, PageAnswer
from steelyard.web.page import Crumb, Form, Input, Page, address
from steelyard.web.refusal import form_of
from steelyard.web.site import Site

__all__ = ["act_routes"]

AT_ONCE = 4
LONG_AT_ONCE = 2
OURS = ("form", "seen", "step")
"""Fields that say nothing of the act."""


def act_routes(site: Site, door: Door) -> list[Route]:
    """`GET` and `POST /studies/{name}/ACT` of every act."""
    quick, turn = anyio.CapacityLimiter(AT_ONCE), Lock()
    slow = anyio.CapacityLimiter(LONG_AT_ONCE)
    found: list[Route] = []
    for act in ACTS:
        doing = ActEndpoint(site, door, act, quick, quick if act.alone else slow, turn)
        path = f"/studies/{{name}}/{act.name}"
        found += [Route(path, doing.asked), Route(path, doing.sent, methods=["POST"])]
    return found


class ActEndpoint:
    """One act's address.

    Acts have threads of their own, and those that take long have others, so that neither a slow query nor a study that
    runs keeps anybody from rolling back.

    Args:
        site: Shows pages.
        door: Knows who asks.
        act: The act.
        quick: How many forms are shown at one time.
        doing: How many acts like this happen at one time.
        turn: Held by those that happen alone.
    """

    def __init__(
        self,
        site: Site,
        door: Door,
        act: Act,
        quick: anyio.CapacityLimiter,
        doing: anyio.CapacityLimiter,
        turn: Lock,
    ) -> None:
        self.site, self.door, self.act = site, door, act
        self._quick, self._doing, self._turn = quick, doing, turn
        self.operation = Operation(summary=f"{act.label}: a form, what will happen, and the doing.", answer=PageAnswer)

    async def asked(self, request: Request) -> Response:
        """What stands, and the form."""
        return await anyio.to_thread.run_sync(self._form, request, limiter=self._quick)

    async def sent(self, request: Request) -> Response:
        """First says what will happen; does it when that is confirmed. A program with a key confirms by sending."""
        fields, visitor, path = await posted_fields(request), visitor_of(request), request.url.path
        if visitor.by == "key":
            location = await anyio.to_thread.run_sync(self._done, request, fields, visitor, limiter=self._doing)
            return self._leads(request, location)
        number = checked_number(self.door, self.door.browser(request), fields.get("form", ""), path)
        if fields.get("step") != "do":
            return await anyio.to_thread.run_sync(self._confirm, request, fields, limiter=self._quick)
        outcome, mine = self.door.once.claim(number)
        if mine:
            do = partial(self._fulfil, request, fields, visitor, number, outcome)
            await anyio.to_thread.run_sync(do, limiter=self._doing)
        return self._leads(request, await asyncio.wrap_future(outcome))

    @staticmethod
    def _leads(request: Request, location: str) -> Response:
        headers = {"cache-control": "no-store", "location": location}
        if form_of(request) == "json":
            return JSONResponse({"location": location}, status_code=201, headers=headers)
        return RedirectResponse(location, status_code=303, headers=headers)

    # In a thread

    def _form(self, request: Request) -> Response:
        name, visitor = request.path_params["name"], visitor_of(request)
        with self.site.live.lease() as edition:
            before = self.act.before(edition.project, name)
        page = self._page(name, before)
        if before.why_not:
            return self.site.shown(request, page)
        asked = [item for item in before.inputs if item.name != "who" or not visitor.name]
        form = self._form_of(name, (*asked, Input(name="seen", kind="hidden", value=before.state)), "Go on")
        return with_form(self.site, self.door, request, page, form)

    def _page(self, name: str, before: Beforehand, *, doing: bool = False) -> Page:
        kind: CalloutKind = "warning" if doing else "bad" if before.why_not else "note"
        says = f"It cannot be done now: {before.why_not}" if before.why_not else before.will
        head: list[Block] = [Callout(kind, says)]
        return Page(
            title=self.act.label,
            section="Studies",
            crumbs=(Crumb(text="Studies", href="/studies"), Crumb(text=name, href=study_address(name))),
            lead=[Heading(f"{self.act.label}: {name}", 1)],
            blocks=[*head, *before.blocks],
            data={
                "act": self.act.name,
                "study": name,
                "will": before.will,
                "why_not": before.why_not,
                "seen": before.state,
                "fields": {item.name: {"label": item.label, "required": item.required} for item in before.inputs},
            },
        )

    def _form_of(self, name: str, inputs: tuple[Input, ...], submit: str) -> Form:
        action = address("studies", name, self.act.name)
        return Form(label=self.act.label, action=action, inputs=inputs, submit=submit, back=study_address(name))

    def _confirm(self, request: Request, fields: Mapping[str, str]) -> Response:
        name, visitor = request.path_params["name"], visitor_of(request)
        with self.site.live.lease() as edition:
            before = self._checked(edition.project, name, fields, visitor)
        said = _named(fields, visitor)
        told = [(item.label, item.shown(said.get(item.name, "")) or "not said") for item in before.inputs]
        kept = [
            Input(name=key, kind="hidden", value=value) for key, value in fields.items() if key not in ("form", "step")
        ]
        form = self._form_of(name, (*kept, Input(name="step", kind="hidden", value="do")), self.act.label)
        said_back = replace(before, blocks=[Facts(told)] if told else [])
        page = self._page(name, said_back, doing=True)
        return with_form(self.site, self.door, request, page, form, fields["form"])

    def _fulfil(
        self, request: Request, fields: Mapping[str, str], visitor: Visitor, number: str, outcome: Future[str]
    ) -> None:
        """Does it, and tells all who sent this form; where it was refused, the form may be sent again."""
        try:
            outcome.set_result(self._done(request, fields, visitor))
        except BaseException as error:
            self.door.once.release(number)
            outcome.set_exception(error)
            if not isinstance(error, Exception):
                raise

    def _done(self, request: Request, fields: Mapping[str, str], visitor: Visitor) -> str:
        name, act = request.path_params["name"], self.act
        with self.site.live.lease() as edition, self._turn if act.alone else nullcontext():
            self._checked(edition.project, name, fields, visitor)
            try:
                return act.do(edition.project, name, Said(_named(fields, visitor), f"{act.name} {name}"))
            except DataError as error:
                if act.alone:  # another process acted between what was checked and this
                    raise StaleFormError(error.problem, where=error.where, hint=error.hint) from error
                raise

    def _checked(self, project: Project, name: str, fields: Mapping[str, str], visitor: Visitor) -> Beforehand:
        """Refuses what cannot be done now, or is not what the form showed; nothing is done before."""
        before = self.act.before(project, name)
        if before.why_not:
            where = f"{self.act.name} {name}"
            raise PolicyError(f"it cannot be done now: {before.why_not}", where=where, hint="look where it stands")
        if fields.get("seen", before.state if visitor.by == "key" else "") != before.state:
            raise StaleFormError(
                f"what the form showed of {name!r} is no longer so: nothing was done",
                where=f"{self.act.name} {name}",
                hint="open the form again, look at what is there now, and send it if it is still meant",
            )
        self.act.check(project, name, Said(_named(fields, visitor), f"{self.act.name} {name}"))
        return before


def _named(fields: Mapping[str, str], visitor: Visitor) -> dict[str, str]:
    """What was said of the act; who signed in is who does it."""
    said = {name: value for name, value in fields.items() if name not in OURS}
    return {**said, "who": visitor.name} if visitor.name else said
