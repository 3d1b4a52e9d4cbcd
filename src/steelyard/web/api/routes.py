"""Which address of the data service answers what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from steelyard.errors import DefinitionError, SteelyardError
from steelyard.web.api.asking import QueryAnswer, QueryBody, answer_query
from steelyard.web.api.assigning import AssignAnswer, AssignBody, Assigner
from steelyard.web.api.body import body_of
from steelyard.web.api.endpoint import ApiEndpoint
from steelyard.web.api.export import Exports
from steelyard.web.api.openapi import openapi_document
from steelyard.web.api.reference import reference
from steelyard.web.api.row_bytes import ROW_FORMS
from steelyard.web.asked import FORMAT, Asked
from steelyard.web.negotiate import best_of
from steelyard.web.operation import Operation
from steelyard.web.site import Site
from steelyard.web.view import View

if TYPE_CHECKING:
    from steelyard.web.work import Work

__all__ = ["api_routes"]

FORMS = {"json": "application/json", **ROW_FORMS}
ASSIGN = Operation(summary="The arms that units are given now; with `expose`, logs that they were shown them.",
                   body=AssignBody, answer=AssignAnswer)  # fmt: skip
QUERY = Operation(
    summary="Governed metrics as a table with how it was made; or its rows as a file of any size.",
    body=QueryBody,
    answer=QueryAnswer,
    media=dict.fromkeys(ROW_FORMS.values(), "the rows"),
)


def api_routes(site: Site, routes: Callable[[], Sequence[BaseRoute]]) -> list[Route]:
    """The addresses of the data service.

    Args:
        site: Where they are.
        routes: Gives every route of the application, which the document describes.
    """
    assign = ApiEndpoint(site=site, body=AssignBody, build=Assigner().answer, operation=ASSIGN)
    return [
        Route("/assign", assign.answer, methods=["POST"]),
        Route("/query", QueryEndpoint(site, Exports(site)).answer, methods=["POST"]),
        Route("/openapi.json", OpenApi(site, routes).answer),
        Route("/api", site.endpoint(partial(reference, routes=routes))),
    ]


@dataclass(frozen=True)
class QueryEndpoint:
    """`POST /query`: JSON, or a file."""

    site: Site
    exports: Exports

    operation = QUERY

    async def answer(self, request: Request) -> Response:
        """The answer in the form that `?format=` or `Accept` asks for."""
        try:
            body = await body_of(request, QueryBody)
            asked = Asked(request.query_params.multi_items())
            form = best_of(
                asked.text(FORMAT), request.headers.get("accept", ""), {"json": "application/json", **ROW_FORMS}
            )
            if form != "json" and body.order:
                hint = "leave `order` out, or ask for JSON"
                raise DefinitionError("the rows of a file come by period and dimensions", where="order", hint=hint)
        except SteelyardError as error:
            return self.site.failed(request, error)
        if form != "json":
            return await self.exports.answer(request, partial(self._view, request), body, form)
        whole = ApiEndpoint(
            site=self.site, body=QueryBody, build=answer_query, operation=QUERY, queries=True, lasting=True
        )
        return await whole.said(request, body)

    def _view(self, request: Request, stack: ExitStack, work: Work) -> View:
        edition = stack.enter_context(self.site.live.lease())
        return View(edition=edition, names={}, asked=Asked(()), now=datetime.now(UTC), work=work)


@dataclass(frozen=True)
class OpenApi:
    """`GET /openapi.json`."""

    site: Site
    routes: Callable[[], Sequence[BaseRoute]]

    operation = Operation(summary="This description of every address, as OpenAPI 3.1.", answer=dict)

    async def answer(self, _: Request) -> Response:
        """The document."""
        import json

        content = json.dumps(openapi_document(self.routes(), self.site.live.name), indent=1).encode()
        return Response(content, media_type="application/json", headers={"cache-control": "no-cache"})
