"""What every injection may change, and how its effect is told apart from everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.errors import DefinitionError
from steelyard.simulate.calendar_effects import DAY, Calendar, seconds
from steelyard.simulate.people import People
from steelyard.simulate.random_stream import CHANCE_BITS, Draws, threshold
from steelyard.simulate.truth import Tally, TruthRow
from steelyard.simulate.visits import Visits

__all__ = ["CAP", "STEPS", "Effect", "Injection", "Outcome", "Scene", "capped", "expected"]

STEPS = ("add_to_cart", "checkout_started", "order_placed")
CAP = 0.98  # no step is surer than this

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One chunk before a step of the funnel; `reached` says which sessions take part in it."""

    calendar: Calendar
    draws: Draws
    people: People
    visits: Visits
    reached: Mask


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an injection does to each session: factors of the chance to pass the step and of what an order is worth."""

    conversion: F64
    value: F64 | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A step with and without one injection.

    Attributes:
        scene: The chunk before the step.
        effect: What the injection does.
        without: The chance to pass the step if this injection, and no other, were absent; before the cap.
        worth: Gives what an order of each session is worth in euro cents, for factors of its prices.
    """

    scene: Scene
    effect: Effect
    without: F64
    worth: Callable[[F64 | None], I64]


@dataclass(frozen=True, kw_only=True)
class Injection:
    """A known change of the shop. A kind overrides what it touches; the rest does nothing.

    Args:
        name: What the truth calls it.
    """

    name: str

    def check(self, calendar: Calendar) -> None:
        """Refuse what cannot be."""

    def shares_on(self, day: int, calendar: Calendar, shares: list[float]) -> list[float]:
        """The shares of the channels on a day of the span, given what they would have been."""
        return shares

    def effect(self, step: str, scene: Scene) -> Effect | None:
        """What it does to a step of the funnel."""
        return None

    def count(self, outcome: Outcome) -> Tally:
        """Sums from which the true effect follows."""
        return Tally()

    def exposures(self, scene: Scene, effect: Effect, reached_at: I64) -> pa.RecordBatch | None:
        """Rows of the table `exposures`; `reached_at` is the second of each session's checkout."""
        return None

    def campaigns(self, people: People, draws: Draws) -> pa.RecordBatch | None:
        """Rows of the table `campaigns`."""
        return None

    def loses(self, visits: Visits, visit: npt.NDArray[np.int32], event: npt.NDArray[np.int8], at: I64) -> Mask | None:
        """Which events never arrive: given the session, kind and second of each."""
        return None

    def truth(self, calendar: Calendar, tally: Tally) -> list[TruthRow]:
        """The true values, from the sums of all chunks."""
        return []

    @property
    def where(self) -> str:
        """How errors name it."""
        return f"{type(self).__name__} {self.name!r}"

    def refuse(self, problem: str, hint: str) -> DefinitionError:
        """An error about this injection."""
        return DefinitionError(problem, where=self.where, hint=hint)

    def check_dates(self, calendar: Calendar, since: date, until: date) -> None:
        """Refuse dates that are reversed or lie outside the shop."""
        for day in (since, until):
            if not isinstance(day, date) or isinstance(day, datetime):
                raise self.refuse(f"{day!r} is not a date", "give date(2025, 3, 1)")
        if until < since:
            raise self.refuse(f"until {until} is before since {since}", "swap the two dates")
        if since < calendar.since or until > calendar.until:
            raise self.refuse(
                f"{since} to {until} reaches outside the shop's {calendar.since} to {calendar.until}",
                "move the injection, or give the shop a longer span",
            )

    def check_change(self, what: str, change: float, least: float = -1.0, most: float = 0.35) -> None:
        """Refuse a relative change out of its limits: by default those of a chance, less than none or above the cap."""
        if not least <= change <= most:
            raise self.refuse(
                f"{what} of {change!r} is not between {least:g} and {most:g}",
                "give a fraction: 0.05 is five in a hundred more",
            )


def span(since: date, until: date) -> tuple[int, int]:
    """The first second of the first day, and the first after the last."""
    return seconds(since), seconds(until) + DAY


def capped(chance: F64) -> I64:
    """Chances as thresholds of 32 random bits."""
    return threshold(np.minimum(chance, CAP))


def expected(thresholds: int) -> float:
    """How many successes a sum of thresholds stands for."""
    return thresholds / float(1 << CHANCE_BITS)
