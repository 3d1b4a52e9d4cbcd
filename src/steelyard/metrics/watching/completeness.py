"""Whether a period's data are all there: an alert on half a day says nothing of the day."""

from __future__ import annotations

from datetime import UTC, date, datetime

from steelyard.metrics.calendar import day_bounds
from steelyard.metrics.metric_table import MetricTable
from steelyard.warehouse import Warehouse

__all__ = ["why_incomplete"]


def why_incomplete(
    answer: MetricTable, warehouse: Warehouse, first: date, last: date, *, zone: str, now: datetime
) -> str:
    """Why the period cannot be judged yet; empty where its data are complete.

    Args:
        answer: What was asked about it, by its grain, up to it.
        warehouse: What was read.
        first: The period's first local day.
        last: Its last local day.
        zone: IANA zone in which days are counted.
        now: The moment of the watch, with its zone.
    """
    over = day_bounds(last, zone)[1]
    if now.astimezone(UTC) < over:
        return f"{last} is not over"
    for fact in answer.how.facts:
        if not fact.last:
            return f"{fact.table} has no rows with a time"
        if date.fromisoformat(fact.last) < last:
            return f"the rows of {fact.table} end on {fact.last}, before {last}"
        published = warehouse.version(fact.table).published_at
        if published and _moment(published) < over:
            return f"{fact.table} was published at {published}, before {last} was over"
    if first in answer.partial:
        return f"the {answer.question.grain} of {first} is not whole: {answer.partial[first]}"
    return ""


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
