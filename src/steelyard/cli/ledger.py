"""`ledger`: what was registered, found and decided, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steelyard.cli.options import AsJson, Folder, Target, opened
from steelyard.cli.output import print_json, show

__all__ = ["app"]

app = typer.Typer(help="What was registered, found and decided; and whether it is whole.", no_args_is_help=True)
HERE = Path()


@app.command("list")
def entries(
    kind: Annotated[str | None, typer.Option(help="registration, result, decision, refresh, erasure ...")] = None,
    name: Annotated[str | None, typer.Option(help="Of one study or decision.")] = None,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Every entry, oldest first."""
    from steelyard.document import Column, Table

    with opened(project, target) as found:
        rows = [
            (entry.number, entry.at, entry.kind, entry.name, entry.digest)
            for entry in found.ledger.entries(kind=kind, name=name)
        ]
        heads = found.ledger.heads()
    table = Table(
        [Column("number"), Column("at"), Column("kind"), Column("name"), Column("digest")],
        [(*row[:-1], row[-1][:16]) for row in rows],
        caption=f"head: {', '.join(heads)}",
    )
    data = [dict(zip(("number", "at", "kind", "name", "digest"), row, strict=True)) for row in rows]
    show([table], {"entries": data, "heads": list(heads)}, as_json=as_json)


@app.command("show")
def one(
    digest: Annotated[str, typer.Argument(help="The entry's digest, or its unique beginning.")],
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """One entry, whole."""
    from steelyard.project.blocks import entry_blocks

    with opened(project, target) as found:
        entry = found.ledger.get(digest)
    body = {
        "number": entry.number,
        "digest": entry.digest,
        "kind": entry.kind,
        "name": entry.name,
        "at": entry.at,
        "parents": list(entry.parents),
        "body": entry.body,
    }
    show(entry_blocks(entry), body, as_json=as_json)


@app.command()
def verify(
    head: Annotated[str | None, typer.Option(help="A head that was printed earlier and must still be there.")] = None,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Recomputes every digest; exits 3 when something was changed, removed or reordered."""
    with opened(project, target) as found:
        outcome = found.ledger_check(head)
        heads = found.ledger.heads()
    if as_json:
        print_json(
            {"ok": outcome.ok, "entries": outcome.entries, "problems": list(outcome.problems), "heads": list(heads)}
        )
    elif outcome.ok:
        typer.echo(f"whole: {outcome.entries:,} entries; head {', '.join(heads)}")
    else:
        for problem in outcome.problems:
            typer.echo(f"broken: {problem}")
    if not outcome.ok:
        raise typer.Exit(3)
