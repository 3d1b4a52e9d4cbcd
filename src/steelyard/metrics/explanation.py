"""Why a metric differs between two ranges of dates: by its tree, and by the segments of each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from steelyard.document import Block, Shown
from steelyard.metrics.how import How
from steelyard.metrics.metric import Metric
from steelyard.result import Provenance

__all__ = [
    "Cause",
    "DataFault",
    "DimensionChange",
    "Explanation",
    "Factor",
    "Happening",
    "Search",
    "Segment",
    "TreeChange",
]


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One branch of the tree.

    Args:
        name: The metric; `days` where the ranges differ in length, `not in the tree` for what the tree leaves over.
        before: Its value at first; None where it is undefined or no value.
        after: Its value then.
        contribution: What it adds to the change, in the metric's own unit.
        inverse: Whether it divides, or is taken away.
    """

    name: str
    before: float | None
    after: float | None
    contribution: float
    inverse: bool = False


@dataclass(frozen=True, kw_only=True)
class TreeChange:
    """The change by the factors or terms of the metric's tree; they add up to it.

    Args:
        text: The tree as written.
        method: `LMDI`, `Shapley` or `sum`.
        factors: Largest first.
    """

    text: str
    method: Literal["LMDI", "Shapley", "sum"]
    factors: tuple[Factor, ...]


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One value of a dimension.

    Args:
        value: The value; `(unknown)` where there is none.
        before: The metric there at first; None where it is undefined.
        after: The metric there then.
        contribution: What it adds to the change, in the metric's own unit.
        share: How much of the whole it is, the mean of both ranges: of the metric, or of a mean or ratio's denominator.
        mix: Of that, because its share changed; None for a metric that is no mean or ratio.
        rate: Of that, because its own mean or ratio changed; None likewise.
    """

    value: Any
    before: float | None
    after: float | None
    contribution: float
    share: float = 0.0
    mix: float | None = None
    rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class DimensionChange:
    """The change by the segments of one dimension; they add up to it.

    Args:
        dimension: As a question would write it.
        segments: Largest contribution first.
        overlap: What remains because a thing is counted in several segments; only for a distinct count.
        reversal: What to notice where every segment moves against the whole (Simpson); empty otherwise.
    """

    dimension: str
    segments: tuple[Segment, ...]
    overlap: float = 0.0
    reversal: str = ""

    @property
    def most_telling(self) -> Segment | None:
        """The segment that departs most from moving in proportion to its size; None where there are none."""
        return max(self.segments, key=self._departure, default=None)

    @property
    def departure(self) -> float:
        """How far that segment departs from it, in the metric's own unit."""
        return 0.0 if self.most_telling is None else self._departure(self.most_telling)

    def _departure(self, segment: Segment) -> float:
        change = sum(item.contribution for item in self.segments)
        return abs(segment.contribution - segment.share * change)


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that fell into the days that are explained: an annotation, or an experiment that ran.

    Args:
        says: What it was, in a few words.
        kind: `experiment`, or as an annotation's: `launch`, `outage`, `holiday`, `policy`, `other`; `definition` or
            `schema` for a change of what is measured.
        at: Its first local day.
        until: Its last; None for the one day.
        where: Dimension -> value, where it concerns only some rows; empty for all.
        undo: Whether it can be taken back.
        study: The study that measured it, where one did; empty otherwise.
    """

    says: str
    kind: str
    at: date
    until: date | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    undo: bool = False
    study: str = ""


@dataclass(frozen=True, kw_only=True)
class DataFault:
    """Something in the data that makes a number differ though the world did not.

    Args:
        kind: `incomplete`, `late`, `missing days`, `loaded twice`, `segment gone`, `definition` or `schema`.
        says: What was seen, with its numbers.
        segment: Dimension -> value, where it concerns only some rows; empty for all.
        impact: About how much of the change it makes, in the metric's own unit; None where that cannot be told.
        stops: Whether it makes the comparison itself doubtful, so that causes should not be read before it is mended.
    """

    kind: str
    says: str
    segment: Mapping[str, str] = field(default_factory=dict)
    impact: float | None = None
    stops: bool = False


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A segment that moved as the rest did not: what to look at, and not yet what caused it.

    Args:
        segment: Dimension -> value; empty for everything.
        kind: `volume`, `mix` (its share of a ratio's denominator), `rate` (its own ratio), `price` (the amount of a
            row), or `data fault` where it has no rows at all any more.
        measure: What `before`, `after` and `expected` are of.
        before: Its measure in the baseline.
        after: Its measure in what is explained.
        expected: What it would have been if it had moved like the rest, and like the same weekdays before.
        ratio: By which factor it changed; None where nothing had been expected.
        impact: What it adds to the change, in the metric's own unit.
        share: How much of the whole it is, the mean of both ranges: of the metric, or of a ratio's denominator.
        statistic: Twice the log likelihood ratio, over its overdispersion, less the cost of its description.
        false_alarm: The chance that the largest statistic of a quiet time, over all segments searched, is as large.
        coincides: What fell into the same days and may concern it.
    """

    segment: Mapping[str, str]
    kind: str
    measure: str
    before: float | None
    after: float | None
    expected: float | None
    ratio: float | None
    impact: float
    share: float
    statistic: float
    false_alarm: float
    coincides: tuple[Happening, ...] = ()

    @property
    def name(self) -> str:
        """The segment in words."""
        return " and ".join(f"{name} = {value}" for name, value in self.segment.items()) or "everything"

    @property
    def undo(self) -> bool:
        """Whether something that coincides can be taken back."""
        return any(item.undo for item in self.coincides)


@dataclass(frozen=True, kw_only=True)
class Search:
    """How the segments were searched.

    Args:
        ran: Whether they were.
        says: Over what, and how false alarms were controlled; or why not.
        segments: How many were looked at, in all searches.
        leaves: Of how many leaves.
        dimensions: By which dimensions together.
        level: The chance of a false alarm that each search may have.
    """

    ran: bool
    says: str
    segments: int = 0
    leaves: int = 0
    dimensions: tuple[str, ...] = ()
    level: float | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation(Shown):
    """Why a metric differs between two ranges of dates: what moved with it, which is not yet what caused it.

    Args:
        metric: The metric.
        before_range: First and last local date of the baseline.
        after_range: First and last local date of what is explained.
        before: Its value in the baseline: the total, or where `basis` says so, per day.
        after: Its value in the other range.
        change: The difference.
        basis: `total`; `per day` where the ranges differ in length and the metric grows with time; `value` for a mean
            or ratio.
        totals: The two totals, where `before` and `after` are per day.
        tree: By the metric's tree; None where it has none, or it cannot be taken apart.
        dimensions: By dimension, the most telling first.
        notes: What a reader must know.
        faults: What is wrong with the data; to be read first.
        causes: The few segments that explain the move; empty where nothing stands out of the noise. The largest first,
            and of impacts of about one size, those first beside which something can be taken back.
        unexplained: The change less what the causes add; None where nothing was searched.
        calendar: What the change holds only because the ranges have other weekdays; 0 where they have the same.
        coincides: What else fell into the days that are explained.
        search: How the segments were searched.
        summary: The whole of it in a few sentences.
        hows: How the two numbers were made, baseline first.
        provenance: As of the two queries.
    """

    metric: Metric
    before_range: tuple[date, date]
    after_range: tuple[date, date]
    before: float | None
    after: float | None
    change: float | None
    basis: Literal["total", "per day", "value"]
    totals: tuple[float, float] | None
    tree: TreeChange | None
    dimensions: tuple[DimensionChange, ...]
    notes: tuple[str, ...]
    hows: tuple[How, How]
    provenance: tuple[Provenance, Provenance]
    skipped: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[DataFault, ...] = ()
    causes: tuple[Cause, ...] = ()
    unexplained: float | None = None
    calendar: float = 0.0
    coincides: tuple[Happening, ...] = ()
    search: Search = field(default_factory=lambda: Search(ran=False, says=""))
    summary: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole of it as plain values, without how the numbers were made."""
        from steelyard.canonical import plain

        said = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("hows", "provenance")}
        found = plain(said)
        assert isinstance(found, dict)  # noqa: S101 - an object goes in
        return found

    def blocks(self) -> list[Block]:
        """The explanation as blocks."""
        from steelyard.metrics.explanation_blocks import explanation_blocks

        return explanation_blocks(self)
