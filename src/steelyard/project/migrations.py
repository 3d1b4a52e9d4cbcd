"""Older formats of `steelyard.toml`, one step at a time to the present one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steelyard.errors import DefinitionError

__all__ = ["FORMAT", "MIGRATIONS", "migrated"]

Settings = dict[str, Any]


def _one_target(said: Settings) -> Settings:
    """Format 0 had one `warehouse` for the project; format 1 has targets."""
    targets = {"dev": {"warehouse": said.pop("warehouse")}} if "warehouse" in said else {}
    return {**({"targets": targets} if targets else {}), **said}


# Step number n turns format n into format n + 1.
MIGRATIONS: tuple[Callable[[Settings], Settings], ...] = (_one_target,)
FORMAT = len(MIGRATIONS)


def migrated(said: Mapping[str, Any], *, where: str) -> Settings:
    """What a settings file of any known format says, in the words of the present one; the file itself is not changed.

    Args:
        said: The file's content; without `format` it is of the present one.
        where: The file, for errors.

    Raises:
        DefinitionError: The format is not a whole number, or a newer one.
    """
    found = said.get("format", FORMAT)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise DefinitionError(f"format {found!r} is none", where=where, hint=f"the present one is {FORMAT}")
    if found > FORMAT:
        raise DefinitionError(
            f"the project has format {found}, and this Steelyard knows up to {FORMAT}",
            where=where,
            hint="use a newer Steelyard",
        )
    settings = dict(said)
    for step in MIGRATIONS[found:]:
        settings = step(settings)
    return {**settings, "format": FORMAT}
