"""What needs somebody: wrong files, open alerts, failed tests, follow-ups that are due, what could not be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steelyard.dashboards import alert_callouts
from steelyard.document import Block, Callout, Link
from steelyard.web.page import address
from steelyard.web.pages.home_metrics import HomeMetrics
from steelyard.web.pages.problems import problem_callouts
from steelyard.web.view import View

__all__ = ["attention_blocks"]

MOST_DUE = 5


def attention_blocks(
    view: View, found: HomeMetrics, alerts: Sequence[Mapping[str, Any]], due: Sequence[Any]
) -> list[Block]:
    """The most urgent first; nothing where nothing needs anybody.

    Args:
        view: What is shown.
        found: The metrics, and what went wrong with them.
        alerts: What is open of what `steelyard watch` raised.
        due: Follow-ups with their decisions, the oldest first.
    """
    known = view.project.definitions.metrics.metrics
    return [
        *problem_callouts(view.project.problems, view.project.folder),
        *found.trouble,
        *alert_callouts(
            alerts, lambda name: name in known, lambda name, *rest, **asked: address("metrics", name, *rest, **asked)
        ),
        *_failed_tests(found),
        *_due(due),
    ]


def _failed_tests(found: HomeMetrics) -> Iterator[Block]:
    stopping = [table for table in found.tables if table.status == "bad"]
    if stopping:
        says: list[Any] = []
        for table in stopping:
            says += [Link(table.name, address("data", table.name)), f": {table.tests_say}. "]
        yield Callout("bad", "Data tests that do not hold", says)


def _due(due: Sequence[Any]) -> Iterator[Block]:
    if not due:
        return
    count = "1 follow-up is due" if len(due) == 1 else f"{len(due):,} follow-ups are due"
    says: list[Any] = []
    for item, todo in due[:MOST_DUE]:
        link = Link(item.decision.name, address("decisions", item.entry.digest))
        says += ["\n" if says else "", f"{todo.on}: {todo.what} (", link, ")"]
    if len(due) > MOST_DUE:
        says += ["\n", Link(f"and {len(due) - MOST_DUE:,} more", "/decisions")]
    yield Callout("warning", count, says)
