"""What holds for every request: known hosts, known methods, and headers that keep a browser strict."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request

from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "LOOPBACK", "CrossSiteError", "Guard", "NotAllowedError", "WrongHostError", "not_allowed"]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
READING = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # where none may be sent at all, a browser calls its own page's origin `null`
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class WrongHostError(SteelyardError):
    """The request names a host that this server is not."""


class NotAllowedError(SteelyardError):
    """The request wants what this address does not do."""

    headers: Mapping[str, str] = {}


class CrossSiteError(SteelyardError):
    """Another site's page posts here."""


class Refusal(Protocol):
    """Shows an error."""

    def __call__(self, request: Request, error: SteelyardError) -> Response:
        """The error as a page or as JSON."""


class Guard:
    """Refuses other hosts and other methods, and sets the headers of every answer.

    Args:
        app: What answers.
        hosts: The names by which it may be called, in lower case, without a port; None allows any. A page elsewhere
            whose name is made to lead to this machine (DNS rebinding) gives itself away by its name.
        refuse: Shows an error.
        posted: Whether something may be posted to a path.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Collection[str] | None, refuse: Refusal, posted: Callable[[str], bool]
    ) -> None:
        self.app, self.hosts, self.refuse, self.posted = app, hosts, refuse, posted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                named = {name.lower() for name, _ in message["headers"]}
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in added if pair[0] not in named)]
            await send(message)

        request = Request(scope)
        error = self._wrong(request)
        answer = self.app if error is None else self.refuse(request, error)
        await answer(scope, receive, sent)

    def _wrong(self, request: Request) -> SteelyardError | None:
        host = without_port(request.headers.get("host", ""))
        if self.hosts is not None and host not in self.hosts:
            return WrongHostError(
                f"this server is not {host!r}",
                where="the request's host",
                hint="open it as http://127.0.0.1, at the port that it said",
            )
        if request.method == "POST" and self.posted(request.url.path):
            return _foreign(request)
        if request.method not in READING:
            return not_allowed(request)
        return None


def not_allowed(request: Request, allowed: str = ", ".join(READING)) -> NotAllowedError:
    """The error of a method that an address does not take."""
    read = "GET" in allowed
    hint = "definitions are changed in the project's files" if read else f"this address takes {allowed}"
    error = NotAllowedError(f"{request.method} is not allowed here", where=request.url.path, hint=hint)
    error.headers = {"allow": allowed}
    return error


def _foreign(request: Request) -> SteelyardError | None:
    """Another site's page may send its visitors' browsers here; what they post is refused."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin", "")
    if request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none") and (
        not origin or origin.partition("://")[2] == host
    ):
        return None
    says = f"a page of {origin or 'another site'} may not post here"
    return CrossSiteError(says, where=request.url.path, hint="send it from this server's own pages, or from a program")


def without_port(host: str) -> str:
    """The host's name in lower case; what is not a name and a port stays as it is, and so is no known name.

    >>> without_port("LocalHost:8765"), without_port("[::1]:8765"), without_port("[::1].evil.example")
    ('localhost', '[::1]', '[::1].evil.example')
    """
    return re.sub(r":[0-9]*\Z", "", host.lower())
