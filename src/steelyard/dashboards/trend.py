"""A metric by period: its tile, its chart, and how its last whole period stands to the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from steelyard.document import Block, Callout, Event, Figure, Format, Grid, LineChart, Series, Sparkline
from steelyard.metrics import Metric, MetricTable
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["Trend", "label_of", "tile", "trend_blocks", "trend_of"]

IN_A_TILE = 26
PERIOD = {"week": "week of {}", "month": "month of {}", "quarter": "quarter of {}"}


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A metric by period.

    Args:
        metric: The metric.
        grain: What a period is: hour, day, week, month, quarter or year.
        periods: The first local day of each, rising.
        values: As many values; None where there is none.
        partial: Periods that the data or the range cuts short, and how.
    """

    metric: Metric
    grain: str
    periods: tuple[date, ...]
    values: tuple[Any, ...]
    partial: Mapping[date, str] = field(default_factory=dict)

    @property
    def whole(self) -> tuple[tuple[date, Any], ...]:
        """The periods that compare with each other, with their values."""
        return tuple(pair for pair in zip(self.periods, self.values, strict=True) if pair[0] not in self.partial)

    @property
    def last(self) -> tuple[date, Any] | None:
        """The last whole period; the last of all where none is whole; None where there is none."""
        pairs = self.whole or tuple(zip(self.periods, self.values, strict=True))
        return pairs[-1] if pairs else None

    @property
    def change(self) -> float | None:
        """How the last whole period moved against the whole one before: a fraction of it, or a difference of two
        fractions; None where that says nothing."""
        values = [value for _, value in self.whole[-2:]]
        if len(values) < 2 or any(value is None for value in values):
            return None
        before, after = (float(value) for value in values)
        if self.is_share:
            return after - before
        return (after - before) / abs(before) if before else None

    @property
    def is_share(self) -> bool:
        """Whether its values are fractions, whose change is in points."""
        return metric_format(self.metric).kind == "percent"

    @property
    def says(self) -> str:
        """Which period the last one is."""
        if self.last is None:
            return "no data yet"
        return PERIOD.get(self.grain, "{}").format(self.last[0]) + ("" if self.whole else ", so far")


def trend_of(answer: MetricTable, name: str) -> Trend:
    """One metric of an answer that was asked by a grain and nothing else."""
    rows = [row for row in answer.rows() if row["period"] is not None]
    return Trend(
        metric=next(metric for metric in answer.metrics if metric.name == name),
        grain=answer.question.grain or "day",
        periods=tuple(row["period"] for row in rows),
        values=tuple(row[name] for row in rows),
        partial=answer.partial,
    )


def label_of(metric: Metric) -> str:
    """The metric's name as a heading."""
    return metric.name.replace("_", " ").capitalize()


def tile(trend: Trend, *, href: str | None = None, label: str | None = None) -> Figure:
    """The metric at a glance: its last whole period, the change against the one before, and its trend.

    Args:
        trend: The metric by period.
        href: Where the tile leads.
        label: What it is called; the metric's name by default.
    """
    last = trend.last
    return Figure(
        label or label_of(trend.metric),
        last[1] if last else None,
        _short(trend.metric, last[1] if last else None),
        change=trend.change,
        change_format=Format.points(1, signed=True) if trend.is_share else Format.percent(1, signed=True),
        better=trend.metric.better or None,
        note=trend.says,
        sparkline=Sparkline([value for _, value in trend.whole[-IN_A_TILE:]], f"by {trend.grain}") if last else None,
        href=href,
    )


def _short(metric: Metric, value: Any) -> Format:
    """As the metric is written; money without its cents from a thousand on."""
    style = metric_format(metric)
    if style.kind == "money" and value is not None and abs(value) >= 1000:
        return Format.money(style.currency or "", 0)
    return style


def trend_blocks(trend: Trend) -> list[Block]:
    """The last whole period against the one before, its place among all, and the line over time."""
    if not trend.periods:
        return [Callout("note", "No rows", "Nothing was counted in this range.")]
    unfinished = [day for day in trend.periods[1:] if day in trend.partial]
    chart = LineChart(
        title=f"{label_of(trend.metric)} by {trend.grain}",
        x=trend.periods,
        series=[Series(label_of(trend.metric), trend.values)],
        format=metric_format(trend.metric),
        incomplete_from=unfinished[0] if unfinished else None,
        events=[Event(trend.periods[0], f"part of a {trend.grain}")] if trend.periods[0] in trend.partial else [],
        zero=not trend.is_share,
    )
    return [Grid(_figures(trend), columns=3), chart]


def _figures(trend: Trend) -> list[Block]:
    style = metric_format(trend.metric)
    known = [(day, value) for day, value in trend.whole if value is not None]
    shown: list[Block] = [tile(trend, label=f"Last whole {trend.grain}" if trend.whole else "So far")]
    if known:
        top, low = max(known, key=lambda pair: pair[1]), min(known, key=lambda pair: pair[1])
        shown += [
            Figure("Highest", top[1], _short(trend.metric, top[1]), note=_period(trend, top[0])),
            Figure(
                "Lowest", low[1], style if low[1] < 1000 else _short(trend.metric, low[1]), note=_period(trend, low[0])
            ),
        ]
    return shown


def _period(trend: Trend, day: date) -> str:
    return PERIOD.get(trend.grain, "{}").format(day)
