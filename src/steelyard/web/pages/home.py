"""Home: what needs somebody, the metrics, the latest studies and decisions, and how fresh the data is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steelyard.dashboards import age, home_blocks, latest_of, study_table, tile, trend_of
from steelyard.decisions.record import decisions as recorded_decisions
from steelyard.decisions.record import due_follow_ups
from steelyard.document import Block, Callout, Cell, Facts, Figure, Heading, Link, Paragraph
from steelyard.errors import SteelyardError
from steelyard.metrics import MetricCatalog, query
from steelyard.web.page import Page, address
from steelyard.web.pages.decisions import decision_rows
from steelyard.web.pages.problems import problem_callouts
from steelyard.web.pages.tables_known import KnownTable, known_tables
from steelyard.web.view import View

__all__ = ["home", "top_metrics"]

TILES = 8
ROWS = 5


def home(view: View) -> Page:
    """The first page."""
    project = view.project
    tables, tiles, metric_data, unanswered = _from_the_warehouse(view)
    results = latest_of(project.results())
    made = recorded_decisions(project.ledger)
    due = due_follow_ups(project.ledger, view.today)
    attention: list[Block] = [
        *problem_callouts(project.problems, project.folder),
        *_failed_tests(tables),
        *_due(view),
        *unanswered,
    ]
    studies: list[Block] = [
        study_table(
            project.definitions.studies,
            results,
            href=lambda name: address("studies", name),
            when=lambda at: age(at, view.now),
            most=ROWS,
        )
        if results or project.definitions.studies
        else Paragraph("No study is defined yet: a file under studies/ is one.")
    ]
    decisions: list[Block] = [
        decision_rows(made, view.now, most=ROWS)
        if made
        else Paragraph("No decision was recorded yet: steelyard decide records one.")
    ]
    blocks = home_blocks(
        attention=attention,
        tiles=tiles,
        tiles_say=_tiles_say(tiles),
        studies=studies,
        decisions=decisions,
        data=_freshness(view, tables),
    )
    data = {
        "project": project.name,
        "target": project.target_name,
        "problems": [error.to_dict() for error in project.problems],
        "metrics": metric_data,
        "studies": {
            name: {"entry": kept[0][0].digest, "verdict": kept[0][1].verdict.to_dict(), "at": kept[0][0].at}
            for name, kept in results.items()
        },
        "decisions": [item.to_dict() for item in made[::-1][:ROWS]],
        "due": [{"decision": item.entry.digest, "on": todo.on, "what": todo.what} for item, todo in due],
        "tables": [table.to_dict() for table in tables],
    }
    return Page(title=project.name, section="Home", lead=[Heading(project.name, 1)], blocks=blocks, data=data)


def top_metrics(catalog: MetricCatalog) -> tuple[str, ...]:
    """The metrics that come first: those that a tree takes apart, its parts, and then as they are defined."""
    roots = list(catalog.trees)
    parts = [branch.metric for tree in catalog.trees.values() for branch in tree.branches]
    return tuple(dict.fromkeys([*roots, *parts, *catalog.metrics]))


def _from_the_warehouse(view: View) -> tuple[list[KnownTable], list[Figure], dict[str, Any], list[Block]]:
    """Tables, tiles and their values; a callout where the warehouse went away, so that the rest still shows."""
    try:
        tables = known_tables(view)
        return tables, *_tiles(view)
    except SteelyardError as error:
        says = " ".join(part for part in (error.problem, error.hint) if part)
        return [], [], {}, [Callout("bad", "The warehouse did not answer", says)]


def _tiles(view: View) -> tuple[list[Figure], dict[str, Any], list[Block]]:
    """The tiles, their values, and what could not be answered."""
    catalog = view.project.definitions.metrics
    names = top_metrics(catalog)[:TILES]
    tiles: list[Figure] = []
    data: dict[str, Any] = {}
    wrong: list[Block] = []
    if not names:
        return tiles, data, wrong
    with view.warehouse() as warehouse:
        for name in names:
            try:
                trend = trend_of(query(catalog, warehouse, [name], by=("week",)), name)
            except SteelyardError as error:
                wrong.append(Callout("warning", f"{name} has no number", f"{error.problem} {error.hint}".strip()))
                continue
            tiles.append(tile(trend, href=address("metrics", name)))
            last = trend.last
            data[name] = {"period": last[0], "value": last[1], "change": trend.change} if last else None
    return tiles, data, wrong


def _tiles_say(tiles: list[Figure]) -> str:
    if not tiles:
        return "No metric has a number yet: files under metrics/ define them, steelyard refresh fills the tables."
    return "The last whole week of each, against the week before."


def _failed_tests(tables: list[KnownTable]) -> Iterator[Block]:
    stopping = [table for table in tables if table.status == "bad"]
    if stopping:
        says: list[Any] = []
        for table in stopping:
            says += [Link(table.name, address("data", table.name)), f": {table.tests_say}. "]
        yield Callout("bad", "Data tests that do not hold", says)


def _due(view: View) -> Iterator[Block]:
    due = due_follow_ups(view.project.ledger, view.today)
    if due:
        count = "1 follow-up is due" if len(due) == 1 else f"{len(due):,} follow-ups are due"
        says: list[Any] = []
        for item, todo in due[:ROWS]:
            link = Link(item.decision.name, address("decisions", item.entry.digest))
            says += ["\n" if says else "", f"{todo.on}: {todo.what} (", link, ")"]
        if len(due) > ROWS:
            says += ["\n", Link(f"and {len(due) - ROWS:,} more", "/decisions")]
        yield Callout("warning", count, says)


def _freshness(view: View, tables: list[KnownTable]) -> list[Block]:
    published = [table for table in tables if table.published_at]
    if not published:
        return [Paragraph(["Nothing was loaded or built yet: ", "steelyard refresh does. ", Link("All data", "/data")])]
    newest = max(published, key=lambda table: table.published_at)
    oldest = min(published, key=lambda table: table.published_at)
    facts: list[tuple[str, Cell]] = [
        ("tables", len(published)),
        ("rows", sum(table.rows or 0 for table in published)),
        ("last published", f"{newest.name}, {age(newest.published_at, view.now)}"),
        ("least fresh", f"{oldest.name}, {age(oldest.published_at, view.now)}"),
        ("tests", _tests(published)),
    ]
    return [Facts(facts), Paragraph([Link("All data", "/data")])]


def _tests(tables: list[KnownTable]) -> str:
    checks = [check for table in tables for check in table.tests]
    failed = sum(check.status != "passed" for check in checks)
    return f"{len(checks) - failed:,} of {len(checks):,} hold" if checks else "none declared"
