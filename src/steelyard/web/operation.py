"""What an address does, as its documentation tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import BaseRoute, Route

__all__ = ["Operation", "PageAnswer", "operation_of"]


@dataclass(frozen=True, kw_only=True)
class PageAnswer:
    """A page for a program.

    Args:
        title: The page's title.
        data: What it shows, as plain values.
        blocks: The same as blocks, which `steelyard.document.from_json` reads.
    """

    title: str
    data: dict[str, Any]
    blocks: list[Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What an address does.

    Args:
        summary: One sentence.
        answer: The type of its JSON answer; None where it is no JSON.
        body: The type of what is sent; None where nothing is.
        takes: The parameters that it knows beside `format`.
        media: Other media types that it answers with -> what they hold.
    """

    summary: str
    answer: type | None
    body: type | None = None
    takes: Sequence[str] = ()
    media: Mapping[str, str] = field(default_factory=dict)


def operation_of(route: BaseRoute) -> Operation | None:
    """What a route says of itself; None where it is no address of this application."""
    endpoint: Any = route.endpoint if isinstance(route, Route) else None
    while hasattr(endpoint, "func"):
        endpoint = endpoint.func
    owner = getattr(endpoint, "__self__", None)
    found = getattr(owner if owner is not None else endpoint, "operation", None)
    return found if isinstance(found, Operation) else None
