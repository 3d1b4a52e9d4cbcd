"""`ramp` and `assign`: stages of an experiment, and who is given what, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli.options import AsJson, Folder, Target, opened
from steelyard.cli.output import print_json, show
from steelyard.errors import DefinitionError

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.project import Project

__all__ = ["add_to"]

HERE = Path()
Name = Annotated[str, typer.Argument(help="The experiment's name: its file's, without the ending.")]
Who = Annotated[str, typer.Option(help="Who does it.")]
Why = Annotated[str, typer.Option(help="The reason.")]


def ramp(
    name: Name,
    advance: Annotated[bool, typer.Option("--advance", help="Begin the next stage.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Give everybody the unchanged product again.")] = False,
    launch: Annotated[str | None, typer.Option(help="Give this arm to everybody, which ends the test.")] = None,
    independence: Annotated[
        bool, typer.Option("--independence", help="Measure the draw against every experiment that runs.")
    ] = False,
    exposures: Annotated[
        bool, typer.Option("--exposures", help="Count what is logged of who was shown what, and list conflicts.")
    ] = False,
    who: Who = "",
    why: Why = "",
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Where an experiment's ramp stands and what its next stage needs; or one act on it, recorded for good."""
    from steelyard.project.ramp_blocks import act_data, ramp_blocks, ramp_data

    if sum((advance, rollback, launch is not None)) > 1:
        raise DefinitionError("several acts at once", where="ramp", hint="give one of --advance, --rollback, --launch")
    with opened(project, target) as found:
        if rollback:
            row = found.rollback(name, who=who, why=why)
            said = f"{name} is rolled back: everybody is given the unchanged product. Entry {row['entry'][:16]}."
            print_json(act_data(row)) if as_json else typer.echo(said)
            return
        measured = found.independence(name) if independence else None
        if advance:
            standing = found.advance(name, who=who, why=why)
        elif launch is not None:
            standing = found.launch(name, launch, who=who, why=why)
        else:
            standing = found.ramp(name)
        logged = found.exposures(name) if exposures else None
    show(ramp_blocks(standing, measured, logged), ramp_data(standing, measured, logged), as_json=as_json)


def assign(
    name: Name,
    unit: Annotated[list[str], typer.Option("--unit", "-u", help="A unit's id; may be repeated.")] = [],  # noqa: B006
    file: Annotated[Path | None, typer.Option(help="A CSV or Parquet file of units.")] = None,
    table: Annotated[str | None, typer.Option(help="A table of the warehouse, one row a unit.")] = None,
    column: Annotated[str, typer.Option(help="The column that holds the id; else the study's cluster or unit.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write CSV, Parquet or JSON, by the ending.")
    ] = None,
    arm: Annotated[str | None, typer.Option(help="Make testers of the units: they are given this arm.")] = None,
    who: Who = "",
    why: Why = "",
    project: Folder = HERE,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """The arm that units are given now: of ids, of a file, or of a table; nothing is stored."""
    if sum((bool(unit), file is not None, table is not None)) != 1:
        raise DefinitionError("no units, or units of several kinds", where="assign", hint="--unit, --file or --table")
    with opened(project, target) as found:
        if arm is not None:
            _make_testers(found, name, unit, arm, who, why)
        if unit:
            given = {one: found.assign(name, one) for one in unit}
            _show_units(given, as_json=as_json)
            return
        ids = _ids_of_file(file, column) if file is not None else _ids_of_table(found, name, str(table), column)
        rows = _rows(ids, found.assign_many(name, ids))
    if output is None:
        print_json(_counted(rows)) if as_json else typer.echo(_summary(rows))
        return
    from steelyard.metrics.export import write_table

    write_table(rows, output)
    typer.echo(f"{_summary(rows)}\nwritten to {output}")


def _make_testers(found: Project, name: str, units: list[str], arm: str, who: str, why: str) -> None:
    if not units:
        raise DefinitionError("testers are named one by one", where="--arm", hint="give --unit")
    for one in units:
        found.give(name, one, arm, who=who, why=why)


def _show_units(given: dict[str, str | None], *, as_json: bool) -> None:
    if as_json:
        print_json(given)
        return
    for one, arm in given.items():
        typer.echo(f"{one}\t{arm if arm is not None else '(unchanged product)'}")


def _ids_of_file(path: Path, column: str) -> Any:
    """The ids of a file, as they are written: 007 stays 007."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    from steelyard.errors import unknown_name

    parquets = path.suffix.lower() == ".parquet"
    if not parquets and path.suffix.lower() != ".csv":
        raise DefinitionError(f"{str(path)!r} ends with no known format", where="--file", hint=".csv or .parquet")
    names = parquet.read_schema(path).names if parquets else csv.open_csv(path).schema.names
    picked = column or names[0]
    if picked not in names:
        raise unknown_name("column", picked, names, where=str(path))
    if parquets:
        return parquet.read_table(path, columns=[picked])[picked]
    options = csv.ConvertOptions(include_columns=[picked], column_types={picked: pa.string()})
    return csv.read_csv(path, convert_options=options)[picked]


def _ids_of_table(found: Project, name: str, table: str, column: str) -> Any:
    from steelyard.errors import unknown_name
    from steelyard.warehouse import Query, quote_name

    study = found.experiment(name)
    unit = study.cluster or study.unit
    declared = found.definitions.metrics.tables.get(table)
    with found.warehouse(found.newest) as warehouse:
        if table not in warehouse.tables():
            raise unknown_name("table", table, warehouse.tables(), where="--table")
        columns = warehouse.columns(table)
        entity = declared.entities.get(unit, declared.key if declared.entity == unit else ()) if declared else ()
        picked = column or (unit if unit in columns or not entity else entity[0])
        if picked not in columns:
            raise unknown_name("column", picked, columns, where=f"table {table!r}")
        sql = f"SELECT {quote_name(picked)} AS unit FROM {quote_name(table)}"
        return warehouse.fetch(Query(sql=sql, limit=1_000_000_000))["unit"]


def _rows(ids: Any, found: Any) -> pa.Table:
    import pyarrow as pa

    return pa.table({"unit": ids, "arm": found.arms.dictionary_decode(), "stage": pa.array(found.stages)})


def _counted(rows: pa.Table) -> dict[str, int]:
    counts = rows.group_by("arm").aggregate([("unit", "count")]).to_pylist()
    return {str(item["arm"] or "unchanged product"): int(item["unit_count"]) for item in counts}


def _summary(rows: pa.Table) -> str:
    parts = [f"{arm} {n:,}" for arm, n in sorted(_counted(rows).items())]
    return f"{rows.num_rows:,} units: {', '.join(parts)}"


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (ramp, assign):
        app.command()(command)
