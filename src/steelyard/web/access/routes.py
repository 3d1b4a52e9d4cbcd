"""Signing in and out, and the page that says who one is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import anyio
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from steelyard.document import Block, Callout, Facts, Heading, Paragraph
from steelyard.errors import SteelyardError
from steelyard.web.access.door import Door
from steelyard.web.access.posted import posted_fields, safe_path
from steelyard.web.access.refused import FormError, SignInError
from steelyard.web.access.rights import MAY
from steelyard.web.access.sessions import Session
from steelyard.web.access.visitor import visitor_of
from steelyard.web.operation import Operation, PageAnswer
from steelyard.web.page import Form, Input, Page
from steelyard.web.site import Site

__all__ = ["access_routes", "checked_number", "with_form"]

UNKEPT = {"cache-control": "no-store"}
AT_ONCE = 2
"""How many passwords are compared at one time: each takes 16 MB and some tenths of a second."""


def access_routes(site: Site, door: Door) -> list[Route]:
    """`/login`, `/logout` and `/account`."""
    signing = _Signing(site, door)
    return [
        Route("/login", signing.login),
        Route("/login", signing.enter, methods=["POST"]),
        Route("/logout", signing.leave, methods=["POST"]),
        Route("/account", signing.account),
    ]


class _Signing:
    """Signing in and out."""

    operation = Operation(summary="Signs a person in or out, or says who one is.", answer=PageAnswer)

    def __init__(self, site: Site, door: Door) -> None:
        self.site, self.door = site, door
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    async def login(self, request: Request) -> Response:
        """The form by which one signs in."""
        path = safe_path(request.query_params.get("next", "/"))
        return await anyio.to_thread.run_sync(self._login_page, request, path)

    async def enter(self, request: Request) -> Response:
        """Signs in: a new session, in the place of the one that the form was bound to."""
        said = await posted_fields(request)
        path = safe_path(said.get("next", "/"))
        checked_number(self.door, self.door.browser(request), said.get("form", ""), "/login")
        enter = partial(self.door.enter, request, said.get("user", ""), said.get("password", ""))
        try:
            session = await anyio.to_thread.run_sync(enter, limiter=self._limiter)
        except SignInError as error:
            return await anyio.to_thread.run_sync(self._login_page, request, path, error)
        self.door.leave(request)
        response = RedirectResponse(path, status_code=303, headers=UNKEPT)
        self.door.set_cookie(request, response, session)
        return response

    async def leave(self, request: Request) -> Response:
        """Signs out."""
        said = await posted_fields(request)
        checked_number(self.door, self.door.browser(request), said.get("form", ""), "/logout")
        self.door.leave(request)
        headers = {**UNKEPT, "clear-site-data": '"cache"'}  # so that no button leads back to what was read
        response = RedirectResponse("/login", status_code=303, headers=headers)
        self.door.drop_cookie(response)
        return response

    async def account(self, request: Request) -> Response:
        """Who one is, and what one may do."""
        visitor = visitor_of(request)
        if visitor.by != "session":
            return RedirectResponse("/login", status_code=303, headers=UNKEPT)
        facts = [("name", visitor.name), ("role", visitor.role), ("may", ", ".join(sorted(MAY[visitor.role])))]
        data = {"name": visitor.name, "role": visitor.role, "may": sorted(MAY[visitor.role])}
        page = Page(title="Your account", lead=[Heading("Your account", 1)], blocks=[Facts(facts)], data=data)
        form = Form(label="Sign out", action="/logout", inputs=(), submit="Sign out")
        return with_form(self.site, self.door, request, page, form)

    def _login_page(self, request: Request, path: str, error: SteelyardError | None = None) -> Response:
        lead = [Heading("Sign in", 1)]
        if not self.door.access().users:
            says = "Nobody signs in here: steelyard.toml names no user under access."
            return self.site.shown(request, Page(title="Sign in", lead=lead, blocks=[Paragraph(says)]))
        blocks: list[Block] = [Callout("bad", "The name or the password is wrong", error.hint)] if error else []
        page = Page(title="Sign in", lead=lead, blocks=blocks, status=401 if error else 200)
        inputs = (
            Input(name="user", label="Name", required=True),
            Input(name="password", label="Password", kind="password", required=True),
            Input(name="next", kind="hidden", value=path),
        )
        form = Form(label="Sign in", action="/login", submit="Sign in", inputs=inputs)
        return with_form(self.site, self.door, request, page, form)


def with_form(site: Site, door: Door, request: Request, page: Page, form: Form, token: str = "") -> Response:
    """A page with a form that is bound to the browser's session, which begins where there is none.

    Args:
        site: Shows it.
        door: Knows the session.
        request: The request.
        page: The page.
        form: The form.
        token: The form's token where it goes on with another form's; empty makes one.
    """
    known = door.browser(request)
    session = known or door.sessions.begin("", 12.0)
    proof = Input(name="form", kind="hidden", value=token or door.tokens.made(session.secret, form.action))
    response = site.shown(request, replace(page, form=replace(form, inputs=(*form.inputs, proof))))
    if known is None:
        door.set_cookie(request, response, session)
    return response


def checked_number(door: Door, session: Session | None, token: str, path: str) -> str:
    """The number of a form that this server gave to this browser for this path.

    Raises:
        FormError: It is none.
    """
    number = door.tokens.number_of(token, session.secret, path) if session is not None else None
    if number is None:
        raise FormError(
            "this form is not one that this server gave to this browser, or it is older than an hour",
            where=path,
            hint="open the page again, and send the form from there; cookies must be allowed",
        )
    return number
