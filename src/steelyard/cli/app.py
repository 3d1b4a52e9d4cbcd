"""The command line's tree of commands, and how it ends."""

from __future__ import annotations

from typing import Annotated

import typer

from steelyard.cli import access, ask, auditing, data, importing, ledger, ramp, serving, studies, watch
from steelyard.cli.ending import end

__all__ = ["app", "run"]

app = typer.Typer(
    name="steelyard",
    help="From raw events to decisions that can be defended and replayed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (data, ask, auditing, watch, importing, studies, ramp, serving):
    module.add_to(app)
app.add_typer(ledger.app, name="ledger")
app.add_typer(access.app, name="access")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"steelyard {version('steelyard')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From raw events to decisions that can be defended and replayed."""


def run() -> None:
    """Runs the command line and ends the process: 0, or what went wrong.

    2 is a definition, 3 data or warehouse, 4 strict and invalid, 5 alerts.
    """
    end(app)
