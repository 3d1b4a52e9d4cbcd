"""One cell of an answer, as a person names it, as conditions on the rows behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from steelyard.errors import DefinitionError
from steelyard.metrics.calendar import next_period, period_start
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.facts import Fact
from steelyard.metrics.graph import GRAINS
from steelyard.warehouse import Value

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
        period: The first day of its period; None for the rows without a time.
    """

    values: Mapping[str, Any]
    grain: str | None = None
    period: date | None = None

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
        last = next_period(self.period, self.grain).toordinal() - 1
        fact.within(self.period, date.fromordinal(last))


def cell_of(at: Mapping[str, Any], grain: str | None, week_start: str) -> Cell:
    """The cell that a person means by `{"country": "DE", "month": "2026-01-01"}`.

    Args:
        at: Dimension or grain -> value; `period` where `grain` says which.
        grain: The grain of `period`; None where `at` names the grain itself.
        week_start: First day of the week.

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
        return Cell(values=values, grain=found, period=_first_day(value, str(found), week_start))
    return Cell(values=values)


def _first_day(value: Any, grain: str, week_start: str) -> date | None:
    if value is None or value == UNKNOWN:
        return None
    day = value
    if not isinstance(day, date) or isinstance(day, datetime):
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            raise DefinitionError(f"{value!r} is not a date", where=grain, hint="write it as 2026-01-31") from None
    first = period_start(day, grain, week_start)
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
