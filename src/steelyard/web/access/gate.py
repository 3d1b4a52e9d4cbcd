"""Lets a request through to what its role may do, and says who it is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from steelyard.errors import SteelyardError
from steelyard.web.access.door import Door
from steelyard.web.access.refused import RoleError, SignInError
from steelyard.web.access.rights import MAY, Right, may, right_of
from steelyard.web.access.visitor import Visitor

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from steelyard.web.guard import Refusal

__all__ = ["Gate"]

DOES: dict[Right, str] = {
    "open": "come in",
    "read": "read",
    "ask": "ask questions of their own",
    "study": "run or replay studies",
    "act": "ramp, launch or decide",
}


class Gate:
    """Asks for a role at every address, as the table of rights says.

    Args:
        app: What answers.
        door: Knows who asks.
        routes: The application's routes.
        refuse: Shows an error.
    """

    def __init__(self, app: ASGIApp, *, door: Door, routes: Sequence[BaseRoute], refuse: Refusal) -> None:
        self.app, self.door, self.routes, self.refuse = app, door, routes, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        right = right_of(self.routes, scope)
        try:
            visitor = self.door.visitor(request)
            answer = self._refused(request, visitor, right)
        except SteelyardError as error:
            answer, visitor = self.refuse(request, error), None
        if visitor is not None:
            scope.setdefault("state", {})["visitor"] = visitor
        await (answer or self.app)(scope, receive, send)

    def _refused(self, request: Request, visitor: Visitor | None, right: Right) -> Response | None:
        if right == "open" or (visitor is not None and may(visitor.role, right)):
            return None
        if visitor is not None:
            return self.refuse(request, _forbidden(request, visitor, right))
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            headers = {"cache-control": "no-store"}
            return RedirectResponse(f"/login?next={quote(path, safe='')}", status_code=303, headers=headers)
        hint = "open /login in a browser, or send a key: Authorization: Bearer KEY"
        return self.refuse(request, SignInError("nobody is signed in", where=request.url.path, hint=hint))


def _forbidden(request: Request, visitor: Visitor, right: Right) -> RoleError:
    who = f"{visitor.name} is {'an' if visitor.role == 'analyst' else 'a'} {visitor.role}, who"
    able = " or ".join(role for role, rights in MAY.items() if right in rights)
    return RoleError(
        f"{who.strip() if visitor.name else f'A {visitor.role}'} may not {DOES[right]}",
        where=request.url.path,
        hint=f"ask {'an' if able.startswith('a') else 'a'} {able}; roles are in steelyard.toml, under access",
    )
