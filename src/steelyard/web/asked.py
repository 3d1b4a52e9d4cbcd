"""What an address asks for: its parameters, checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import TypeVar

from steelyard.errors import DefinitionError, unknown_name

__all__ = ["FORMAT", "WORK", "Asked", "Range"]

T = TypeVar("T", bound=str)
Range = tuple[date, date]
FORMAT = "format"
WORK = "work"  # names a run that the address began before
COMMON = {FORMAT, WORK}


class Asked:
    """The parameters of an address; one that is empty was not given.

    Args:
        given: Names and values, in order.
        known: The names that the page knows.

    Raises:
        DefinitionError: A name is unknown or given twice: a typing error must not silently show another view.
    """

    def __init__(self, given: Iterable[tuple[str, str]], known: Collection[str] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in given:
            if name not in known and name not in COMMON:
                error = unknown_name("parameter", name, {*known, FORMAT})
                raise DefinitionError(error.problem, where="the address", hint=error.hint)
            if name in self._values:
                raise DefinitionError(
                    f"the parameter {name!r} is given twice", where="the address", hint="give it once"
                )
            self._values[name] = value.strip()

    def text(self, name: str) -> str:
        """The value; empty where it was not given."""
        return self._values.get(name, "")

    def one_of(self, name: str, known: Collection[T], default: T) -> T:
        """The value, which must be one of these.

        Raises:
            DefinitionError: It is another.
        """
        value = self.text(name)
        if not value:
            return default
        for item in known:
            if item == value:
                return item
        error = unknown_name(name, value, known)
        raise DefinitionError(error.problem, where=f"?{name}", hint=error.hint)

    def day(self, name: str) -> date | None:
        """The value as a local date; None where it was not given.

        Raises:
            DefinitionError: It is no date.
        """
        value = self.text(name)
        return _day(value, f"?{name}") if value else None

    def range(self, name: str) -> Range | None:
        """The value as a range of local dates, both included, written FIRST..LAST; None where it was not given.

        Raises:
            DefinitionError: It is none.
        """
        value = self.text(name)
        if not value:
            return None
        first, dots, last = value.partition("..")
        if not dots:
            hint = "write it as 2026-07-01..2026-09-30"
            raise DefinitionError(f"{value!r} is not a range of dates", where=f"?{name}", hint=hint)
        found = _day(first.strip(), f"?{name}"), _day(last.strip(), f"?{name}")
        if found[0] > found[1]:
            problem = f"the range ends on {found[1]} before it begins on {found[0]}"
            raise DefinitionError(problem, where=f"?{name}", hint="give the earlier date first")
        return found

    def number(self, name: str) -> int | None:
        """The value as a whole number from 0; None where it was not given.

        Raises:
            DefinitionError: It is none.
        """
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,15}", value):
            raise DefinitionError(f"{value!r} is not a whole number", where=f"?{name}", hint="write digits only")
        return int(value)


def _day(text: str, where: str) -> date:
    hint = "write it as 2026-01-31"
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise DefinitionError(f"{text!r} is not a date", where=where, hint=hint)
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise DefinitionError(f"{text!r} is not a date", where=where, hint=hint) from error
    if not date.min + timedelta(days=800) < found < date.max - timedelta(days=800):
        raise DefinitionError(f"{text!r} is beyond every calendar that is counted in", where=where, hint=hint)
    return found
