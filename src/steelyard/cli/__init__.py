"""The terminal: parse, ask the project, print."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The `steelyard` command."""
    from steelyard.cli.app import run

    run()
