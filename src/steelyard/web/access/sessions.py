"""Sessions of browsers, in the memory of this process: a restart ends them all."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Session", "Sessions"]

MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class Session:
    """One browser's session.

    Args:
        user: Who signed in; empty where nobody has to.
        token: What the cookie holds, which nothing shows.
        password: The user's, as the file had it at that time: another one ends the session.
        secret: Signs its forms.
        until: When it ends, by the clock of the store.
    """

    user: str
    token: str = field(repr=False)
    secret: bytes = field(repr=False)
    until: float
    password: str = field(default="", repr=False)

    @property
    def id(self) -> str:
        """A name for it from which the token cannot be told."""
        return _digest(self.token)


class Sessions:
    """Sessions by their tokens; of too many, the oldest end: whoever does not sign in can end nobody's who did.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._turn = clock, threading.Lock()
        self._known: dict[bool, OrderedDict[str, Session]] = {True: OrderedDict(), False: OrderedDict()}

    def begin(self, user: str, hours: float, password: str = "") -> Session:
        """A new session, with a token that nobody has seen: what a browser brought along is never taken over."""
        made = Session(
            user=user,
            token=secrets.token_urlsafe(32),
            secret=secrets.token_bytes(32),
            until=self._clock() + hours * 3600,
            password=password,
        )
        with self._turn:
            alike = self._known[bool(user)]
            alike[made.id] = made
            while len(alike) > MOST:
                alike.popitem(last=False)
        return made

    def find(self, token: str) -> Session | None:
        """The session of a token, unless it ended. It is looked up by its digest, whose comparison tells nothing."""
        with self._turn:
            number = _digest(token)
            found = self._known[True].get(number) or self._known[False].get(number)
            if found is not None and found.until <= self._clock():
                del self._known[bool(found.user)][number]
                return None
            return found

    def end(self, session: Session) -> None:
        """Ends a session."""
        with self._turn:
            self._known[bool(session.user)].pop(session.id, None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
