"""One cell of an answer, as a person names it, as conditions on the rows behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError
from steelyard.metrics.calendar import next_period, period_start
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.facts import Fact
from steelyard.metrics.graph import GRAINS
from steelyard.metrics.local_hours import local_hours, next_hour, with_offset
from steelyard.warehouse import Value
from steelyard.warehouse.wall_clock import wall_clock_kind

__all__ = ["Cell", "cell_of"]

_YES = {"true": True, "false": False}
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_READ: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(_WHOLE, int),
    "BOOLEAN": lambda text: _YES[text.lower()],
    "DECIMAL": Decimal,
    "FLOAT": float,
    "DOUBLE": float,
    "DATE": date.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
}
"""What a column's type begins with -> how its value is read from text, as a command line gives it."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of an answer.

    Args:
        values: Dimension -> its value there; None, or `(unknown)`, where it is not known.
        grain: The grain of its period; None where it has none.
        period: The first day of its period, of an hour its first moment; None for the rows without a time.
        zone: The zone in which hours are counted.
    """

    values: Mapping[str, Any]
    grain: str | None = None
    period: date | None = None
    zone: str = "UTC"

    def narrow(self, fact: Fact, outputs: Mapping[str, str]) -> None:
        """Adds the conditions that keep the cell's rows to a fact that is grouped by its dimensions.

        Args:
            fact: The fact.
            outputs: What the fact calls a dimension -> its name in the cell.
        """
        for output, name in outputs.items():
            fact.conditions.append(_is(fact, output, self.values[name], name))
        if self.grain is None:
            return
        if self.period is None:
            fact.conditions.append(f"{fact.clock().day} IS NULL")
            return
        if isinstance(self.period, datetime):
            self._narrow_to_hour(fact, self.period)
            return
        last = next_period(self.period, self.grain).toordinal() - 1
        fact.within(self.period, date.fromordinal(last))

    def _narrow_to_hour(self, fact: Fact, start: datetime) -> None:
        for sign, value in ((">=", start), ("<", next_hour(start, self.zone))):
            bound = fact.parameters.add(value.astimezone(UTC), "hour").sql(dialect="duckdb")
            fact.conditions.append(f"{fact.clock().moment} {sign} {bound}")


def cell_of(at: Mapping[str, Any], grain: str | None, week_start: str, year_start: int = 1, zone: str = "UTC") -> Cell:
    """The cell that a person means by `{"country": "DE", "month": "2026-01-01"}`.

    Args:
        at: Dimension or grain -> value; `period` where `grain` says which.
        grain: The grain of `period`; None where `at` names the grain itself.
        week_start: First day of the week.
        year_start: First month of the year, from 1.
        zone: The zone in which hours are counted.

    Raises:
        DefinitionError: It names two periods, or one that begins on another day.

    >>> cell_of({"country": "DE", "month": "2026-01-01"}, None, "monday").period
    datetime.date(2026, 1, 1)
    """
    values = {name: value for name, value in at.items() if name not in (*GRAINS, "period")}
    named = {grain if name == "period" else name: value for name, value in at.items() if name not in values}
    if "period" in at and grain is None:
        hint = "write the grain in its place, such as month = 2026-01-01"
        raise DefinitionError("`period` does not say whether it is a day, a week or a month", where="at", hint=hint)
    if grain is not None and grain not in GRAINS:
        raise DefinitionError(f"{grain!r} is no grain of time", where="grain", hint=f"one of: {', '.join(GRAINS)}")
    if grain is not None and not named:
        raise DefinitionError(f"the {grain} is not said", where="at", hint=f"give its first day: {grain} = 2026-01-01")
    if len(named) > 1 or ("period" in at and grain in at):
        raise DefinitionError("a cell is of one period", where="at", hint="name one grain of time")
    for found, value in named.items():
        if found == "hour":
            return Cell(values=values, grain=found, period=_first_moment(value, zone), zone=zone)
        return Cell(values=values, grain=found, period=_first_day(value, str(found), week_start, year_start))
    return Cell(values=values)


def _first_moment(value: Any, zone: str) -> datetime | None:
    """The hour that a person means; one that came twice needs its offset."""
    if value is None or value == UNKNOWN:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        hint = "write it as 2026-01-31 13:00, or with its offset as 2026-01-31 13:00+01:00"
        raise DefinitionError(f"{value!r} is no hour", where="hour", hint=hint) from None
    if moment.tzinfo is None:
        kind = wall_clock_kind(moment, zone)
        if kind != "ok":
            said, hint = {
                "ambiguous": ("came twice", "say which by its offset"),
                "nonexistent": ("never came", "clocks were put forward over it"),
            }[kind]
            offsets = {f"{moment.replace(tzinfo=ZoneInfo(zone), fold=fold):%z}" for fold in (0, 1)}
            shown = f": {' or '.join(sorted(offsets))}" if kind == "ambiguous" else ""
            raise DefinitionError(f"{moment} {said} in {zone}", where="hour", hint=f"{hint}{shown}")
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    start = with_offset(moment, zone)
    if start not in local_hours(start.date(), start.date(), zone):
        raise DefinitionError(f"no hour begins at {start}", where="hour", hint="give the first moment of an hour")
    return start


def _first_day(value: Any, grain: str, week_start: str, year_start: int) -> date | None:
    if value is None or value == UNKNOWN:
        return None
    day = value
    if not isinstance(day, date) or isinstance(day, datetime):
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            raise DefinitionError(f"{value!r} is not a date", where=grain, hint="write it as 2026-01-31") from None
    first = period_start(day, grain, week_start, year_start)
    if first != day:
        raise DefinitionError(f"no {grain} begins on {day}", where=grain, hint=f"that day is in the one of {first}")
    return first


def _is(fact: Fact, output: str, value: Any, name: str) -> str:
    """The condition that a row is in the group of that value, as the answer groups them."""
    key, kind = fact.keys[output], fact.type_at(fact.dimensions[output]).upper()
    text = key.endswith(f"'{UNKNOWN}')")
    if value is None or value == UNKNOWN:
        return f"{key} = '{UNKNOWN}'" if text else f"{key} IS NULL"
    bound = str(value) if text else _typed(value, kind, name)
    return f"{key} = {fact.parameters.add(bound, name.rpartition('.')[2]).sql(dialect='duckdb')}"


def _typed(value: Any, kind: str, name: str) -> Value:
    """The value as one of the column's type; text, as a command line gives it, is read."""
    read = next((read for start, read in _READ.items() if kind.startswith(start)), str)
    try:
        found: Value = read(str(value))
    except (ValueError, KeyError, InvalidOperation):
        raise DefinitionError(f"{name} = {value!r}: the column is {kind}", where="at") from None
    return found
