"""`serve`: the pages on loopback; `mcp`: answers to an agent."""

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
    options = ["--host", host, "--port", str(port), *(["--anyone"] if anyone else [])]
    _become("steelyard.web", folder, options, target)


def _become(module: str, folder: Path, options: list[str], target: str | None) -> NoReturn:
    command = [sys.executable, "-m", module, str(folder), *options, *(["--target", target] if target else [])]
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter


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


def mcp(project: Folder = HERE, target: Target = None) -> None:
    """Answers an agent over the Model Context Protocol, on standard input and output; it only reads."""
    with opened(project, target) as found:
        folder = found.folder
    _become("steelyard.web.mcp", folder, [], target)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (serve, mcp):
        app.command()(command)
