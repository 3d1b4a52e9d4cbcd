"""Knows who asks by a cookie or a key, and lets people in."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from steelyard.canonical import digest
from steelyard.project.access import Access, Role
from steelyard.project.secret_hash import hash_password, password_matches
from steelyard.web.access.current import CurrentAccess
from steelyard.web.access.form_token import FormTokens, Once
from steelyard.web.access.refused import SignInError, TooManyTriesError
from steelyard.web.access.sessions import Session, Sessions
from steelyard.web.access.throttle import Throttle, network_of
from steelyard.web.access.visitor import Visitor

__all__ = ["Door", "Everyone", "session_cookie"]

Everyone = Role | Literal["nobody"]


def session_cookie(folder: Path, target: str) -> str:
    """The cookie's name of one project and target: browsers keep cookies by host alone, whatever the port.

    Args:
        folder: The project's folder.
        target: The target that is served.

    >>> session_cookie(Path("/srv/shop"), "dev") == session_cookie(Path("/srv/shop"), "prod")
    False
    """
    return f"steelyard_session_{digest([str(folder.resolve()), target])[:12]}"


class Door:
    """Knows who asks.

    Args:
        current: Who may.
        everyone: The role of everybody where nobody is named.
        cookie: The name of the cookie that holds a browser's session.
    """

    def __init__(self, current: CurrentAccess, everyone: Everyone, cookie: str) -> None:
        self._current, self.everyone, self.cookie = current, everyone, cookie
        self.sessions, self.throttle = Sessions(), Throttle()
        self.tokens, self.once = FormTokens(), Once()

    @cached_property
    def _nobody(self) -> str:
        """What the password of nobody is compared with, so that a name that is none takes as long as one that is."""
        return hash_password("nobody")

    def access(self) -> Access:
        """Who may, as the file says now."""
        return self._current.now()

    def visitor(self, request: Request) -> Visitor | None:
        """Who asks; None where nobody is known who may.

        Raises:
            SignInError: The key is none of ours.
            TooManyTriesError: Too many keys were none of ours.
        """
        access = self.access()
        session = self.browser(request)
        if not access.configured:
            if self.everyone == "nobody":
                return None
            return Visitor(role=self.everyone, session=session if session and not session.user else None)
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._by_key(request, access, key.strip())
        user = access.users.get(session.user) if session and session.user else None
        if session is None or user is None or user.password != session.password:
            return None
        return Visitor(role=user.role, name=session.user, by="session", session=session)

    def _by_key(self, request: Request, access: Access, given: str) -> Visitor:
        self._refuse_guessing(address := f"key from {_address(request)}")
        found = [name for name, key in access.keys.items() if key.accepts(given)]
        if not found:
            self.throttle.failed(address)
            raise SignInError("the key is none of this project's", where="Authorization", hint="ask for a new key")
        return Visitor(role=access.keys[found[0]].role, name=found[0], by="key")

    def enter(self, request: Request, name: str, password: str) -> Session:
        """A new session for whoever gives the right password.

        Raises:
            SignInError: It is wrong, or there is no such user: which of both is not said, and takes the same time.
            TooManyTriesError: Too many were wrong.
        """
        access = self.access()
        names = f"login from {_address(request)}", f"login of {name[:100]}"
        self._refuse_guessing(*names)
        user = access.users.get(name)
        hashed = user is not None and user.password.startswith("scrypt")
        if not hashed:
            password_matches(password, self._nobody)
        if user is None or not user.accepts(password):
            self.throttle.failed(*names)
            raise SignInError("the name or the password is wrong", where="the form", hint="try again")
        return self.sessions.begin(name, access.session_hours, user.password)

    def _refuse_guessing(self, *names: str) -> None:
        seconds = self.throttle.wait(*names)
        if seconds > 0:
            says = f"wait {seconds:.0f} seconds"
            raise TooManyTriesError("too many wrong passwords or keys", where="signing in", hint=says)

    def browser(self, request: Request) -> Session | None:
        """The session of the browser that asks, whether or not anybody signed in with it."""
        return self.sessions.find(request.cookies.get(self.cookie, ""))

    def set_cookie(self, request: Request, response: Response, session: Session) -> None:
        """Gives a browser its session: no script reads the cookie, and no other site's page makes it be sent."""
        secure = self.access().secure_cookie or request.url.scheme == "https"
        response.set_cookie(self.cookie, session.token, httponly=True, samesite="strict", secure=secure, path="/")

    def leave(self, request: Request) -> None:
        """Ends the browser's session."""
        session = self.browser(request)
        if session is not None:
            self.sessions.end(session)

    def drop_cookie(self, response: Response) -> None:
        """Takes the cookie from a browser."""
        response.delete_cookie(self.cookie, path="/", httponly=True, samesite="strict")


def _address(request: Request) -> str:
    return network_of(request.client.host if request.client else "")
