"""The days and periods of an answer: from the first day that its facts have, or was asked for, to the last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from steelyard.metrics.calendar import Clock, next_period, period_start, periods
from steelyard.metrics.expression import Parameters
from steelyard.metrics.local_hours import hour_runs, local_hours

__all__ = ["Coverage", "Spine", "spine_of"]

FOLLOWING = {
    "day": "add_days({0}, {1})",
    "week": "add_days({0}, ({1}) * 7)",
    "month": "add_months({0}, {1})",
    "quarter": "add_months({0}, ({1}) * 3)",
    "year": "add_months({0}, ({1}) * 12)",
}


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The local days in which a fact has rows.

    Args:
        first: The first; None for an empty table.
        last: The last.
        rows: Rows in the table.
        without_time: Rows that have no day: they have no time, or name no zone in which their day is counted.
        without_zone: Those among them that have a time.
        ambiguous: Rows whose wall clock time came twice.
        nonexistent: Rows whose wall clock time never came.
        complete: The last day that is known completely; None where nothing says.
        rule: What says so, in words.
    """

    first: date | None
    last: date | None
    rows: int
    without_time: int
    without_zone: int = 0
    ambiguous: int = 0
    nonexistent: int = 0
    complete: date | None = None
    rule: str = ""


@dataclass(frozen=True, kw_only=True)
class Spine:
    """The days of an answer.

    Args:
        grain: Its periods; None for the whole range.
        since: The first day.
        until: The last day.
        week_start: First day of the week.
        year_start: First month of the year, from 1.
        zone: The zone in which hours are counted.
    """

    grain: str | None
    since: date
    until: date
    week_start: str
    year_start: int = 1
    zone: str = "UTC"

    @cached_property
    def periods(self) -> tuple[date, ...]:
        """The first day of each period, and of an hour its first moment, with its offset; none without a grain."""
        if self.grain is None:
            return ()
        if self.grain == "hour":
            return tuple(local_hours(self.since, self.until, self.zone))
        return tuple(periods(self.since, self.until, self.grain, self.week_start, self.year_start))

    def start_of(self, day: date, grain: str) -> date:
        """The first day of the period that a day is in."""
        return period_start(day, grain, self.week_start, self.year_start)

    def clock(self, column: str) -> Clock:
        """How a column of local days becomes periods."""
        return Clock(column=column, kind="DATE", zone="UTC", week_start=self.week_start, year_start=self.year_start)

    @property
    def first_end(self) -> date:
        """The last day of the first period."""
        if self.grain is None:
            return self.until
        start = self.start_of(self.since, self.grain)
        return min(next_period(start, self.grain) - timedelta(days=1), self.until)

    def calendar(self, parameters: Parameters) -> str:
        """The SELECT of every period: `period`, its first day or moment."""
        if self.grain == "hour":
            return self._hours(parameters)
        whole = self.periods
        first = parameters.add(whole[0], "first_period").sql(dialect="duckdb")
        further = parameters.add(len(whole) - 1, "further_periods").sql(dialect="duckdb")
        return (
            f"SELECT {FOLLOWING[str(self.grain)].format(first, 'number')} AS period\nFROM number_series(0, {further})"
        )

    def _hours(self, parameters: Parameters) -> str:
        """The hours; where a change of the clocks cuts one, they go on from it."""
        selects = []
        for begin, more in hour_runs(tuple(local_hours(self.since, self.until, self.zone))):
            first = parameters.add(begin, "first_hour").sql(dialect="duckdb")
            further = parameters.add(more, "further_hours").sql(dialect="duckdb")
            selects.append(f"SELECT add_seconds({first}, number * 3600) AS period\nFROM number_series(0, {further})")
        return "\nUNION ALL\n".join(selects)

    def ends(self, parameters: Parameters) -> str:
        """The SELECT of the last day of every period: `period` and `day`; one `day` without a grain."""
        last = parameters.add(self.until, "last_day").sql(dialect="duckdb")
        if self.grain is None:
            return f"SELECT CAST({last} AS DATE) AS day"
        whole = self.periods
        first = parameters.add(whole[0], "first_period").sql(dialect="duckdb")
        further = parameters.add(len(whole) - 1, "further_periods").sql(dialect="duckdb")
        step = FOLLOWING[self.grain]
        end = f"add_days({step.format(first, 'number + 1')}, -1)"
        return (
            f"SELECT {step.format(first, 'number')} AS period, least({end}, CAST({last} AS DATE)) AS day\n"
            f"FROM number_series(0, {further})"
        )


def spine_of(
    coverage: Iterable[Coverage],
    *,
    grain: str | None,
    since: date | None,
    until: date | None,
    week_start: str,
    year_start: int = 1,
    zone: str = "UTC",
) -> Spine | None:
    """The days that the facts have and the question asks for; None where there are none.

    Args:
        coverage: The days of each fact.
        grain: The periods.
        since: First day asked for; None from the first that any fact has.
        until: Last day asked for; None to the last.
        week_start: First day of the week.
        year_start: First month of the year, from 1.
        zone: The zone in which hours are counted.

    >>> months = Coverage(first=date(2026, 1, 5), last=date(2026, 3, 2), rows=9, without_time=0)
    >>> spine = spine_of([months], grain="month", since=date(2026, 2, 1), until=None, week_start="monday")
    >>> [str(day) for day in spine.periods], str(spine.first_end)
    (['2026-02-01', '2026-03-01'], '2026-02-28')
    """
    known = [item for item in coverage if item.first and item.last]
    if not known:
        return None
    first = max(min(item.first for item in known if item.first), since or date.min)
    last = min(max(item.last for item in known if item.last), until or date.max)
    if last < first:
        return None
    return Spine(grain=grain, since=first, until=last, week_start=week_start, year_start=year_start, zone=zone)
