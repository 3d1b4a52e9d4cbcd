"""What was made for a request: its bytes, and what a response says of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from gzip import compress
from threading import Lock
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["LEAST_PACKED", "LEVEL", "Made", "Memory", "headers_of"]

LEAST_PACKED = 1024  # bytes below which compressing costs more than it saves
LEVEL = 5
REMEMBERED = 128
MOST_BYTES = 64 * 1024 * 1024


class Made(NamedTuple):
    """What was made for a request.

    Args:
        body: The bytes.
        media: Their media type.
        tag: The ETag; empty where it may not be kept.
        status: The HTTP status.
        headers: More headers.
        packed: The bytes compressed, once for all who ask; empty where nobody has yet, or it is not worth it.
    """

    body: bytes
    media: str
    tag: str = ""
    status: int = 200
    headers: Mapping[str, str] = {}
    packed: bytes = b""

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return len(self.body) + len(self.packed)

    def with_packed(self) -> Made:
        """The same with its bytes compressed too, as `GZipMiddleware` would for each request anew."""
        worth_it = len(self.body) >= LEAST_PACKED and not self.media.startswith("image/png")
        return self._replace(packed=compress(self.body, LEVEL, mtime=0)) if worth_it else self

    def response(self, request: Request) -> Response:
        """A response of its own for each who asks."""
        headers = {**headers_of(self.tag), **self.headers}
        if not self.packed or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.body, status_code=self.status, media_type=self.media, headers=headers)
        headers |= {"content-encoding": "gzip", "vary": f"{headers['vary']}, Accept-Encoding"}
        return Response(self.packed, status_code=self.status, media_type=self.media, headers=headers)


def headers_of(tag: str) -> dict[str, str]:
    """What a response says of how long it may be kept."""
    common = {"vary": "Accept", "cache-control": "private, no-cache" if tag else "no-store"}
    return {**common, "etag": tag} if tag else common


class Memory:
    """What was made last, by its tag: a tag stands for all that it depends on, so that nothing here is ever stale.

    Args:
        most: How many are kept.
        most_bytes: How many bytes their bodies have together, at most.
    """

    def __init__(self, most: int = REMEMBERED, most_bytes: int = MOST_BYTES) -> None:
        self.most, self.most_bytes = most, most_bytes
        self._made: OrderedDict[str, Made] = OrderedDict()
        self._bytes = 0
        self._turn = Lock()

    def recall(self, tag: str) -> Made | None:
        """What has this tag, if it is still known."""
        with self._turn:
            made = self._made.get(tag) if tag else None
            if made:
                self._made.move_to_end(tag)
            return made

    def remember(self, made: Made) -> None:
        """Keeps what has a tag, and forgets what was asked for longest ago where it is too much."""
        if not made.tag or made.size > self.most_bytes // 4:
            return
        with self._turn:
            before = self._made.pop(made.tag, None)
            self._made[made.tag] = made
            self._bytes += made.size - (before.size if before else 0)
            while len(self._made) > self.most or self._bytes > self.most_bytes:
                self._bytes -= self._made.popitem(last=False)[1].size
