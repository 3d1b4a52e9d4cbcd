"""Experiments that run: which stage of its ramp each is in, and whether the next may begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from steelyard.document import Column, Link, Table

__all__ = ["running_table"]

MARK = {"yes": "✓ yes", "no": "✗ no", "unclear": "~ unclear", "invalid": "! invalid"}


def running_table(
    standings: Iterable[Any],
    verdicts: Mapping[str, str],
    *,
    href: Callable[[str], str],
    when: Callable[[str], str],
) -> Table:
    """One row an experiment.

    Args:
        standings: Where each ramp stands (`RampStanding`).
        verdicts: Experiment -> the answer of its latest result.
        href: Where an experiment leads.
        when: How a moment is written.
    """
    columns = [
        Column("experiment"),
        Column("stage"),
        Column("enrolled"),
        Column("since"),
        Column("verdict"),
        Column("next"),
    ]
    rows = [_row(standing, verdicts.get(standing.study), href, when) for standing in standings]
    return Table(columns, rows)


def _row(standing: Any, answer: str | None, href: Callable[[str], str], when: Callable[[str], str]) -> tuple[Any, ...]:
    begun = [row for row in standing.acts if row["act"] == "advance"]
    stage = standing.planned[len(begun) - 1] if 0 < len(begun) <= len(standing.planned) else None
    return (
        Link(standing.study.replace("_", " "), href(standing.study)),
        f"{len(begun)} of {len(standing.planned)}",
        f"{stage.share * 100:.4g} %" if stage is not None else "–",
        when(begun[-1]["since"]) if begun else "–",
        MARK[answer] if answer else "not run yet",
        _next(standing),
    )


def _next(standing: Any) -> str:
    if standing.next_stage is None:
        return "the last stage: launch or roll back"
    if standing.ready:
        return f"stage {standing.next_stage} may begin"
    return f"waits for {', '.join(need.name for need in standing.needs if not need.holds)}"
