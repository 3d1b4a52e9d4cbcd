"""What somebody in a role may do next on a study."""

from __future__ import annotations

from typing import NamedTuple

from steelyard.errors import SteelyardError
from steelyard.project import Project
from steelyard.project.access import Role
from steelyard.web.access.rights import MAY, may
from steelyard.web.acts.act import Act
from steelyard.web.acts.known import ACTS
from steelyard.web.page import address

__all__ = ["NextAct", "next_acts"]

RAMP = ("advance", "launch", "rollback")


class NextAct(NamedTuple):
    """Something that may be done next.

    Args:
        name: Which act: `register`, `run`, `advance`, `launch`, `rollback` or `decide`.
        label: What its button says.
        href: The page that shows what will happen, asks, and does it.
        why_not: Why it cannot be done now, or not in this role; empty where it can.
    """

    name: str
    label: str
    href: str
    why_not: str


def next_acts(project: Project, name: str, role: Role) -> tuple[NextAct, ...]:
    """What may be done next on a study; what may not is there too, with the reason.

    Args:
        project: The project.
        name: The study.
        role: Of whoever looks.
    """
    study = project.definitions.studies.get(name)
    ramped = bool(project.stage_ledger.rows(name)) or bool(getattr(study, "ramp", None))
    acts = [act for act in ACTS if act.name not in RAMP or ramped]
    return tuple(
        NextAct(act.name, act.label, address("studies", name, act.name), _why_not(project, name, role, act))
        for act in acts
    )


def _why_not(project: Project, name: str, role: Role, act: Act) -> str:
    if not may(role, act.right):
        able = " or ".join(other for other, rights in MAY.items() if act.right in rights)
        return f"it takes {'an' if able.startswith('a') else 'a'} {able}"
    try:
        return act.before(project, name).why_not
    except SteelyardError as error:
        return error.problem
