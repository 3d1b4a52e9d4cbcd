"""What each role may do, and what each address asks for: one table of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from starlette.routing import BaseRoute, Match, Mount, Route

from steelyard.project.access import Role

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["MAY", "RIGHTS", "Right", "may", "named", "right_of"]

Right = Literal["open", "read", "ask", "study", "act"]
MAY: Mapping[Role, frozenset[Right]] = {
    "viewer": frozenset({"open", "read"}),
    "analyst": frozenset({"open", "read", "ask", "study"}),
    "decider": frozenset({"open", "read", "ask", "study", "act"}),
}
"""`open`: without signing in. `read`: pages. `ask`: questions of one's own. `study`: runs, replays. `act`: the rest."""
ASKING = ("where",)
"""Parameters by which a page becomes a question of one's own."""
RIGHTS: Mapping[str, Right] = {
    "GET /": "read",
    "GET /metrics": "read",
    "GET /metrics/{name}": "read",
    "GET /metrics/{name}/explain": "read",
    "GET /metrics/{name}/rows": "read",
    "GET /analyses/{name}": "read",
    "GET /dashboards": "read",
    "GET /dashboards/{name}": "read",
    "GET /initiatives": "read",
    "GET /search": "read",
    "GET /documents/{name:path}": "read",
    "GET /studies": "read",
    "GET /studies/{name}": "read",
    "GET /studies/{name}/plan": "read",
    "GET /results/{digest}": "read",
    "GET /results/{digest}/replay": "study",
    "GET /decisions": "read",
    "GET /decisions/{digest}": "read",
    "GET /decisions/{digest}/replay": "study",
    "GET /data": "read",
    "GET /data/{table}": "read",
    "GET /ledger": "read",
    "GET /ledger/{digest}": "read",
    "GET /work/{id}": "read",
    "POST /work/{id}/cancel": "read",
    "GET /work/{id}/cancelled": "read",
    "GET /studies/{name}/register": "study",
    "POST /studies/{name}/register": "study",
    "GET /studies/{name}/run": "study",
    "POST /studies/{name}/run": "study",
    "GET /studies/{name}/advance": "act",
    "POST /studies/{name}/advance": "act",
    "GET /studies/{name}/rollback": "act",
    "POST /studies/{name}/rollback": "act",
    "GET /studies/{name}/launch": "act",
    "POST /studies/{name}/launch": "act",
    "GET /studies/{name}/decide": "act",
    "POST /studies/{name}/decide": "act",
    "POST /query": "ask",
    "POST /assign": "study",
    "GET /api": "read",
    "GET /openapi.json": "read",
    "GET /login": "open",
    "POST /login": "open",
    "GET /account": "open",
    "POST /logout": "open",
    "GET /assets/{file}": "open",
    "GET /favicon.ico": "open",
}
"""Every address; one that is not here is for deciders alone, and fails a test."""


def may(role: Role, right: Right) -> bool:
    """Whether the role may do what needs this right.

    >>> may("viewer", "read"), may("viewer", "ask"), may("decider", "act")
    (True, False, True)
    """
    return right in MAY[role]


def named(routes: Iterable[BaseRoute]) -> list[str]:
    """The addresses of an application, as the table names them."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += [f"{method} {route.path}/" for method in ("GET", "POST")]
        elif isinstance(route, Route):
            found += [f"{method} {route.path}" for method in sorted((route.methods or set()) - {"HEAD"})]
    return found


def right_of(routes: Iterable[BaseRoute], scope: Scope) -> Right:
    """What a request needs: as the table says of the route that answers it; an address that leads nowhere is read."""
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    for route in routes:
        if route.matches(scope)[0] is Match.FULL:
            path = f"{route.path}/" if isinstance(route, Mount) else getattr(route, "path", "")
            right = RIGHTS.get(f"{method} {path}", "act")
            return "ask" if right == "read" and _asks(scope) else right
    return "read"


def _asks(scope: Scope) -> bool:
    from starlette.datastructures import QueryParams

    asked = QueryParams(scope.get("query_string", b""))
    return any(asked.get(name, "").strip() for name in ASKING)
