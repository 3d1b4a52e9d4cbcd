"""`query`, `how` and `explain`: metrics in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli.auditing import AsOf, By, Definitions, as_definitions
from steelyard.cli.options import AsJson, Details, Folder, Target, as_date, opened
from steelyard.cli.output import show
from steelyard.errors import DefinitionError

if TYPE_CHECKING:
    from steelyard.metrics import MetricTable
    from steelyard.metrics.product import ProductTable
    from steelyard.project import Project

__all__ = ["add_to"]

HERE = Path()
Where = Annotated[str | None, typer.Option("--where", "-w", help="A condition on dimensions.")]
Since = Annotated[str | None, typer.Option("--since", help="First local date.")]
Until = Annotated[str | None, typer.Option("--until", help="Last local date.")]
Having = Annotated[str | None, typer.Option("--having", help="A condition on the metrics, such as 'revenue > 100'.")]
Top = Annotated[list[str], typer.Option("--top", help="DIMENSION=N: its N largest values; the rest is (other).")]
Context = Annotated[str | None, typer.Option("--context", help="As --where, and fixed totals and shares obey it too.")]
Complete = Annotated[str | None, typer.Option("--complete-through", help="The last day that is known completely.")]


def query(
    metrics: Annotated[list[str], typer.Argument(help="One metric, or several; or one funnel, cohorts, paths ...")],
    by: By = [],  # noqa: B006 - typer copies it
    where: Where = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(help="The most rows.")] = None,
    having: Having = None,
    top: Top = [],  # noqa: B006
    context: Context = None,
    complete_through: Complete = None,
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
    asked: dict[str, Any] = {
        "by": by,
        "where": where,
        "since": as_date(since, "--since"),
        "until": as_date(until, "--until"),
        "limit": limit,
        "having": having,
        "top": _top(top),
        "context": context,
        "complete_through": as_date(complete_through, "--complete-through"),
        "as_of": as_of,
        "definitions": as_definitions(definitions),
    }
    with opened(project, target) as found:
        if len(metrics) == 1 and metrics[0] in found.definitions.metrics.analyses:
            table: MetricTable | ProductTable = _analysis(found, metrics[0], asked)
        elif sql:
            typer.echo(found.sql(metrics, **asked))
            return
        else:
            table = found.query(metrics, **asked)
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


def _analysis(project: Project, name: str, asked: dict[str, Any]) -> ProductTable:
    """The answer to a product analysis, which takes less than a question to metrics does."""
    refused = [option for option in ("limit", "having", "context") if asked[option] is not None]
    if refused or asked["definitions"] != "now":
        option = (refused or ["definitions"])[0]
        raise DefinitionError(
            f"{name!r} is no metric, and takes no --{option}", where=f"--{option}", hint="leave it out"
        )
    top = asked["top"]
    given = {key: asked[key] for key in ("by", "where", "since", "until", "as_of", "complete_through")}
    return project.analyse(name, **given, top=next(iter(top.values())) if top else None)


def _top(given: list[str]) -> dict[str, int] | None:
    """Dimension -> how many of its values stand apart."""
    found: dict[str, int] = {}
    for text in given:
        name, equals, most = text.partition("=")
        if not equals or not most.strip().isdigit():
            raise DefinitionError(f"{text!r} says no dimension and number", where="--top", hint="write it as country=5")
        found[name.strip()] = int(most)
    return found or None


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
