"""`serve`: the pages on loopback."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from steelyard.cli.options import Folder, Target, opened

__all__ = ["add_to", "become_server"]

HERE = Path()


def become_server(folder: Path, *, host: str, port: int, target: str | None = None, anyone: bool = False) -> NoReturn:
    """Turns this process into the web server, so that signals and the exit code are the server's own.

    The terminal and the web app do not know each other; the web app has an entrance of its own.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, "-m", "steelyard.web", str(folder), "--host", host, "--port", str(port)]
    more = [*(["--target", target] if target else []), *(["--anyone"] if anyone else [])]
    os.execv(sys.executable, [*command, *more])  # noqa: S606 - our own interpreter


def serve(
    host: Annotated[str, typer.Option(help="The address; loopback unless you know why.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8765,
    anyone: Annotated[
        bool, typer.Option("--anyone", help="Let everybody who reaches another address than loopback read.")
    ] = False,
    project: Folder = HERE,
    target: Target = None,
) -> None:
    """Serves the project's pages, and says where."""
    with opened(project, target) as found:
        folder = found.folder
    become_server(folder, host=host, port=port, target=target, anyone=anyone)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(serve)
