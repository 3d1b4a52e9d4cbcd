"""Makes a project's folder from one of the templates inside the package."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from steelyard.errors import DefinitionError

__all__ = ["TEMPLATES", "make_project"]

TEMPLATES = ("start", "journey", "shop")


def make_project(folder: Path, template: str = "start", *, keep: bool = False) -> tuple[Path, ...]:
    """Writes a template's files into a folder; a file that is there is never overwritten.

    Args:
        folder: Where they go; made where it is absent.
        template: `start`, `journey` or `shop`.
        keep: Whether a folder that holds a project already is left as its user made it.

    Returns:
        The files that were written.

    Raises:
        DefinitionError: There is a project, or something else, in the folder already.
    """
    if template not in TEMPLATES:
        raise DefinitionError(f"no template {template!r}", hint=f"one of: {', '.join(TEMPLATES)}")
    if (folder / "steelyard.toml").exists():
        if keep:
            return ()
        raise DefinitionError(f"{str(folder)!r} holds a project already", where=str(folder), hint="name a new folder")
    if folder.exists() and any(folder.iterdir()):
        raise DefinitionError(f"{str(folder)!r} is not empty", where=str(folder), hint="name a new or empty folder")
    root = files("steelyard.project").joinpath("templates", template)
    written = [_copy(item, folder) for item in root.iterdir()]
    if template == "start":
        _name_after(folder)
    return tuple(path for paths in written for path in paths)


def _name_after(folder: Path) -> None:
    """Calls a new project what its folder is called."""
    settings = folder / "steelyard.toml"
    named = f"name = {json.dumps(folder.resolve().name, ensure_ascii=False)}"
    settings.write_text(settings.read_text("utf-8").replace('name = "start"', named, 1), "utf-8")


def _copy(source: Traversable, folder: Path) -> list[Path]:
    if source.name == "__pycache__":
        return []
    target = folder / source.name
    if source.is_dir():
        return [path for item in source.iterdir() for path in _copy(item, target)]
    folder.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    return [target]
