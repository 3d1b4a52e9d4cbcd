"""`serve`: the pages on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steelyard.cli.options import Folder, Target, opened

__all__ = ["add_to"]

HERE = Path()


def serve(
    host: Annotated[str, typer.Option(help="The address; loopback unless you know why.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8765,
    project: Folder = HERE,
    target: Target = None,
) -> None:
    """Serves the project's pages, and says where."""
    from steelyard.web import serve as serve_project

    with opened(project, target) as found:
        serve_project(found, host=host, port=port, says=typer.echo)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(serve)
