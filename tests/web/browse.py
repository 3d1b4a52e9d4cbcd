"""Asks an ASGI application as a browser would, without a server."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import httpx
from anyio.from_thread import start_blocking_portal


class Browser:
    """One client with one event loop, so that what the application keeps between requests is kept.

    The loop has a thread of its own: the thread of the tests may have one running already.

    Args:
        app: The ASGI application.
        base: The address that it believes to be at.
    """

    def __init__(self, app: Any, base: str = "http://127.0.0.1:8765") -> None:
        self._entered = start_blocking_portal()
        self._portal = self._entered.__enter__()
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=base)

    def ask(self, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
        return self._portal.call(partial(self.client.request, method, path, **options))

    def page(self, path: str, **options: Any) -> httpx.Response:
        return self.ask(path, headers={"accept": "text/html"}, **options)

    def json(self, path: str, **options: Any) -> Any:
        return self.ask(path, headers={"accept": "application/json"}, **options).json()

    def together(self, *paths: str) -> list[httpx.Response]:
        async def all_of() -> list[httpx.Response]:
            return list(await asyncio.gather(*(self.client.get(path) for path in paths)))

        return self._portal.call(all_of)

    def posted_together(self, path: str, fields: dict[str, str], times: int) -> list[httpx.Response]:
        async def all_of() -> list[httpx.Response]:
            return list(await asyncio.gather(*(self.client.post(path, data=fields) for _ in range(times))))

        return self._portal.call(all_of)

    def close(self) -> None:
        self._portal.call(self.client.aclose)
        self._entered.__exit__(None, None, None)
