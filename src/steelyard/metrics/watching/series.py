"""The periods of a watched metric, as a whole and in each segment, with gaps and volumes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from steelyard.metrics.answer import query
from steelyard.metrics.calendar import period_start
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.watching.alert import Alert
from steelyard.metrics.watching.completeness import why_incomplete
from steelyard.metrics.watching.volume import with_volume
from steelyard.warehouse import Warehouse

__all__ = ["AMOUNTS", "Series", "Watched", "read_series", "recent_periods"]

F64 = npt.NDArray[np.float64]
AMOUNTS = ("sum", "count", "distinct")


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric in one segment, by period.

    Args:
        segment: Dimension -> value; empty is the whole.
        values: By period, oldest first; NaN where there is none.
        volume: How many things stand behind each value; None where that is not known.
    """

    segment: Mapping[str, Any]
    values: F64
    volume: F64 | None


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What an alert looks at on one day.

    Args:
        periods: The first local day of each period, oldest first; the last is the one that is judged.
        until: The last local day of the last period.
        series: The whole first, then its segments.
        incomplete: Why the last period cannot be judged yet; empty where it can.
        data_from: The first local day that all the facts have; None where there is none.
    """

    periods: tuple[date, ...]
    until: date
    series: tuple[Series, ...]
    incomplete: str
    data_from: date | None


def recent_periods(alert: Alert) -> int:
    """How many of the last periods its rules look at; the baseline ends before them."""
    return max(8, *(rule.points for rule in alert.run_rules)) if alert.kind == "rules" else 1


def read_series(catalog: MetricCatalog, warehouse: Warehouse, alert: Alert, on: date, *, now: datetime) -> Watched:
    """Asks for the metric by period, for the whole and for each segment.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        alert: What is watched: a metric.
        on: The last local day that is looked at; of weeks, the last that is over by then.
        now: The moment of the watch, with its zone.
    """
    step = 7 if alert.grain == "week" else 1
    last = on if step == 1 else period_start(on + timedelta(days=1), "week", catalog.week_start) - timedelta(days=7)
    count = 1 if alert.kind == "limit" else recent_periods(alert) + alert.weeks * (7 if step == 1 else 1)
    periods = tuple(last - timedelta(days=step * back) for back in range(count - 1, -1, -1))
    until = last + timedelta(days=step - 1)
    extended, volume = with_volume(catalog, alert)
    names = list(dict.fromkeys(name for name in (alert.metric, volume) if name))

    def asked(by: tuple[str, ...]) -> MetricTable:
        where = alert.where or None
        groups = (alert.grain, *by)
        return query(extended, warehouse, names, by=groups, where=where, since=periods[0], until=until)

    whole = asked(())
    incomplete = why_incomplete(whole, warehouse, last, until, zone=catalog.zone, now=now)
    answers = [whole] if not alert.by or incomplete else [whole, asked(alert.by)]
    amount = catalog.metric(alert.metric).kind in AMOUNTS
    starts = [date.fromisoformat(fact.first) for fact in whole.how.facts if fact.first]
    return Watched(
        periods=periods,
        until=until,
        series=tuple(
            series for answer in answers for series in _series(answer, alert.metric, volume, periods, amount=amount)
        ),
        incomplete=incomplete,
        data_from=max(starts, default=None),
    )


def _series(answer: MetricTable, metric: str, volume: str, periods: tuple[date, ...], *, amount: bool) -> list[Series]:
    """A series a group; a period without a row is 0 of an amount, and nothing of a mean or ratio."""
    place = {day: number for number, day in enumerate(periods)}
    dimensions = [name for name in answer.dimensions if name != "period"]
    found: dict[tuple[Any, ...], tuple[F64, F64]] = {}
    absent = 0.0 if amount else np.nan
    for row in answer.rows():
        if row["period"] not in place:
            continue
        key = tuple(row[name] for name in dimensions)
        values, volumes = found.setdefault(key, (np.full(len(periods), absent), np.zeros(len(periods))))
        values[place[row["period"]]] = _number(row[metric], absent)
        volumes[place[row["period"]]] = _number(row[volume], 0.0) if volume else np.nan
    if not dimensions and not found:
        found[()] = (np.full(len(periods), absent), np.zeros(len(periods)))
    return [
        Series(segment=dict(zip(dimensions, key, strict=True)), values=values, volume=volumes if volume else None)
        for key, (values, volumes) in sorted(found.items(), key=lambda item: tuple(str(part) for part in item[0]))
    ]


def _number(value: Any, absent: float) -> float:
    found = absent if value is None else float(value)
    return found if math.isfinite(found) or value is None else absent
