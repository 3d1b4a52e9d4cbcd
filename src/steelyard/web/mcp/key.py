"""What a process that answers an agent may do: reading, unless a key in its environment says more."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.errors import DefinitionError
from steelyard.project import Project
from steelyard.web.access.rights import MAY, Right

__all__ = ["READING", "VARIABLE", "rights_by_key"]

VARIABLE = "STEELYARD_KEY"
READING: frozenset[Right] = frozenset({"read", "ask"})
"""Who starts the process can read the project's files."""


def rights_by_key(project: Project, environment: Mapping[str, str]) -> tuple[frozenset[Right], str]:
    """What may be done, and the name of the key that says so; empty without a key.

    Args:
        project: Its settings name the keys and their roles, under `access`.
        environment: The process's; `STEELYARD_KEY` holds the key.

    Raises:
        DefinitionError: The key is none of the project's.
    """
    given = environment.get(VARIABLE, "").strip()
    if not given:
        return READING, ""
    for name, key in project.settings.access.keys.items():
        if key.accepts(given):
            return MAY[key.role], name
    hint = "leave it out to read, or name its hash in steelyard.toml: `steelyard access key` makes one"
    raise DefinitionError("the key is none of this project's", where=VARIABLE, hint=hint)
