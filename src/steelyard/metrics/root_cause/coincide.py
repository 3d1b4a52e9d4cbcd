"""What fell into the days that are explained, beside the segments that it may concern: annotations, experiments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from steelyard.metrics.annotation import Annotation
from steelyard.metrics.explanation import Cause, Happening

__all__ = ["beside", "concerned", "happening_of", "in_days"]

UNDONE = ("experiment", "launch", "policy", "definition", "schema")
CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*=\s*'((?:[^']|'')*)'\s*")


def happening_of(annotation: Annotation) -> Happening:
    """An annotation as what coincides; a condition that is more than equalities is left to its words.

    >>> found = happening_of(
    ...     Annotation(at=date(2026, 5, 19), says="Payments failed", kind="outage", where="country = 'DE'")
    ... )
    >>> found.where, found.undo
    ({'country': 'DE'}, False)
    """
    where = _equalities(annotation.where)
    says = annotation.says if where is not None else f"{annotation.says} (where {annotation.where})"
    return Happening(
        says=says,
        kind=annotation.kind,
        at=annotation.at,
        until=annotation.until,
        where=where or {},
        undo=annotation.kind in UNDONE,
    )


def concerned(annotations: Sequence[Annotation], metric: str) -> list[Happening]:
    """Those of them that concern a metric."""
    return [happening_of(item) for item in annotations if not item.metrics or metric in item.metrics]


def _equalities(condition: str) -> dict[str, str] | None:
    """`a = 'x' AND b = 'y'` as a mapping; None where it says something else."""
    if not condition.strip():
        return {}
    found = [CONDITION.fullmatch(part) for part in re.split(r"\bAND\b", condition, flags=re.IGNORECASE)]
    if any(item is None for item in found):
        return None
    return {item[1].rpartition(".")[2]: item[2].replace("''", "'") for item in found if item is not None}


def in_days(happenings: Sequence[Happening], first: date, last: date) -> tuple[Happening, ...]:
    """Those that began or ran in these days, the earliest first; a day before counts, for effects come after causes."""
    from_day = first - timedelta(days=1)
    found = [item for item in happenings if item.at <= last and (item.until or item.at) >= from_day]
    return tuple(sorted(found, key=lambda item: (item.at, item.says)))


def beside(causes: Sequence[Cause], happenings: Sequence[Happening]) -> list[Cause]:
    """The causes with what coincides, in order: the largest first, and of about one size those that can be undone."""
    found = [
        replace(cause, coincides=tuple(item for item in happenings if _meet(cause.segment, item.where)))
        for cause in causes
    ]
    largest = max((abs(cause.impact) for cause in found), default=0.0)
    return sorted(found, key=lambda cause: (_class(cause, largest), not cause.undo, -abs(cause.impact), cause.name))


def _class(cause: Cause, largest: float) -> int:
    """0 for at least half of the largest impact, 1 for at least a quarter, and so on."""
    size, bound = 0, largest / 2
    while abs(cause.impact) < bound and size < 60:
        size, bound = size + 1, bound / 2
    return size


def _meet(segment: Mapping[str, str], where: Mapping[str, str]) -> bool:
    """Whether both can hold of one row: they name no dimension with two values."""
    values = {name.rpartition(".")[2]: value for name, value in segment.items()}
    return all(values.get(name, value) == value for name, value in where.items())
