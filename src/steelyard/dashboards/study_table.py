"""Studies with what their latest results say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from steelyard.document import Column, Link, Table
from steelyard.result import Result
from steelyard.studies import Study
from steelyard.warehouse import Entry

__all__ = ["latest_of", "study_table"]

MARK = {"yes": "✓ yes", "no": "✗ no", "unclear": "~ unclear", "invalid": "! invalid"}
Kept = tuple[Entry, Result]


def latest_of(results: Iterable[Kept]) -> dict[str, list[Kept]]:
    """Study -> its results, newest first; the study that ran last comes first."""
    found: dict[str, list[Kept]] = {}
    for entry, result in sorted(results, key=lambda pair: (pair[0].at, pair[0].number), reverse=True):
        found.setdefault(entry.name, []).append((entry, result))
    return found


def study_table(
    studies: Mapping[str, Study],
    results: Mapping[str, list[Kept]],
    *,
    href: Callable[[str], str],
    when: Callable[[str], str],
    most: int | None = None,
    caption: str | None = None,
) -> Table:
    """One row a study: its question, the verdict of its latest result, how it stands and when it ran.

    Args:
        studies: The studies that are defined, by name.
        results: As `latest_of` gives them; a study that is not defined any more is shown too.
        href: Where a study leads.
        when: How a moment is written.
        most: The most rows.
        caption: What is shown.
    """
    names = [*results, *sorted(set(studies) - set(results))]
    rows = [_row(name, studies.get(name), results.get(name, []), href, when) for name in names[:most]]
    columns = [
        Column("study"),
        Column("verdict"),
        Column("action"),
        Column("standing"),
        Column("ran"),
        Column("question"),
    ]
    return Table(columns, rows, caption=caption)


def _row(
    name: str,
    study: Study | None,
    results: list[Kept],
    href: Callable[[str], str],
    when: Callable[[str], str],
) -> tuple[Any, ...]:
    link = Link(name, href(name))
    if not results:
        return link, "not run yet", "", "", "", study.question if study else ""
    entry, result = results[0]
    verdict = result.verdict
    action = "" if verdict.action == "none" else verdict.action
    return link, MARK[verdict.answer], action, result.provenance.standing, when(entry.at), result.question
