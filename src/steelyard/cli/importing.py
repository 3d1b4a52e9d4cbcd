"""`import`: definitions of another semantic layer as a file of metrics, with what could not be carried over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steelyard.cli.options import AsJson, Details
from steelyard.cli.output import show
from steelyard.errors import DefinitionError

__all__ = ["add_to"]


def import_file(
    file: Annotated[Path, typer.Argument(help="dbt's target/semantic_manifest.json, or an Apache Ossie document.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the definitions, such as to metrics/imported.yml.")
    ] = None,
    format: Annotated[str, typer.Option(help="semantic-manifest or ossie; without it, what the file is.")] = "",  # noqa: A002
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")] = False,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Metrics of dbt or Apache Ossie as ours, and what could not be carried over."""
    from steelyard.metrics.importing import import_definitions

    if output is not None and output.exists() and not overwrite:
        hint = "give another name, or --overwrite to lose what is in it"
        raise DefinitionError(f"there is a file {str(output)!r} already", where="--output", hint=hint)
    imported = import_definitions(file, format=format)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(imported.yaml(), encoding="utf-8")
    show(imported.blocks(), imported.to_dict(), as_json=as_json, details=details)
    if output is not None and not as_json:
        typer.echo(f"{output} is written; metrics: {len(imported.metrics)}, tables: {len(imported.tables)}")


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import")(import_file)
