"""Cohorts: entities by when they began, and how many of them come back in each period after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.metrics.calendar import next_period, period_start
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.graph import DATE_GRAINS
from steelyard.metrics.product.events import EventRows, check_name, entity_of_each

__all__ = ["Cohorts"]

Grain = Literal["day", "week", "month", "quarter", "year"]
MOST_PERIODS = 400


@dataclass(frozen=True, kw_only=True)
class Cohorts:
    """Entities by when they began, followed over periods; its fields are the keys of its YAML.

    Args:
        name: Snake case.
        start: The rows with which an entity begins; the first of them is its start.
        activity: The rows that say that it is active.
        entity: Who is followed; empty for the one entity that both tables share.
        cohort: The period that puts entities together by the local day of their start.
        every: The periods that are counted after the start: a number of days (`7 days`: period k is days 7k to 7k + 6
            after the own start), or `day`, `week`, `month`, `quarter`, `year` for calendar periods (period 0 is the one
            of the start).
        periods: How many of them, from 0.
        value: A measure of the activity's rows that is added up, such as `orders.amount`; empty for none.
        owner: Who answers for it.
        question: What it answers, as a person would ask.
        description: For a person.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: A word of it cannot be.

    >>> weekly = Cohorts(name="r", start=EventRows(table="signups"), activity=EventRows(table="visits"))
    >>> weekly.ends(date(2026, 3, 2), 1, None)
    datetime.date(2026, 3, 21)
    """

    name: str
    start: EventRows
    activity: EventRows
    entity: str = ""
    cohort: Grain = "week"
    every: str = "7 days"
    periods: int = 12
    value: str = ""
    owner: str = ""
    question: str = ""
    description: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        check_name("definition of cohorts", self.name, self.defined_at)
        for problem, hint in self._problems():
            raise DefinitionError(problem, where=self.defined_at, hint=hint)

    def _problems(self) -> Iterator[tuple[str, str]]:
        if self.cohort not in DATE_GRAINS:
            yield f"the cohorts {self.name!r} are of each {self.cohort!r}", f"write {', '.join(DATE_GRAINS)}"
        if self.every not in DATE_GRAINS and self.days is None:
            yield f"{self.name!r} counts every {self.every!r}", f"write 7 days, or one of {', '.join(DATE_GRAINS)}"
        if not 1 <= self.periods <= MOST_PERIODS:
            yield f"{self.name!r} counts {self.periods} periods", f"give 1 to {MOST_PERIODS}"

    @property
    def days(self) -> int | None:
        """The days of a period that is counted from the own start; None for calendar periods."""
        found = re.fullmatch(r"([1-9][0-9]{0,3}) (day|week)s?", self.every)
        return int(found[1]) * (7 if found[2] == "week" else 1) if found else None

    def latest(self, cohort: date, until: date | None) -> date:
        """The last day on which a member of the cohort may have begun."""
        last = next_period(cohort, self.cohort) - timedelta(days=1)
        return min(last, until) if until else last

    def ends(self, cohort: date, k: int, until: date | None, week_start: str = "monday") -> date:
        """The last day of period k of the latest member that the cohort can have.

        Args:
            cohort: The first day of the cohort's period.
            k: The number of the period.
            until: The last day on which a member may have begun; None for the whole period.
            week_start: First day of the week.
        """
        latest = self.latest(cohort, until)
        try:
            if self.days is not None:
                return latest + timedelta(days=self.days * (k + 1) - 1)
            start = period_start(latest, self.every, week_start)
            for _ in range(k + 1):
                start = next_period(start, self.every)
        except OverflowError:
            return date.max
        return start - timedelta(days=1)

    def check(self, catalog: MetricCatalog) -> str:
        """Refuses what cannot be, before anything is read; gives the entity.

        Raises:
            UnknownNameError: A table or an entity is not there.
            DefinitionError: The rows have no time, or lead to different entities.
            PolicyError: A condition names a sensitive column.
        """
        each = {"start": self.start, "activity": self.activity}
        return entity_of_each(catalog, self.entity, each, self.name, where=self.defined_at)
