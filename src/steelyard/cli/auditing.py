"""`drill`, `restate` and `search`: rows behind a number, what it was before, and where a word stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from steelyard.cli.options import AsJson, Details, Folder, Target, as_date, opened
from steelyard.cli.output import show
from steelyard.errors import DefinitionError

__all__ = ["AsOf", "Definitions", "add_to", "as_definitions"]

HERE = Path()
MOMENT = "a catalog version, 2026-01-31 (the end of that day) or 2026-01-31T08:00:00Z"
By = Annotated[list[str], typer.Option("--by", "-b", help="A dimension, or hour, day, week, month, quarter, year.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help=f"As it was known then: {MOMENT}.")]
Definitions = Annotated[
    str, typer.Option("--definitions", help="now, or then: metrics defined as they were at the moment.")
]


def drill(
    metric: Annotated[str, typer.Argument(help="The metric.")],
    at: Annotated[
        list[str], typer.Option("--at", help="The cell, as DIMENSION=VALUE or month=2026-01-01; may be repeated.")
    ] = [],  # noqa: B006 - typer copies it
    where: Annotated[str | None, typer.Option("--where", "-w", help="A condition on dimensions.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="First local date.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last local date.")] = None,
    side: Annotated[str | None, typer.Option(help="Of a ratio: numerator or denominator.")] = None,
    limit: Annotated[int, typer.Option(help="The most rows; all are counted.")] = 20,
    as_of: AsOf = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write CSV, Parquet or JSON, by the ending.")
    ] = None,
    details: Details = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """The very rows behind one cell of an answer."""
    with opened(project, target) as found:
        rows = found.drill(
            metric,
            _cell(at),
            as_of=as_of,
            where=where,
            since=as_date(since, "--since"),
            until=as_date(until, "--until"),
            side=side,
            limit=limit,
        )
    if output is not None:
        from steelyard.metrics.export import write_table

        write_table(rows.table, output)
        typer.echo(f"{rows.table.num_rows:,} of {rows.rows:,} rows written to {output}")
        return
    show(rows.blocks(), rows.to_dict(), as_json=as_json, details=details)


def restate(
    metric: Annotated[str, typer.Argument(help="The metric.")],
    from_: Annotated[str, typer.Option("--from", help=f"The earlier moment: {MOMENT}.")],
    to: Annotated[str | None, typer.Option("--to", help="The later moment; now by default.")] = None,
    by: By = [],  # noqa: B006
    where: Annotated[str | None, typer.Option("--where", "-w", help="A condition on dimensions.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="First local date.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last local date.")] = None,
    definitions: Definitions = "now",
    details: Details = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """What a metric was at one moment and is at another, and why; the reasons add up to the change."""
    with opened(project, target) as found:
        told = found.restatement(
            metric,
            from_=from_,
            to=to,
            definitions=as_definitions(definitions),
            by=tuple(by),
            where=where,
            since=as_date(since, "--since"),
            until=as_date(until, "--until"),
        )
    show(told.blocks(), told.to_dict(), as_json=as_json, details=details)


def as_definitions(text: str) -> Literal["now", "then"]:
    """Which definitions an option means.

    Raises:
        DefinitionError: It is neither.
    """
    if text not in ("now", "then"):
        raise DefinitionError(f"{text!r} says no time", where="--definitions", hint="now, or then")
    return "now" if text == "now" else "then"


def _cell(said: list[str]) -> dict[str, Any]:
    cell: dict[str, Any] = {}
    for text in said:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise DefinitionError(f"{text!r} is no part of a cell", where="--at", hint="write it as country=DE")
        if name.strip() in cell:
            raise DefinitionError(f"{name.strip()!r} is given twice", where="--at", hint="a cell has one value of each")
        cell[name.strip()] = value.strip()
    return cell


def search(
    words: Annotated[list[str], typer.Argument(help="Words; the beginning of a word is enough.")],
    kind: Annotated[
        list[str], typer.Option("--kind", help="Only metric, study, decision, initiative, table or document.")
    ] = [],  # noqa: B006 - typer copies it
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """What the project knows by these words: metrics, studies, decisions, tables, documents."""
    with opened(project, target) as found:
        outcome = found.search(" ".join(words), kinds=kind)
    show(outcome.blocks(), outcome.to_dict(), as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (drill, restate, search):
        app.command()(command)
