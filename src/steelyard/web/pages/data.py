"""Data: every source and table, its tests, its lineage, the last refresh, and what the next one will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.dashboards import age, lineage_chart
from steelyard.document import (
    Block,
    Callout,
    Cell,
    Column,
    Facts,
    Figure,
    Format,
    Grid,
    Heading,
    Link,
    Paragraph,
    Section,
    Table,
    format_value,
)
from steelyard.errors import SteelyardError
from steelyard.web.page import Page, address
from steelyard.web.pages.problems import problem_callouts
from steelyard.web.pages.tables_known import KnownTable, known_tables, stations
from steelyard.web.view import View

__all__ = ["data"]

MARK = {"good": "✓", "bad": "✗", "warning": "!", "neutral": "–"}


def data(view: View) -> Page:
    """The list of sources and tables."""
    tables = known_tables(view)
    path = _critical_path(view, tables)
    entries = view.project.ledger.entries(kind="refresh")
    refresh = entries[-1] if entries else None
    blocks: list[Block] = [*problem_callouts(view.project.problems, view.project.folder)]
    if not tables:
        says = (
            "Files under sources/ say what is loaded, files under tables/ what is built; steelyard refresh does both."
        )
        blocks.append(Callout("note", "No data yet", says))
    else:
        blocks += [
            Grid(_figures(view, tables), columns=4),
            *_failures(tables),
            lineage_chart("Lineage", stations(tables)),
            Heading("Sources and tables", 2, id="tables"),
            *_listed(view, tables),
        ]
    blocks += [*_last_refresh(view, refresh), *_path_blocks(path)]
    return Page(
        title="Data",
        section="Data",
        lead=[Heading("Data", 1)],
        blocks=blocks,
        data={
            "tables": [table.to_dict() for table in tables],
            "last_refresh": None if refresh is None else {"entry": refresh.digest, "at": refresh.at, **refresh.body},
            "critical_path": path if isinstance(path, dict) else None,
        },
    )


def _figures(view: View, tables: Sequence[KnownTable]) -> list[Block]:
    published = sorted(table.published_at for table in tables if table.published_at)
    checks = [check for table in tables for check in table.tests]
    holding = sum(check.status == "passed" for check in checks)
    rows = sum(table.rows or 0 for table in tables if table.kind != "quarantine")
    newest = age(published[-1], view.now) if published else "never"
    oldest = f"the oldest table {age(published[0], view.now)}" if published else None
    return [
        Figure("Tables", len(tables), note=f"{len(published)} published, {rows:,} rows"),
        Figure("Tests that hold", f"{holding:,} of {len(checks):,}" if checks else "none declared"),
        Figure("Rows in quarantine", sum(table.rejected or 0 for table in tables), Format.integer()),
        Figure("Published", newest, note=oldest),
    ]


def _listed(view: View, tables: Sequence[KnownTable]) -> list[Block]:
    """Sources and tables, those with trouble first; quarantine tables apart, folded away."""
    apart = [table for table in tables if table.kind == "quarantine"]
    order = ("bad", "warning", "neutral", "good")
    rest = sorted((table for table in tables if table.kind != "quarantine"), key=lambda table: _trouble(table, order))
    blocks: list[Block] = [_table(view, rest)]
    if apart:
        held = sum(table.rows or 0 for table in apart)
        title = f"Quarantine: {len(apart)} tables with {held:,} rows that did not parse"
        blocks.append(Section(title, [_table(view, apart)], open=False))
    return blocks


def _trouble(table: KnownTable, order: Sequence[str]) -> int:
    """Place among the others: those that are well stay in the order of the pipeline."""
    return min(order.index(table.status), 2)


def _table(view: View, tables: Sequence[KnownTable]) -> Table:
    integer = Format.integer()
    columns = {
        "table": Column("table"),
        "tests": Column("tests", "tests that hold"),
        "rows": Column("rows", format=integer, align="right"),
        "rejected": Column("rejected", format=integer, align="right"),
        "published": Column("published"),
        "kind": Column("kind"),
        "owner": Column("owner"),
    }
    rows = [_cells(view, table) for table in tables]
    shown = [name for name in columns if any(row[name] not in (None, "") for row in rows)]
    return Table([columns[name] for name in shown], [tuple(row[name] for name in shown) for row in rows])


def _cells(view: View, table: KnownTable) -> dict[str, Any]:
    holding = sum(check.status == "passed" for check in table.tests)
    return {
        "table": Link(table.name, address("data", table.name)),
        "tests": f"{MARK[table.status]} {holding} of {len(table.tests)}" if table.tests else "",
        "rows": table.rows,
        "rejected": table.rejected,
        "published": age(table.published_at, view.now) if table.published_at else "not published",
        "kind": table.kind,
        "owner": table.owner,
    }


def _failures(tables: Sequence[KnownTable]) -> list[Block]:
    failed = [(table, check) for table in tables for check in table.tests if check.status != "passed"]
    if not failed:
        return []
    rows = [
        (
            "✗" if check.status == "failed" else "–",
            Link(table.name, address("data", table.name)),
            check.says,
            check.name.replace("_", " "),
            check.severity,
            check.status.replace("_", " "),
        )
        for table, check in sorted(failed, key=lambda pair: not pair[1].stops)
    ]
    columns = [
        Column("holds", ""),
        Column("table"),
        Column("says"),
        Column("test"),
        Column("severity"),
        Column("status"),
    ]
    return [Heading("Tests that do not hold", 2, id="failures"), Table(columns, rows)]


def _last_refresh(view: View, entry: Any) -> list[Block]:
    if entry is None:
        return []
    body = entry.body
    says = "failed: something needs a person" if body.get("failed") else "nothing that blocks failed"
    facts: list[tuple[str, Cell]] = [
        ("when", f"{age(entry.at, view.now)} ({entry.at[:16].replace('T', ' ')} UTC)"),
        ("outcome", says),
        ("recorded as", Link(entry.digest[:16], address("ledger", entry.digest))),
    ]
    blocks: list[Block] = [Heading("Last refresh", 2, id="refresh"), Facts(facts)]
    blocks += _loads(body.get("loads", {}))
    if body.get("metrics"):
        blocks.append(Callout("bad", "Published numbers that are behind", ", ".join(body["metrics"])))
    return blocks


def _loads(loads: Mapping[str, Mapping[str, Any]]) -> list[Block]:
    """What was loaded; a load with something to say is shown, the others are folded away."""
    rows = [
        (name, load.get("status"), load.get("rows"), load.get("rejected"), load.get("says", ""))
        for name, load in loads.items()
    ]
    columns = [
        Column("load"), Column("status"), Column("rows", "new rows", Format.integer(), "right"),
        Column("rejected", format=Format.integer(), align="right"), Column("says"),
    ]  # fmt: skip
    noted = [row for row in rows if row[3] or row[4] or row[1] == "failed"]
    plain = [row[:4] for row in rows if row not in noted]
    blocks: list[Block] = [Table(columns, noted)] if noted else []
    if plain:
        blocks.append(
            Section(f"Loads without anything to note ({len(plain)})", [Table(columns[:4], plain)], open=False)
        )
    return blocks


def _critical_path(view: View, tables: Sequence[KnownTable]) -> dict[str, Any] | SteelyardError | None:
    """The longest way through the next refresh, from how long tables took; None where nothing ran yet."""
    from steelyard.pipeline.critical_path import critical_path, typical_seconds

    if not view.project.embedded:
        return None
    seconds = typical_seconds(view.project.store.snapshot().state)
    known = {table.name for table in tables if table.kind in ("source", "table")}
    inputs = {table.name: [name for name in table.inputs if name in known] for table in tables if table.name in known}
    if not seconds:
        return None
    try:
        path = critical_path(inputs, seconds)
    except SteelyardError as error:
        return error
    return {
        "tables": list(path.tables),
        "seconds": path.seconds,
        "each": {name: path.each[name] for name in path.tables},
        "ready_after": path.ready_after,
        "unknown": list(path.unknown),
    }


def _path_blocks(path: dict[str, Any] | SteelyardError | None) -> list[Block]:
    if path is None:
        return []
    if isinstance(path, SteelyardError):
        return [Callout("bad", "No critical path", path.problem)]
    ready = Format.duration()
    rows = [(name, path["each"][name]) for name in path["tables"]]
    blocks: list[Block] = [
        Heading("What a refresh takes", 2, id="critical-path"),
        Paragraph(
            f"About {format_value(path['ready_after'], ready)}. The longest way through the tables takes "
            f"{format_value(path['seconds'], ready)}: to be ready earlier, make a table on it faster."
        ),
        Table([Column("table"), Column("time", format=ready, align="right")], rows, caption="Critical path"),
    ]
    if path["unknown"]:
        blocks.append(Callout("note", "Not measured yet", ", ".join(path["unknown"])))
    return blocks
