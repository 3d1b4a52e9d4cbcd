"""Local days: the SQL of a row's day and period, the bounds of a range, the periods in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError
from steelyard.metrics.local_hours import EVERY_DAY, day_bounds, hour_sql
from steelyard.warehouse import Value, quote_text

__all__ = ["Clock", "day_bounds", "next_period", "period_start", "periods"]

WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = {"month": 1, "quarter": 3, "year": 12}
_NATIVE_STARTS = ("monday", "sunday", "saturday", "friday")
_SLACK = timedelta(hours=4)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How one time column becomes local days.

    Args:
        column: The column's SQL.
        kind: Its type in DuckDB's words.
        zone: The project's zone, in which days are counted.
        column_zone: The zone of a column without one; empty takes the project's.
        day_zone: The SQL of the zone in which each row's own day is counted; empty takes the project's. A row whose
            zone is NULL has no day.
        week_start: First day of the week.
        year_start: First month of the year, from 1; quarters are counted from it.
        days: The first and the last day that rows may have: changes of the clocks beyond them play no part.
        where: File and line, for errors.

    >>> Clock(column="ordered_at", kind="TIMESTAMP", zone="America/New_York", column_zone="UTC").day
    "local_date(ordered_at, 'America/New_York')"
    """

    column: str
    kind: str
    zone: str
    column_zone: str = ""
    day_zone: str = ""
    week_start: str = "monday"
    year_start: int = 1
    days: tuple[date, date] = EVERY_DAY
    where: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("DATE", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") and not self.is_naive:
            raise DefinitionError(
                f"{self.column!r} is {self.kind}, which is no time",
                where=self.where,
                hint="name a date or timestamp column",
            )

    @property
    def is_naive(self) -> bool:
        """Whether the column is a timestamp that says no zone."""
        return self.kind in ("TIMESTAMP", "DATETIME", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")

    @property
    def _own_zone(self) -> str:
        return self.column_zone or self.zone

    @property
    def moment(self) -> str:
        """The SQL of the row's moment, as a timestamp with a zone; a date is the start of its local day."""
        if self.kind == "DATE":
            return f"local_moment({self.column}, {quote_text(self.zone)})"
        if self.is_naive and self._own_zone != "UTC":
            return f"local_moment({self.column}, {quote_text(self._own_zone)})"
        return self.column

    @property
    def day(self) -> str:
        """The SQL of the row's local day."""
        if self.kind == "DATE":
            return self.column
        if self.day_zone:
            return f"local_date({self.moment}, {self.day_zone})"
        if self.own_days:
            return f"CAST({self.column} AS DATE)"
        return f"local_date({self.moment}, {quote_text(self.zone)})"

    @property
    def own_days(self) -> bool:
        """Whether the column shows the very clock by which days are counted."""
        return self.is_naive and self._own_zone == self.zone and not self.day_zone

    @property
    def converts(self) -> bool:
        """Whether a wall clock time is brought to another zone, so that one that came twice has to be read somehow."""
        return self.is_naive and self._own_zone != "UTC" and not self.own_days

    def period(self, grain: str) -> str:
        """The SQL of the first day of the row's period; of an hour its first moment.

        Raises:
            DefinitionError: The rows have no hour.
        """
        if grain in MONTHS:
            return self._months(grain)
        return {"hour": self._hour, "week": self._week}.get(grain, lambda: self.day)()

    def _months(self, grain: str) -> str:
        shift = 0 if grain == "month" else (self.year_start - 1) % MONTHS[grain]
        if not shift:
            return f"CAST(date_trunc('{grain}', {self._for_trunc}) AS DATE)"
        return f"add_months(date_trunc('{grain}', add_months({self._for_trunc}, -{shift})), {shift})"

    def _week(self) -> str:
        if self.week_start == "monday":
            return f"week_start({self._for_trunc})"
        if self.week_start in _NATIVE_STARTS:
            return f"week_start({self.day}, '{self.week_start}')"
        shift = WEEK_DAYS.index(self.week_start)
        return f"add_days(week_start(add_days({self.day}, -{shift})), {shift})"

    def _hour(self) -> str:
        if self.kind == "DATE":
            raise DefinitionError(
                f"{self.column} is a DATE, which has no hour", where=self.where, hint="ask by day, or a coarser grain"
            )
        if self.day_zone:
            raise DefinitionError(
                f"each row's day is counted in a zone of its own ({self.day_zone}), and hours of several zones do not "
                "meet: some begin at half past another's",
                where=self.where,
                hint="ask by day; or by hour, of a table that declares no `zone_of_day:`",
            )
        return hour_sql(self.moment, self.zone, self.days)

    @property
    def _for_trunc(self) -> str:
        """What a period is cut from: a naive timestamp in the project's own zone need not become a day first."""
        return self.column if self.own_days else self.day

    def within(self, since: date | None, until: date | None) -> tuple[str, dict[str, Value]]:
        """The condition that the row's local day is in the range, and its values.

        Where midnight is one clear moment, the bare column is compared with moments; else its local day with days.
        """
        if self.kind == "DATE" or self.day_zone:
            return _between(self.day, {"since": since, "until": until}, "<=")
        try:
            ends = (since, until + timedelta(days=1) if until else None)
            moments = tuple(None if day is None else self._midnight(day) for day in ends)
        except OverflowError:  # the first or the last day that there is: no moment lies beyond it
            return _between(self.day, {"since": since, "until": until}, "<=")
        if any(moment is None and day is not None for moment, day in zip(moments, ends, strict=True)):
            return _between(self.day, {"since": since, "until": until}, "<=")
        return _between(self.column, {"since_moment": moments[0], "until_moment": moments[1]}, "<")

    def _midnight(self, day: date) -> datetime | None:
        """The first moment of a local day as the column would hold it; None where clocks change about then."""
        if self.own_days:
            return datetime.combine(day, time())
        midnight = datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)
        for zone in {self.zone, self._own_zone} if self.is_naive else {self.zone}:
            clock = ZoneInfo(zone)
            if len({(midnight + shift).astimezone(clock).utcoffset() for shift in (-_SLACK, timedelta(), _SLACK)}) > 1:
                return None
        return midnight.astimezone(ZoneInfo(self._own_zone)).replace(tzinfo=None) if self.is_naive else midnight


def _between(column: str, values: dict[str, Value], last: str) -> tuple[str, dict[str, Value]]:
    signs = dict(zip(values, (">=", last), strict=True))
    given: dict[str, Value] = {name: value for name, value in values.items() if value is not None}
    return " AND ".join(f"{column} {signs[name]} ${name}" for name in given), given


def period_start(day: date, grain: str, week_start: str = "monday", year_start: int = 1) -> date:
    """The first day of the period that a day is in.

    Args:
        day: The day.
        grain: `day`, `week`, `month`, `quarter` or `year`.
        week_start: First day of the week.
        year_start: First month of the year, from 1.

    >>> period_start(date(2026, 11, 22), "week"), period_start(date(2026, 11, 22), "week", "sunday")
    (datetime.date(2026, 11, 16), datetime.date(2026, 11, 22))
    >>> period_start(date(2026, 3, 31), "year", year_start=4)
    datetime.date(2025, 4, 1)
    """
    if grain == "week":
        return day - timedelta(days=(day.weekday() - WEEK_DAYS.index(week_start)) % 7)
    months = MONTHS.get(grain)
    if months is None:
        return day
    passed = (day.month - (year_start if grain != "month" else 1)) % months
    return _month_after(day, -passed)


def next_period(start: date, grain: str) -> date:
    """The first day of the period after the one that starts then.

    >>> next_period(date(2026, 12, 1), "month"), next_period(date(2026, 4, 1), "year")
    (datetime.date(2027, 1, 1), datetime.date(2027, 4, 1))
    """
    days = {"day": 1, "week": 7}.get(grain)
    return start + timedelta(days=days) if days else _month_after(start, MONTHS[grain])


def _month_after(day: date, months: int) -> date:
    """The first day of the month so many months later."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def periods(first: date, last: date, grain: str, week_start: str = "monday", year_start: int = 1) -> Iterator[date]:
    """The first days of every period from that of `first` to that of `last`.

    >>> [str(day) for day in periods(date(2026, 1, 31), date(2026, 3, 1), "month")]
    ['2026-01-01', '2026-02-01', '2026-03-01']
    """
    start = period_start(first, grain, week_start, year_start)
    while start <= last:
        yield start
        start = next_period(start, grain)
