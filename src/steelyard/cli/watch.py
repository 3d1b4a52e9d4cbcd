"""`watch`: alerts in the terminal, and for a scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steelyard.cli.options import AsJson, Details, Folder, Target, as_date, opened
from steelyard.cli.output import show

__all__ = ["add_to"]

HERE = Path()


def watch(
    alerts: Annotated[list[str] | None, typer.Argument(help="Alerts; all of them by default.")] = None,
    on: Annotated[str | None, typer.Option(help="The last local date that is looked at; yesterday by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell no sink, and remember nothing.")] = False,
    details: Details = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Judges alerts for a day and tells what is new; exits 5 when there are alerts."""
    with opened(project, target) as found:
        report = found.watch(tuple(alerts or ()), on=as_date(on, "--on"), send=not dry_run)
    show(report.blocks(), report.to_dict(), as_json=as_json, details=details)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(watch)
