"""Home: one headline, what drives it, what must not suffer, then what runs, what was chosen, and the data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from steelyard.dashboards import Part, age, home_blocks, latest_of, running_table, study_table
from steelyard.decisions.record import decisions as recorded_decisions
from steelyard.decisions.record import due_follow_ups
from steelyard.document import Block, Callout, Heading, Inline, Items, Link, Paragraph
from steelyard.metrics.watching.alert_log import AlertLog
from steelyard.web.page import Page, address
from steelyard.web.pages.decisions import decision_rows
from steelyard.web.pages.home_attention import attention_blocks
from steelyard.web.pages.home_data import freshness_says, tests_say
from steelyard.web.pages.home_metrics import HomeMetrics, home_metrics
from steelyard.web.pages.tables_known import KnownTable
from steelyard.web.view import View

__all__ = ["home"]

ROWS = 5
SOON = timedelta(days=14)


def home(view: View) -> Page:
    """The first page."""
    found = home_metrics(view)
    alerts = AlertLog(view.project.alert_log).open()
    results = latest_of(view.project.results())
    running = _running(view)
    made = recorded_decisions(view.project.ledger)
    due = due_follow_ups(view.project.ledger, view.today)
    blocks = home_blocks(
        figures=found.figures,
        attention=attention_blocks(view, found, alerts, due),
        line=found.line,
        parts=[
            Part(title="What drives it", id="drivers", blocks=found.drivers),
            Part(title="Guardrails", id="guardrails", blocks=found.guardrails),
            Part(title="Metrics", id="metrics", blocks=found.others),
            Part(title="Experiments that run", id="experiments", blocks=_experiments(view, running, results)),
            Part(title="Latest studies", id="studies", blocks=_studies(view, results)),
            Part(title="Decisions", id="decisions", blocks=_decisions(view, made)),
            Part(title="Data", id="data", blocks=_data(view, found)),
        ],
    )
    name = view.project.name
    return Page(
        title=name,
        section="Home",
        lead=[Heading(name, 1), *([Paragraph(fresh)] if (fresh := freshness_says(view, found)) else [])],
        blocks=blocks,
        data={
            "project": name,
            "target": view.project.target_name,
            "problems": [error.to_dict() for error in view.project.problems],
            **found.data,
            "alerts": alerts,
            "experiments": [_running_data(standing) for standing in running],
            "studies": {
                study: {"entry": kept[0][0].digest, "verdict": kept[0][1].verdict.to_dict(), "at": kept[0][0].at}
                for study, kept in results.items()
            },
            "decisions": [item.to_dict() for item in made[::-1][:ROWS]],
            "due": [{"decision": item.entry.digest, "on": todo.on, "what": todo.what} for item, todo in due],
            "tables": [table.to_dict() for table in found.tables],
        },
    )


def _running(view: View) -> list[Any]:
    """Where the ramp of each experiment that runs stands; one whose file is gone is in the ledger all the same."""
    known = view.project.definitions.studies
    return [view.project.ramp(name) for name in view.project.stage_ledger.running() if name in known]


def _running_data(standing: Any) -> dict[str, Any]:
    begun = sum(row["act"] == "advance" for row in standing.acts)
    return {
        "experiment": standing.study,
        "state": standing.state,
        "stage": begun,
        "stages": len(standing.planned),
        "share": standing.planned[begun - 1].share if 0 < begun <= len(standing.planned) else None,
        "next_stage": standing.next_stage,
        "ready": standing.ready,
    }


def _experiments(view: View, running: list[Any], results: dict[str, Any]) -> list[Block]:
    if not running:
        return []
    verdicts = {name: kept[0][1].verdict.answer for name, kept in results.items()}
    table = running_table(
        running, verdicts, href=lambda name: address("studies", name), when=lambda at: age(at, view.now)
    )
    return [table]


def _studies(view: View, results: dict[str, Any]) -> list[Block]:
    known = view.project.definitions.studies
    if not results and not known:
        return [Paragraph("No study is defined yet: a file under studies/ is one.")]
    table = study_table(
        known,
        results,
        href=lambda name: address("studies", name),
        when=lambda at: age(at, view.now),
        most=ROWS,
    )
    more = len({*results, *known}) - len(table.rows)
    return [table, *([Paragraph([Link(f"All studies, {more:,} more", "/studies")])] if more > 0 else [])]


def _decisions(view: View, made: Any) -> list[Block]:
    blocks: list[Block] = list(_soon(view))
    if not made:
        return [*blocks, Paragraph("No decision was recorded yet: steelyard decide records one.")]
    more = len(made) - ROWS
    shown = decision_rows(made, view.now, most=ROWS)
    return [*blocks, shown, *([Paragraph([Link(f"All decisions, {more:,} more", "/decisions")])] if more > 0 else [])]


def _soon(view: View) -> Iterator[Block]:
    """The follow-ups of the next two weeks; those that are due stand above."""
    later = [pair for pair in due_follow_ups(view.project.ledger, view.today + SOON) if pair[1].on > view.today]
    if later:
        items: list[list[Inline]] = [
            [f"{todo.on}: {todo.what} (", Link(item.decision.name, address("decisions", item.entry.digest)), ")"]
            for item, todo in later[:ROWS]
        ]
        yield Paragraph("To be looked at again in the next two weeks:")
        yield Items(items)


def _data(view: View, found: HomeMetrics) -> list[Block]:
    published: list[KnownTable] = [table for table in found.tables if table.published_at]
    if not published:
        how: list[Inline] = ["steelyard refresh loads the sources and builds the tables. ", Link("All data", "/data")]
        return [Callout("note", "Nothing was loaded or built yet", how)]
    oldest = min(published, key=lambda table: table.published_at)
    rows = sum(table.rows or 0 for table in published)
    says = (
        f"{len(published):,} tables with {rows:,} rows; {tests_say(published)}. The least fresh is {oldest.name}, "
        f"published {age(oldest.published_at, view.now)}. "
    )
    return [Paragraph([says, Link("Sources, tables, lineage and tests", "/data")])]
