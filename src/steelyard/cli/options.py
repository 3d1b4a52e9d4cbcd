"""Options that several commands share."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steelyard.errors import DefinitionError

if TYPE_CHECKING:
    from steelyard.project import Project

__all__ = ["AsJson", "Details", "Folder", "Target", "as_date", "opened"]

Folder = Annotated[
    Path, typer.Option("--project", "-p", help="The project's folder, or one inside it.", envvar="STEELYARD_PROJECT")
]
Target = Annotated[
    str | None,
    typer.Option("--target", "-t", help="The environment, such as prod.", envvar="STEELYARD_TARGET"),
]
Details = Annotated[bool, typer.Option("--details", help="Show the folded parts as well.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def opened(folder: Path, target: str | None) -> Project:
    """The project in the folder."""
    from steelyard.project import open_project

    return open_project(folder, target=target)


def as_date(text: str | None, option: str) -> date | None:
    """The date that an option gives.

    Raises:
        DefinitionError: It is none.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DefinitionError(f"{text!r} is not a date", where=option, hint="write it as 2026-01-31") from error
