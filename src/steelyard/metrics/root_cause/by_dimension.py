"""A change by the values of one dimension after the other; from the cube, or asked for where it does not add up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics.asked import Asked
from steelyard.metrics.explanation import DimensionChange
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.metric import PLAIN_KINDS
from steelyard.metrics.question import ask
from steelyard.metrics.root_cause.compared import Compared
from steelyard.metrics.root_cause.cube import Cube, refuse_overlaps
from steelyard.metrics.segments import additive_change, ratio_change

__all__ = ["Dimensions"]

MOST_SEGMENTS = 1_000

Sums = Mapping[Any, tuple[float, ...]]


class Dimensions:
    """The change by each of several dimensions.

    Args:
        compared: The two ranges; what is to be known is noted there.
        change: The whole change.
    """

    def __init__(self, compared: Compared, change: float) -> None:
        self.compared, self.change = compared, change
        self.skipped: dict[str, str] = {}

    def of_cube(self, cube: Cube) -> list[DimensionChange]:
        """By the cube's dimensions."""
        amounts = ("numerator", "denominator") if self.compared.ratio else ("value",)
        found = []
        for place, dimension in enumerate(cube.dimensions):
            before, after = (cube.sums(place, first, last, amounts) for first, last in self.compared.ranges)
            found.append(self._change(dimension, before, after))
        return found

    def asked(self, dimensions: Sequence[str], *, must: bool) -> list[DimensionChange]:
        """By dimensions that are asked for one by one.

        Args:
            dimensions: Their names.
            must: Whether one that has no answer is an error, and not one that is skipped.
        """
        found = []
        kind = self.compared.metric.kind
        if kind not in PLAIN_KINDS:
            why = f"{self.compared.name} is a {kind}: its segments have no parts of the change that add up"
            self.skipped.update(dict.fromkeys(dimensions, why))
            return []
        for dimension in dimensions:
            try:
                before, after = self._sums(dimension, 0), self._sums(dimension, 1)
            except (DataError, DefinitionError) as error:
                if must:
                    raise
                self.skipped[dimension] = error.problem
                continue
            why = "" if before is not None and after is not None else f"it has more than {MOST_SEGMENTS:,} values"
            if before is not None and after is not None and self.compared.ratio:
                why = self._overlap(before, 0) or self._overlap(after, 1)
            if why or before is None or after is None:
                self.skipped[dimension] = why
                continue
            found.append(self._change(dimension, before, after))
        return found

    def _change(self, dimension: str, before: Sums, after: Sums) -> DimensionChange:
        if self.compared.ratio:
            return ratio_change(dimension, before, after, self.change)
        overlaps = self.compared.metric.kind == "distinct"
        days = self.compared.divisors
        found = additive_change(dimension, before, after, self.change, days=days, overlaps=overlaps)
        if abs(found.overlap) > 1e-9:
            self.compared.notes.append(
                f"By {dimension}, a thing can count in several segments: they do not add up to the whole."
            )
        return found

    def _overlap(self, sums: Sums, side: int) -> str:
        """Why segments have no shares of a ratio: a distinct count in it counts one thing in several of them."""
        parts = self.compared.catalog.parts(self.compared.name)
        for position, aggregate in enumerate(parts.each):
            if aggregate.function != "distinct":
                continue
            added = math.fsum(values[position] for values in sums.values())
            whole = self._wholes[side][position]
            if abs(added - whole) > 0.5:
                return (
                    f"{aggregate.expression} is counted once in each of its values ({added:,.0f} for {whole:,.0f}), so "
                    f"they have no shares that add up"
                )
        return ""

    @cached_property
    def _wholes(self) -> tuple[tuple[float, ...], ...]:
        """The metric's aggregates in each range, undivided."""
        found = []
        for first, last in self.compared.ranges:
            question = ask(self.compared.name, since=first, until=last)
            row = Asked(self.compared.catalog, self.compared.warehouse, question, parts=True).fetch().to_pylist()[0]
            found.append(tuple(float(row[f"{self.compared.name}_{side}"]) for side in ("numerator", "denominator")))
        return tuple(found)

    def _sums(self, dimension: str, side: int) -> dict[Any, tuple[float, ...]] | None:
        """Segment -> the metric's aggregates in one of the ranges; None where there are too many segments."""
        first, last = self.compared.ranges[side]
        name = self.compared.name
        question = ask(name, by=[dimension], since=first, until=last, limit=MOST_SEGMENTS)
        asked = Asked(self.compared.catalog, self.compared.warehouse, question, parts=True)
        refuse_overlaps(asked, dimension)
        table = asked.fetch()
        if table.num_rows > MOST_SEGMENTS:
            return None
        columns = (f"{name}_numerator", f"{name}_denominator") if self.compared.ratio else (name,)
        column = next(iter(asked.plan.places))
        return {
            UNKNOWN if row[column] is None else row[column]: tuple(float(row[item]) for item in columns)
            for row in table.to_pylist()
        }
