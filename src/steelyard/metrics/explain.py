"""Asks why a metric differs between two ranges of dates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics.annotation import Annotation
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.explanation import DimensionChange, Explanation, Happening, Search
from steelyard.metrics.graph import GRAINS
from steelyard.metrics.question import as_date
from steelyard.metrics.root_cause.by_dimension import Dimensions
from steelyard.metrics.root_cause.by_tree import tree_change
from steelyard.metrics.root_cause.coincide import beside, concerned, in_days
from steelyard.metrics.root_cause.compared import Compared, Range
from steelyard.metrics.root_cause.cube import Cube, read_cube
from steelyard.metrics.root_cause.faults import find_faults
from steelyard.metrics.root_cause.search import Found, search_cube
from steelyard.metrics.root_cause.words import in_words
from steelyard.metrics.small_groups import refuse_small
from steelyard.warehouse import Warehouse

__all__ = ["explain"]

MOST_TOGETHER = 8
HISTORY = 56
MOST_HISTORY = 400


def explain(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    metric: str,
    before: tuple[str | date, str | date],
    after: tuple[str | date, str | date],
    dimensions: Sequence[str] | None = None,
    *,
    annotations: Sequence[Annotation] = (),
    happenings: Sequence[Happening] = (),
) -> Explanation:
    """Why a metric differs between two ranges of local dates, both ends included.

    Sums and counts are compared per day where the ranges differ in length. Every list of contributions adds up to the
    change. The segments that stand out of the noise are searched over all dimensions together, to combinations of
    three; how noisy they are is read from the days before both ranges.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metric: The metric.
        before: First and last date of the baseline.
        after: First and last date of what is to be explained.
        dimensions: Dimensions to look at; None is all that the metric has. Eight at most are searched together: those
            by which most moved. Of one with more than 1,000 values the biggest stand apart, and the rest is `(other)`.
        annotations: What happened in the world; those of these days stand beside the segments that they may concern.
        happenings: The same for what has no annotation: experiments that ran, definitions and schemas that changed.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: The metric has no time, a range cannot be, or ranges of different length do not compare.
        PolicyError: A dimension is sensitive; or the project has a smallest group, and segments are asked for.
    """
    ranges = (_range(before, "before"), _range(after, "after"))
    _check_dimensions(dimensions)
    if dimensions:
        refuse_small(catalog, "the segments of a change are not counted", "explain without dimensions")
    compared = Compared(catalog=catalog, warehouse=warehouse, metric=catalog.metric(metric), ranges=ranges)
    return _Explaining(compared, [*concerned(annotations, metric), *happenings]).explanation(dimensions)


def _range(given: tuple[str | date, str | date], name: str) -> Range:
    no_range = DefinitionError(f"{name} = {given!r} is no range of dates", hint="give the first and the last, in order")
    if isinstance(given, str | date) or len(given) != 2:
        raise no_range
    first, last = (as_date(value, name) for value in given)
    if first is None or last is None or last < first:
        raise no_range
    return first, last


def _check_dimensions(dimensions: Sequence[str] | None) -> None:
    """Refuses what is no list of dimensions, each once, of which a row has one."""
    if isinstance(dimensions, str):
        raise DefinitionError(f"dimensions = {dimensions!r} is no list", hint=f"write [{dimensions!r}]")
    for place, name in enumerate(dimensions or ()):
        if name in GRAINS:
            hint = "leave it out: the two ranges of dates are what is compared"
            raise DefinitionError(f"{name!r} is a period, and no dimension to explain by", hint=hint)
        if name in (dimensions or ())[:place]:
            raise DefinitionError(f"the dimension {name!r} is asked for twice", hint="name it once")


class _Explaining:
    """One explanation on its way."""

    def __init__(self, compared: Compared, happenings: Sequence[Happening]) -> None:
        self.compared, self.ranges, self.happenings = compared, compared.ranges, happenings
        self.skipped: dict[str, str] = {}
        self.cube: Cube | None = None

    def explanation(self, dimensions: Sequence[str] | None) -> Explanation:
        compared = self.compared
        compared.refuse_unequal()
        totals = (compared.value(0, compared.name), compared.value(1, compared.name))
        first, last = (None if v is None else v / d for v, d in zip(totals, compared.divisors, strict=True))
        change = None if first is None or last is None else last - first
        if change is None:
            compared.notes.append(f"{compared.name} is undefined in one of the ranges: its denominator is 0 there.")
        tree = tree_change(compared, first, last) if first is not None and last is not None else None
        by_dimension = [] if change is None else self._dimensions(dimensions, change)
        found = self._searched(change)
        self._note_ranges()
        made = Explanation(
            metric=compared.metric,
            before_range=self.ranges[0],
            after_range=self.ranges[1],
            before=first,
            after=last,
            change=change,
            basis=compared.basis,
            totals=(totals[0] or 0.0, totals[1] or 0.0) if compared.basis == "per day" else None,
            tree=tree,
            dimensions=tuple(sorted(by_dimension, key=lambda item: -item.departure)),
            notes=tuple(dict.fromkeys([*compared.notes, *found.notes])),
            hows=(compared.answers[0].how, compared.answers[1].how),
            provenance=(compared.answers[0].provenance, compared.answers[1].provenance),
            skipped=self.skipped,
        )
        return self._with_search(made, found)

    def _with_search(self, made: Explanation, found: Found) -> Explanation:
        """The data faults, the segments with what coincides, what they leave over, and all of it in words."""
        coincides = in_days(self.happenings, *self.ranges[1])
        causes = tuple(beside(found.causes, coincides))
        faults = find_faults(self.cube, self.ranges, self._covered(), causes, self.happenings)
        unexplained = None
        if made.change is not None and found.search.ran:
            unexplained = made.change - found.calendar - math.fsum(cause.impact for cause in causes)
        whole = replace(
            made,
            faults=tuple(faults),
            causes=causes,
            unexplained=unexplained,
            calendar=found.calendar,
            coincides=coincides,
            search=found.search,
        )
        return replace(whole, summary=in_words(whole))

    def _covered(self) -> Range | None:
        """The days of which every fact has rows."""
        facts = [fact for fact in self.compared.answers[0].how.facts if fact.first]
        if not facts:
            return None
        return (
            max(date.fromisoformat(fact.first) for fact in facts),
            min(date.fromisoformat(fact.last) for fact in facts),
        )

    def _note_ranges(self) -> None:
        compared, days, notes = self.compared, self.compared.days, self.compared.notes
        if compared.basis == "per day":
            notes.append(
                f"The ranges have {days[0]} and {days[1]} days, so what is compared is per day; the totals stand "
                f"beside."
            )
            if compared.metric.kind == "distinct":
                notes.append("A distinct count does not grow evenly with days: ranges of one length compare better.")
        elif days[0] != days[1]:
            notes.append(f"The ranges have {days[0]} and {days[1]} days.")
        if self.ranges[0][1] >= self.ranges[1][0] and self.ranges[1][1] >= self.ranges[0][0]:
            notes.append("The ranges overlap: the days in both count on both sides.")
        for answer in compared.answers:
            notes += answer.notes

    # By dimension, and all of them together

    def _dimensions(self, asked: Sequence[str] | None, change: float) -> list[DimensionChange]:
        names = list(self.compared.catalog.dimensions(self.compared.name) if asked is None else asked)
        if self.compared.catalog.smallest_group > 1:
            self.skipped.update(
                dict.fromkeys(names, "its segments may be smaller than the smallest group that is told")
            )
            return []
        by = Dimensions(self.compared, change)
        if not self.compared.additive or not names:
            found = by.asked(names, must=asked is not None)
        elif len(names) <= MOST_TOGETHER and self._read(names, must=asked is not None):
            found = by.of_cube(self.cube) if self.cube is not None else []
            found += by.asked(list(self.cube.left_out) if self.cube is not None else [], must=False)
        else:
            found = by.asked(names, must=asked is not None)
            self._read(self._most_moved(found), must=False)
        self.skipped.update(by.skipped)
        return found

    def _most_moved(self, found: Sequence[DimensionChange]) -> list[str]:
        """The dimensions that are searched together: those by which most departs from moving in proportion."""
        ranked = sorted(found, key=lambda item: (-item.departure, item.dimension))
        chosen = {item.dimension for item in ranked[:MOST_TOGETHER]}
        if len(found) > MOST_TOGETHER:
            self.compared.notes.append(
                f"Of {len(found)} dimensions, the {MOST_TOGETHER} by which most moved were searched together."
            )
        return [item.dimension for item in found if item.dimension in chosen]

    def _read(self, names: Sequence[str], *, must: bool) -> bool:
        """Whether the cube was read; a dimension that has no answer must be found by asking for each."""
        earliest, latest = min(side[0] for side in self.ranges), max(side[1] for side in self.ranges)
        reach = min(max(HISTORY, 2 * (latest - earliest).days), MOST_HISTORY)
        since = date.fromordinal(max(earliest.toordinal() - reach, date.min.toordinal()))
        if not names:
            return False
        try:
            self.cube = read_cube(
                self.compared.catalog, self.compared.warehouse, self.compared.name, names, since, latest
            )
        except (DataError, DefinitionError):
            if must:
                raise
            return False
        self.cube, broken = self.cube.finite()
        if broken:
            self.compared.notes.append(
                f"{broken:,} {'day' if broken == 1 else 'days'} of a leaf of history hold NaN or infinity: they are "
                f"taken as 0."
            )
        for dimension, values in self.cube.cut.items():
            self.compared.notes.append(
                f"Of {dimension}, the {values:,} biggest values stand apart; the rest is added up as (other)."
            )
        for dimension, why in self.cube.left_out.items():
            self.compared.notes.append(f"{dimension} was not searched together with the others: {why}.")
        return True

    def _searched(self, change: float | None) -> Found:
        compared = self.compared
        if change is None:
            return Found(search=Search(ran=False, says="There is nothing to compare."))
        if not compared.additive:
            says = (
                f"{compared.name} does not add up over segments, so they were not searched together: a thing can count "
                f"in several of them. Explain a sum, count or ratio of the same rows."
            )
            return Found(search=Search(ran=False, says=says))
        if self.cube is None:
            return Found(search=Search(ran=False, says="There are no dimensions to search together."))
        return search_cube(self.cube, compared.name, self.ranges, compared.divisors)
