"""`init`, `demo`, `check`, `load`, `build`, `refresh`, `simulate` and `erase`: the data in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steelyard.cli.options import AsJson, Folder, Target, as_date, opened
from steelyard.cli.output import show
from steelyard.cli.progress import shown_progress

if TYPE_CHECKING:
    from steelyard.project import Project

__all__ = ["add_to"]

HERE = Path()
Select = Annotated[list[str], typer.Option("--select", "-s", help="Only these sources or tables; may be repeated.")]
Since = Annotated[str | None, typer.Option("--since", help="First local date of a back-fill.")]
Until = Annotated[str | None, typer.Option("--until", help="Last local date of a back-fill.")]
Full = Annotated[bool, typer.Option("--full", help="Load or build everything anew.")]


def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Makes a small project that works, to be changed."""
    from steelyard.project.template import make_project

    for path in make_project(folder):
        typer.echo(f"wrote {path}")
    typer.echo(f"next: cd {folder} && steelyard refresh && steelyard query orders --by week")


def demo(
    folder: Annotated[Path | None, typer.Option(help="Where the project goes; default demo, or demo-shop.")] = None,
    data: Annotated[str, typer.Option(help="journey (real data) or shop (simulated).")] = "journey",
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Whether to serve the pages at the end.")] = True,
    port: Annotated[int, typer.Option(help="The port of the pages; 0 takes a free one.")] = 8765,
) -> None:
    """From raw events to a decision that is replayed, on real data; then the pages."""
    from steelyard.cli.demo import run_demo

    run_demo(data, folder, serve=serve, port=port)


def check(project: Folder = HERE, target: Target = None, as_json: AsJson = False) -> None:
    """Validates the whole project without running it; exits 2 when something is wrong."""
    from steelyard.project.blocks import problem_blocks
    from steelyard.project.check import check_project, definition_counts

    with opened(project, target) as found:
        checked, counts = check_project(found), definition_counts(found)
    data = {
        "problems": [error.to_dict() for error in checked.problems],
        "not_checked": list(checked.unknown),
        "definitions": counts,
    }
    show(problem_blocks(checked, counts), data, as_json=as_json)
    if checked.problems:
        raise typer.Exit(2)


def load(
    names: Annotated[list[str] | None, typer.Argument(help="Sources; all of them by default.")] = None,
    since: Since = None,
    until: Until = None,
    full: Full = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Loads sources into the warehouse; a load is whole or not at all, and may be repeated."""
    with opened(project, target) as found:
        _refresh(found, names or (), since, until, full, build=False, as_json=as_json)


def build(
    names: Annotated[list[str] | None, typer.Argument(help="Tables; all of them by default.")] = None,
    since: Since = None,
    until: Until = None,
    full: Full = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Builds tables beside, tests them, and publishes those whose blocking tests pass."""
    with opened(project, target) as found:
        _refresh(found, names or (), since, until, full, load=False, as_json=as_json)


def refresh(
    select: Select = [],  # noqa: B006 - typer copies it
    since: Since = None,
    until: Until = None,
    full: Full = False,
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Loads and builds; exits 3 when a blocking test fails, and says which published numbers are affected."""
    with opened(project, target) as found:
        _refresh(found, select, since, until, full, as_json=as_json)


def _refresh(
    project: Project,
    select: Sequence[str],
    since: str | None,
    until: str | None,
    full: bool,
    *,
    load: bool = True,
    build: bool = True,
    as_json: bool = False,
) -> None:
    from steelyard.project.blocks import refresh_blocks

    with shown_progress(hidden=as_json) as progress:
        report = project.refresh(
            select=tuple(select) or None,
            since=as_date(since, "--since"),
            until=as_date(until, "--until"),
            full=full,
            load=load,
            build=build,
            progress=progress,
        )
    show(refresh_blocks(report), report.to_dict(), as_json=as_json)
    if report.failed:
        raise typer.Exit(3)


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the Parquet files go.")],
    events: Annotated[int, typer.Option(help="How many events, 10,000 to 100 million.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data on every machine.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Writes a simulated shop with a known truth."""
    from steelyard.document import Table
    from steelyard.result.blocks import arrow_block
    from steelyard.simulate import shop

    made = shop(events=events, seed=seed)
    made.write_parquet(folder)
    counts = {row["quantity"]: row["value"] for row in made.truth.to_pylist()}
    fixed = {name: batch.num_rows for name, batch in made.fixed().items()}
    rows = [(name, fixed[name] if name in fixed else int(counts[f"rows of {name}"])) for name in made.tables]
    data = {"tables": dict(rows), "truth": made.truth.to_pylist()}
    show([Table(["table", "rows"], rows), arrow_block(made.truth, caption="What is true of it")], data, as_json=as_json)


def erase(
    table: Annotated[
        list[str], typer.Option("--table", help="TABLE.COLUMN that holds the person's id; may be repeated.")
    ],
    person: Annotated[str, typer.Option(help="The person's id; it is not stored.", envvar="STEELYARD_PERSON")],
    who: Annotated[str, typer.Option(help="Who erases.")],
    why: Annotated[str, typer.Option(help="The reason, such as the request's number.")],
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Removes a person's rows from every kept version, and records that it was done."""
    from steelyard.document import Callout
    from steelyard.project.blocks import entry_blocks

    with opened(project, target) as found:
        entry = found.erase(table, person, who=who, why=why)
        left = _not_reached(found, table)
    rows = sum(item["rows"] for item in entry.body["tables"].values())
    says = [f"{rows:,} rows were taken away.", "The sources are as they were: a load of them brings the person back."]
    if left:
        says.append(f"Not named, and with a column of that name or with rejected rows: {', '.join(left)}.")
    note = Callout("note", "What was reached", " ".join(says))
    data = {"entry": entry.digest, "body": entry.body, "rows": rows, "not_reached": left}
    show([*entry_blocks(entry), note], data, as_json=as_json)


def _not_reached(project: Project, named: Sequence[str]) -> list[str]:
    """Tables that may hold the person too: they have a column of a name that was given, or keep rejected rows."""
    done = {item.rpartition(".")[0] for item in named}
    columns = {item.rpartition(".")[2] for item in named}
    tables = project.store.snapshot().tables
    return sorted(
        name
        for name, table in tables.items()
        if name not in done and (columns & set(table.columns) or name.endswith("_rejects"))
    )


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (init, demo, check, load, build, refresh, simulate, erase):
        app.command()(command)
