"""A metric's value in two ranges of days, and what of it is compared: totals, totals per day, or a ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.metrics.answer import query
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.metric import Metric
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.root_cause.growth import growth
from steelyard.warehouse import Warehouse

__all__ = ["Compared", "Range"]

Range = tuple[date, date]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two ranges of days, asked once each for the metric and the branches of its tree.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metric: The metric.
        ranges: The baseline, and what is explained.
        notes: What a reader must know; it grows.
    """

    catalog: MetricCatalog
    warehouse: Warehouse
    metric: Metric
    ranges: tuple[Range, Range]
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.metric.name

    @cached_property
    def additive(self) -> bool:
        """Whether its aggregates add up over leaves: a sum, count, mean or ratio, and no distinct count in it."""
        if self.metric.kind not in ("sum", "count", "mean", "ratio"):
            return False
        return all(aggregate.function != "distinct" for aggregate in self.catalog.parts(self.name).each)

    @cached_property
    def ratio(self) -> bool:
        """Whether it is one aggregate over another."""
        return self.divides(self.name)

    def divides(self, name: str) -> bool:
        """Whether a metric is one aggregate over another, or does not grow with days for another reason."""
        return growth(self.catalog.formula(name)) != 1

    def refuse_unequal(self) -> None:
        """Refuses ranges of different length for a metric of which neither totals nor totals per day compare.

        Raises:
            DefinitionError: It is one.
        """
        first, second = self.days
        if first != second and growth(self.catalog.formula(self.name)) not in (0, 1):
            raise DefinitionError(
                f"the ranges have {first} and {second} days, and {self.name!r} grows with days neither evenly nor not "
                f"at all",
                hint="give two ranges of one length",
            )

    @property
    def days(self) -> tuple[int, int]:
        """How many days each range has."""
        first, second = ((last - first).days + 1 for first, last in self.ranges)
        return first, second

    @property
    def basis(self) -> Literal["total", "per day", "value"]:
        """What is compared."""
        if self.ratio:
            return "value"
        return "total" if self.days[0] == self.days[1] else "per day"

    @property
    def divisors(self) -> tuple[int, int]:
        """What the two totals are divided by."""
        return self.days if self.basis == "per day" else (1, 1)

    @cached_property
    def names(self) -> Sequence[str]:
        """The metric and the branches of its tree."""
        tree = self.catalog.trees.get(self.name)
        return [self.name, *(branch.metric for branch in tree.branches)] if tree else [self.name]

    @cached_property
    def answers(self) -> tuple[MetricTable, MetricTable]:
        """Both ranges' values."""
        before, after = (
            query(self.catalog, self.warehouse, self.names, since=first, until=last) for first, last in self.ranges
        )
        return before, after

    def value(self, side: int, name: str) -> float | None:
        """A metric's value in one of the ranges."""
        found = self.answers[side].rows()[0][name]
        return None if found is None else float(found)
