"""What was made for a request: its bytes, and what a response says of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import NamedTuple

from starlette.responses import Response

__all__ = ["Made", "Memory", "headers_of"]

REMEMBERED = 128


class Made(NamedTuple):
    """What was made for a request.

    Args:
        body: The bytes.
        media: Their media type.
        tag: The ETag; empty where it may not be kept.
        status: The HTTP status.
        headers: More headers.
    """

    body: bytes
    media: str
    tag: str = ""
    status: int = 200
    headers: Mapping[str, str] = {}

    def response(self) -> Response:
        """A response of its own for each who asks."""
        headers = {**headers_of(self.tag), **self.headers}
        return Response(self.body, status_code=self.status, media_type=self.media, headers=headers)


def headers_of(tag: str) -> dict[str, str]:
    """What a response says of how long it may be kept."""
    common = {"vary": "Accept", "cache-control": "private, no-cache" if tag else "no-store"}
    return {**common, "etag": tag} if tag else common


class Memory:
    """What was made last, by its tag: a tag stands for all that it depends on, so that nothing here is ever stale."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, Made] = OrderedDict()
        self._turn = Lock()

    def recall(self, tag: str) -> Made | None:
        """What has this tag, if it is still known."""
        with self._turn:
            made = self._made.get(tag) if tag else None
            if made:
                self._made.move_to_end(tag)
            return made

    def remember(self, made: Made) -> None:
        """Keeps what has a tag."""
        if made.tag:
            with self._turn:
                self._made[made.tag] = made
                while len(self._made) > REMEMBERED:
                    self._made.popitem(last=False)
