"""An error as the answer to a request."""

from __future__ import annotations

from copy import copy

from starlette.requests import Request

from steelyard.errors import SteelyardError
from steelyard.web.access.visitor import visitor_of
from steelyard.web.asked import FORMAT
from steelyard.web.failure import failure_page
from steelyard.web.live import Edition
from steelyard.web.made import Made
from steelyard.web.negotiate import MEDIA, Form, wanted
from steelyard.web.render import Surroundings, as_html, error_as_json

__all__ = ["around_page", "failure", "form_of"]


def failure(request: Request, error: SteelyardError, around: Surroundings) -> Made:
    """The error as a page or as JSON."""
    error = copy(error)  # the project keeps the one that it found
    error.where = error.where.replace(around.folder, "") if around.folder else error.where
    page = failure_page(error)
    form = form_of(request)
    body = error_as_json(error) if form == "json" else as_html(page, around)
    return Made(body, MEDIA[form], status=page.status, headers=getattr(error, "headers", {}))


def form_of(request: Request) -> Form:
    """As `wanted`, for a request of which anything may be wrong; one that sends something is a program's."""
    accept = request.headers.get("accept", "")
    if request.headers.get("content-type", "").startswith("application/json"):
        return "json"
    asked = request.query_params.getlist(FORMAT)
    return wanted(asked[0] if asked and asked[0] in ("html", "json") else "", accept)


def around_page(request: Request, edition: Edition) -> Surroundings:
    """What is shown around a page of this edition."""
    project = edition.project
    return Surroundings(
        project=project.name,
        target=project.target_name,
        folder=f"{project.folder}/",
        path=request.url.path,
        query=request.url.query,
        trouble=edition.trouble,
        state=edition.says(),
        signed_in=visitor_of(request).by == "session",
    )
