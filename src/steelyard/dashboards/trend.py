"""A metric by period, and how its last whole period stands to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from steelyard.metrics import Metric, MetricTable
from steelyard.metrics.calendar import next_period
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["Trend", "label_of", "last_day", "period_said", "trend_of", "trends_of", "year_before"]

MONTHS = {"month", "quarter", "year"}


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

    def at(self, day: date) -> Any:
        """The value of the whole period that begins on a day; None where there is none."""
        return dict(self.whole).get(day)

    @property
    def change(self) -> float | None:
        """How the last whole period moved against the whole one before; see `change_from`."""
        pair = self.whole[-2:]
        return self.change_from(pair[0][1]) if len(pair) == 2 else None

    def change_from(self, before: Any) -> float | None:
        """How the last whole period stands to an earlier value: a fraction of it, or a difference of two fractions.

        None where that says nothing.
        """
        after = self.whole[-1][1] if self.whole else None
        if before is None or after is None:
            return None
        old, new = float(before), float(after)
        if self.is_share:
            return new - old
        return (new - old) / abs(old) if old else None

    @property
    def is_share(self) -> bool:
        """Whether its values are fractions, whose change is in points."""
        return metric_format(self.metric).kind == "percent"

    @property
    def says(self) -> str:
        """Which period the last one is."""
        if self.last is None:
            return "no data yet"
        return period_said(self.last[0], self.grain) + ("" if self.whole else ", so far")

    def from_whole(self) -> Trend:
        """Without the periods before the first whole one, which are lower than they would be."""
        if not self.whole:
            return self
        return self.since(len(self.periods) - self.periods.index(self.whole[0][0]))

    def since(self, count: int) -> Trend:
        """The last so many periods."""
        kept = self.periods[-count:]
        partial = {day: says for day, says in self.partial.items() if day in kept}
        return Trend(metric=self.metric, grain=self.grain, periods=kept, values=self.values[-count:], partial=partial)


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


def trends_of(answer: MetricTable) -> dict[str, Trend]:
    """Every metric of such an answer."""
    return {metric.name: trend_of(answer, metric.name) for metric in answer.metrics}


def label_of(metric: Metric) -> str:
    """The metric's name as a heading."""
    return metric.name.replace("_", " ").capitalize()


def year_before(day: date, grain: str) -> date:
    """The same day a year before, as periods compare: 52 weeks for days and weeks, so that weekdays stay the same.

    >>> year_before(date(2026, 3, 2), "week"), year_before(date(2024, 2, 29), "month")
    (datetime.date(2025, 3, 3), datetime.date(2023, 2, 28))
    """
    if grain not in MONTHS:
        return day - timedelta(days=364)
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap else day.day)


def last_day(start: date, grain: str) -> date:
    """The last day of the period that begins on a day.

    >>> last_day(date(2024, 2, 1), "month"), last_day(date(2024, 2, 26), "week")
    (datetime.date(2024, 2, 29), datetime.date(2024, 3, 3))
    """
    return next_period(start, grain) - timedelta(days=1)


def period_said(day: date, grain: str) -> str:
    """A period as a person writes it.

    >>> period_said(date(2025, 12, 29), "week"), period_said(date(2026, 2, 1), "month")
    ('29 Dec 2025 to 4 Jan 2026', 'Feb 2026')
    """
    if grain == "month":
        return f"{day:%b %Y}"
    if grain not in ("week", "quarter"):
        return f"{day:%Y}" if grain == "year" and day.month == 1 else _day(day)
    end = last_day(day, grain)
    first = f"{day.day}" if (day.year, day.month) == (end.year, end.month) else f"{day.day} {day:%b}"
    return f"{first if day.year == end.year else _day(day)} to {_day(end)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
