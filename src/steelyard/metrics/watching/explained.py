"""Attaches to an alert why its metric moved, against the last such days that were as expected."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from steelyard.errors import SteelyardError
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.explain import explain
from steelyard.metrics.watching.annotation_scope import UNUSUAL, concerning
from steelyard.metrics.watching.judge import Judged
from steelyard.metrics.watching.raised import Raised
from steelyard.warehouse import Warehouse

__all__ = ["explained"]


def explained(catalog: MetricCatalog, warehouse: Warehouse, raised: Raised) -> Raised:
    """The alert with its explanation, or with why there is none.

    What is compared has as many days and the same days of the week; days with an outage or a holiday, days that were
    themselves off, and days since the cause was first told, are passed over.
    """
    head = raised.headline
    before = _compared_with(catalog, raised)
    if before is None:
        return replace(raised, not_explained="It is not explained: no such days before it were as expected.")
    try:
        found = explain(catalog, warehouse, head.alert.metric, before=before, after=(head.first, head.last))
    except SteelyardError as error:
        return replace(raised, not_explained=f"It is not explained: {error.problem}.")
    return replace(raised, explanation=found, explained_against=before)


def _compared_with(catalog: MetricCatalog, raised: Raised) -> tuple[date, date] | None:
    head = raised.headline
    length = (head.last - head.first).days + 1
    step = timedelta(days=7 * -(-length // 7))
    unusual = [
        item for item in concerning(catalog.annotations, head.alert.metric, head.segment) if item.kind in UNUSUAL
    ]
    first, last = head.first - step, head.last - step
    for _ in range(head.alert.weeks):
        off = any(item.meets(first, last) for item in unusual) or any(
            _within(head, day, first, last) for day in head.apart
        )
        if not off and (raised.since is None or last < raised.since):
            return first, last
        first, last = first - step, last - step
    return None


def _within(head: Judged, start: date, first: date, last: date) -> bool:
    """Whether a period that begins then meets the days."""
    end = start + timedelta(days=6 if head.alert.grain == "week" else 0)
    return start <= last and end >= first
