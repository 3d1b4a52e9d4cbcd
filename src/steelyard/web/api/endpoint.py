"""An address that takes a JSON body and answers with a JSON value of a declared type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from steelyard.canonical import plain
from steelyard.errors import SteelyardError
from steelyard.web.api.body import body_of
from steelyard.web.asked import Asked
from steelyard.web.live import Edition
from steelyard.web.made import Made
from steelyard.web.operation import Operation
from steelyard.web.site import Site, Wanted, tag_of
from steelyard.web.view import View
from steelyard.web.work import Work

__all__ = ["ApiEndpoint"]

JSON = "application/json"
B = TypeVar("B")


@dataclass(frozen=True, kw_only=True)
class ApiEndpoint(Generic[B]):
    """An address that takes a JSON body.

    Args:
        site: Where it is.
        body: The type of the body.
        build: Makes the answer; runs in a thread.
        operation: What it does.
        queries: Whether it asks the warehouse.
        lasting: Whether the same body gives the same answer as long as the project is the same.
    """

    site: Site
    body: type[B]
    build: Callable[[View, B], object]
    operation: Operation
    queries: bool = False
    lasting: bool = False

    async def answer(self, request: Request) -> Response:
        """The answer, or the error, as JSON."""
        try:
            body = await body_of(request, self.body)
        except SteelyardError as error:
            return self.site.failed(request, error)
        return await self.said(request, body)

    async def said(self, request: Request, body: B) -> Response:
        """The answer to a body that has been read."""
        return await self.site.answer(request, partial(self._prepare, body), queries=self.queries)

    def _prepare(self, body: B, request: Request, edition: Edition) -> Wanted:
        asked = Asked(request.query_params.multi_items())
        state = edition.state() if self.lasting else None
        tag = tag_of([state, request.url.path, plain(body)]) if state else ""

        def make(work: Work) -> Made:
            view = View(edition=edition, names=request.path_params, asked=asked, now=datetime.now(UTC), work=work)
            return Made(msgspec.json.encode(self.build(view, body)), JSON, tag)

        return Wanted(tag, make)
