"""What a line chart draws besides its axes: lines, what is usual, what is aimed at, and what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from steelyard.document.sparkline import finite
from steelyard.errors import DefinitionError

Place = date | float | int
Values = Sequence[float | None]


@dataclass(frozen=True)
class Series:
    """One line: a name, its values, and optionally the bounds of a band around it, each as long as the chart's x."""

    name: str
    values: Values
    low: Values | None
    high: Values | None

    def __init__(
        self, name: str, values: Iterable[Any], low: Iterable[Any] | None = None, high: Iterable[Any] | None = None
    ) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", _numbers(values))
        object.__setattr__(self, "low", None if low is None else _numbers(low))
        object.__setattr__(self, "high", None if high is None else _numbers(high))
        if (self.low is None) != (self.high is None):
            raise DefinitionError(f"series '{name}' has one bound of a band", hint="give both low and high")
        for bound in (self.low, self.high):
            if bound is not None and len(bound) != len(self.values):
                raise DefinitionError(
                    f"the band of series '{name}' has {len(bound)} points, its line {len(self.values)}"
                )


@dataclass(frozen=True)
class Band:
    """A range that is usual at each place, such as what the season makes likely; it is drawn behind the lines.

    Args:
        name: what it is, such as `usual range`.
        low: its lower bounds, as many as the chart has places; None is a gap.
        high: its upper bounds.

    Raises:
        DefinitionError: there are not as many lower bounds as upper ones, or one ends before it begins.
    """

    name: str
    low: Values
    high: Values

    def __init__(self, name: str, low: Iterable[Any], high: Iterable[Any]) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "low", _numbers(low))
        object.__setattr__(self, "high", _numbers(high))
        if len(self.low) != len(self.high):
            raise DefinitionError(f"the band '{name}' has {len(self.low)} lower bounds and {len(self.high)} upper ones")
        for low_one, high_one in zip(self.low, self.high, strict=True):
            if low_one is not None and high_one is not None and low_one > high_one:
                raise DefinitionError(f"the band '{name}' ends at {high_one} before it begins at {low_one}")


@dataclass(frozen=True)
class Threshold:
    """A height to compare with, drawn across: a target, a limit, an alert's bound.

    Args:
        name: what it is, such as `target`.
        value: the height; or one a place of the chart, for what changes with time.
    """

    name: str
    value: float | Values

    def __init__(self, name: str, value: Any) -> None:
        many = isinstance(value, Iterable) and not isinstance(value, str)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "value", _numbers(value) if many else finite(value))
        if self.value is None:
            raise DefinitionError(f"the threshold '{name}' has no height", hint="give a finite number")

    def heights(self, places: int) -> Values:
        """Give its height at each of so many places."""
        return (self.value,) * places if isinstance(self.value, float) else self.value


@dataclass(frozen=True)
class Event:
    """Something that happened at a place on the x axis, drawn as a line; until another place, as a tinted stretch.

    Raises:
        DefinitionError: it ends before it begins.
    """

    at: Place
    label: str
    until: Place | None = None

    def __post_init__(self) -> None:
        try:
            backwards = self.until is not None and self.until < self.at  # type: ignore[operator]
        except TypeError as error:
            raise DefinitionError(f"the event '{self.label}' mixes {self.at!r} and {self.until!r}") from error
        if backwards:
            raise DefinitionError(f"the event '{self.label}' ends at {self.until} before it begins at {self.at}")


def _numbers(values: Iterable[Any]) -> Values:
    return tuple(finite(value) for value in values)
