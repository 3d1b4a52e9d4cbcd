"""`query`, `how` and `explain`: metrics in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steelyard.cli.auditing import AsOf, By, Definitions, as_definitions
from steelyard.cli.options import AsJson, Details, Folder, Target, as_date, opened
from steelyard.cli.output import show
from steelyard.errors import DefinitionError

__all__ = ["add_to"]

HERE = Path()
Where = Annotated[str | None, typer.Option("--where", "-w", help="A condition on dimensions.")]
Since = Annotated[str | None, typer.Option("--since", help="First local date.")]
Until = Annotated[str | None, typer.Option("--until", help="Last local date.")]


def query(
    metrics: Annotated[list[str], typer.Argument(help="One metric, or several.")],
    by: By = [],  # noqa: B006 - typer copies it
    where: Where = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(help="The most rows.")] = None,
    as_of: AsOf = None,
    definitions: Definitions = "now",
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL and do not run it.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write CSV, Parquet or JSON, by the ending."),
    ] = None,
    details: Details = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Governed metrics as a table with a sparkline."""
    with opened(project, target) as found:
        table = found.query(
            metrics,
            by=by,
            where=where,
            since=as_date(since, "--since"),
            until=as_date(until, "--until"),
            limit=limit,
            as_of=as_of,
            definitions=as_definitions(definitions),
        )
    if sql:
        typer.echo(table.how.sql)
        return
    if output is not None:
        table.write(output)
        typer.echo(f"{table.table.num_rows:,} rows written to {output}")
        return
    show(table.blocks(), table.to_dict(), as_json=as_json, details=details)


def how(
    metric: Annotated[str, typer.Argument(help="The metric.")],
    by: By = [],  # noqa: B006
    where: Where = None,
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    definitions: Definitions = "now",
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """How a number is made: its definition and that one's history, the SQL, what was read, where it comes from."""
    with opened(project, target) as found:
        told = found.how(
            metric,
            by=by,
            where=where,
            since=as_date(since, "--since"),
            until=as_date(until, "--until"),
            as_of=as_of,
            definitions=as_definitions(definitions),
        )
    show(told.blocks(), told.to_dict(), as_json=as_json)


def explain(
    metric: Annotated[str, typer.Argument(help="The metric.")],
    before: Annotated[str, typer.Option(help="The baseline: FIRST..LAST, local dates, both included.")],
    after: Annotated[str, typer.Option(help="What is to be explained: FIRST..LAST.")],
    dimension: Annotated[list[str], typer.Option("--dimension", "-d", help="Look only at these.")] = [],  # noqa: B006
    details: Details = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Why a metric moved between two ranges of dates."""
    with opened(project, target) as found:
        explanation = found.explain(
            metric,
            before=_range(before, "--before"),
            after=_range(after, "--after"),
            dimensions=tuple(dimension) or None,
        )
    show(explanation.blocks(), explanation.to_dict(), as_json=as_json, details=details)


def _range(text: str, option: str) -> tuple[str, str]:
    first, dots, last = text.partition("..")
    if not dots or not first or not last:
        raise DefinitionError(
            f"{text!r} is not a range of dates", where=option, hint="write it as 2026-07-01..2026-09-30"
        )
    return first.strip(), last.strip()


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (query, how, explain):
        app.command()(command)
