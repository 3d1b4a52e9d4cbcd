"""Proof that a form is one that this server gave to this browser, for this act, once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

__all__ = ["FormTokens", "Once"]

LASTS = 3600.0
MOST = 10_000


class FormTokens:
    """Makes and reads the tokens of forms: signed with the session's own secret, over path, number and time.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    def made(self, secret: bytes, path: str) -> str:
        """A new token for a form that posts to the path."""
        number, at = secrets.token_hex(16), int(self._clock())
        return f"{number}.{at}.{_signed(secret, path, number, at)}"

    def number_of(self, token: str, secret: bytes, path: str) -> str | None:
        """The number of a token that is valid here; None where it is not ours, of another session or act, or old."""
        number, _, rest = token.partition(".")
        at, _, signature = rest.partition(".")
        if not at.isdecimal() or len(at) > 15:
            return None
        valid = hmac.compare_digest(_signed(secret, path, number, int(at)).encode(), signature.encode())
        return number if valid and self._clock() - int(at) < LASTS else None


def _signed(secret: bytes, path: str, number: str, at: int) -> str:
    return hmac.new(secret, f"{path}\n{number}\n{at}".encode(), hashlib.sha256).hexdigest()


class Once:
    """Does what a form asks once; whoever sends the same form again gets the same answer.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._turn = clock, threading.Lock()
        self._done: OrderedDict[str, tuple[float, Future[str]]] = OrderedDict()

    def claim(self, number: str) -> tuple[Future[str], bool]:
        """The address that a form leads to, and whether the caller is the one to do what it asks.

        A form whose answer was forgotten is too old to be valid: answers are kept for longer than tokens last.
        """
        with self._turn:
            now = self._clock()
            while self._done and next(iter(self._done.values()))[0] < now - 2 * LASTS:
                self._done.popitem(last=False)
            known = self._done.get(number)
            if known is not None:
                return known[1], False
            if len(self._done) >= MOST:
                return _overrun(), False
            made: Future[str] = Future()
            self._done[number] = (now, made)
            return made, True

    def release(self, number: str) -> None:
        """Lets a form be sent again, for nothing was done."""
        with self._turn:
            self._done.pop(number, None)


def _overrun() -> Future[str]:
    from steelyard.web.access.refused import TooManyTriesError

    refused: Future[str] = Future()
    refused.set_exception(TooManyTriesError("too many forms were sent", where="this server", hint="try in an hour"))
    return refused
