"""Who asks: in which role, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from steelyard.project.access import Role
from steelyard.web.access.sessions import Session

__all__ = ["Visitor", "visitor_of"]


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who asks.

    Args:
        role: What they may do.
        name: The user's or the key's name; empty where nobody has to sign in.
        by: How it is known: `session` signed in, `key` is a program, `place` is everybody who reaches the server.
        session: The browser's session; None for a key, and where none began.
    """

    role: Role
    name: str = ""
    by: Literal["session", "key", "place"] = "place"
    session: Session | None = None

    @property
    def kind(self) -> str:
        """All that a page may depend on: never the name."""
        return f"{self.role} {self.by}"

    @property
    def holder(self) -> str:
        """What sets its runs apart from those of others; everybody on one machine is one."""
        return f"{self.by} {self.name} {self.session.id if self.by == 'session' and self.session else ''}".strip()


def visitor_of(request: Request) -> Visitor:
    """Who asks; an application without a gate has no roles, and everybody may read."""
    found = request.scope.get("state", {}).get("visitor")
    return found if isinstance(found, Visitor) else Visitor(role="viewer")
