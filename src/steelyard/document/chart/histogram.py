"""How values are spread: how many lie in each of several ranges of the same width."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from steelyard.document.chart.chart import Chart, vega
from steelyard.document.chart.plot import Plot
from steelyard.document.chart.scale import nice_ticks
from steelyard.document.chart.series import Threshold
from steelyard.document.format import AUTO, Format, format_interval, format_number
from steelyard.document.sparkline import finite
from steelyard.document.svg import Canvas
from steelyard.document.table import Column, Table
from steelyard.errors import DefinitionError

COUNT = Format.integer()


@dataclass(frozen=True)
class Histogram(Chart):
    """Counts by ranges of equal width, as bars from zero that touch.

    Args:
        title: what is shown.
        edges: where the ranges begin, and where the last one ends; evenly spaced, rising.
        counts: how many values lie in each: from its edge up to, and without, the next; the last includes its end.
        format: how the values are written.
        marks: values to point at, such as the median.
        below: how many values lie below the first edge.
        above: how many lie above the last.
        missing: how many are missing or not finite.
        description: what the picture says, for those who do not see it.

    Raises:
        DefinitionError: the ranges are not as many as the counts or differ in width, a count is negative, or a mark
            has many heights.
    """

    title: str
    edges: Sequence[float]
    counts: Sequence[int]
    format: Format = AUTO
    marks: Sequence[Threshold] = ()
    below: int = 0
    above: int = 0
    missing: int = 0
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", tuple(float(edge) for edge in self.edges))
        object.__setattr__(self, "counts", tuple(int(count) for count in self.counts))
        object.__setattr__(self, "marks", tuple(self.marks))
        if len(self.edges) != len(self.counts) + 1 and (self.edges or self.counts):
            raise DefinitionError(
                f"a histogram has {len(self.edges)} edges and {len(self.counts)} counts",
                where=self.title,
                hint="give one edge more than counts",
            )
        widths = [later - earlier for earlier, later in itertools.pairwise(self.edges)]
        if widths and not (min(widths) > 0 and max(widths) - min(widths) <= 1e-6 * max(widths)):
            hint = "a bar's height is a count only where widths are equal"
            raise DefinitionError("the ranges of a histogram differ in width", where=self.title, hint=hint)
        if any(count < 0 for count in (*self.counts, self.below, self.above, self.missing)):
            raise DefinitionError("a count of a histogram is negative", where=self.title)
        if any(not isinstance(mark.value, float) for mark in self.marks):
            raise DefinitionError("a mark of a histogram is one value", where=self.title)

    @classmethod
    def of(cls, title: str, values: Iterable[Any], *, bins: int = 24, **said: Any) -> Self:
        """Count values in about `bins` ranges with round edges; takes the other fields too.

        >>> Histogram.of("Orders", [1, 2, 2, 3, None], bins=4).counts
        (1, 0, 2, 1)
        """
        given = [finite(value) for value in values]
        known = [value for value in given if value is not None]
        if not known:
            return cls(title, (), (), missing=len(given), **said)
        edges = _edges(min(known), max(known), bins)
        counts = [0] * (len(edges) - 1)
        for value in known:
            counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
        return cls(title, edges, counts, missing=len(given) - len(known), **said)

    def is_empty(self) -> bool:
        """Tell whether no range holds a value."""
        return not any(self.counts)

    def notes(self) -> tuple[str, ...]:
        """Say how many values are not drawn."""
        outside = ((self.below, "below", 0), (self.above, "above", -1))
        said = [
            f"{count:,} value{'s lie' if count != 1 else ' lies'} {side} {self._written(self.edges[edge])}, not drawn"
            for count, side, edge in outside
            if count and self.edges
        ]
        if self.missing:
            said.append(f"{self.missing:,} value{'s are' if self.missing != 1 else ' is'} missing or not finite")
        return tuple(said)

    def table(self) -> Table:
        """Give one row a range: from, to, how many, and the share of those drawn."""
        total = sum(self.counts) or 1
        columns = [
            Column("from", format=self.format, align="right"),
            Column("to", format=self.format, align="right"),
            Column("values", format=COUNT, align="right"),
            Column("share", format=Format.percent(1), align="right"),
        ]
        rows = [
            (low, high, count, count / total)
            for (low, high), count in zip(itertools.pairwise(self.edges), self.counts, strict=True)
        ]
        return Table(columns, rows, self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give bars over ranges that are counted already, and rules for the marks."""
        rows = [
            {"from": low, "to": high, "values": count}
            for (low, high), count in zip(itertools.pairwise(self.edges), self.counts, strict=True)
        ]
        bars: dict[str, Any] = {
            "x": {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": None},
            "x2": {"field": "to"},
            "y": {"field": "values", "type": "quantitative", "scale": {"zero": True}, "title": None},
        }
        layers: list[dict[str, Any]] = [{"mark": "bar", "encoding": bars}]
        layers += [
            {"mark": "rule", "encoding": {"x": {"datum": mark.value}, "tooltip": {"value": mark.name}}}
            for mark in self.marks
        ]
        return vega(self, rows, layer=layers)

    def draw(self, width: float) -> Canvas:
        """Draw the axes, the bars from zero, and the marks."""
        marks = [(value, f"{mark.name} {self._written(value)}") for mark, value in self._shown_marks()]
        plot = Plot.lay_out(
            width,
            x=self.edges,
            y=[float(count) for count in self.counts],
            style=COUNT,
            dated=False,
            zero=True,
            events=marks,
            x_style=self.format,
        )
        ground = plot.y(0.0)
        for (low, high), count in zip(itertools.pairwise(self.edges), self.counts, strict=True):
            if count:
                x, top = plot.x(low), plot.y(float(count))
                said = f"{format_interval(low, high, self.format)}: {format_number(count, COUNT)}"
                size, height = max(plot.x(high) - x - 1, 0.5), max(ground - top, 0.5)
                plot.canvas.add(
                    "rect", "sy-bar sy-s1", x=x + 0.5, y=ground - height, width=size, height=height, title=said
                )
        for value, _ in marks:
            plot.canvas.line(plot.x(value), plot.y.end, plot.x(value), ground, "sy-mark")
        return plot.canvas

    def _shown_marks(self) -> list[tuple[Threshold, float]]:
        inside = [(mark, mark.value) for mark in self.marks if isinstance(mark.value, float)]
        return [(mark, value) for mark, value in inside if self.edges[0] <= value <= self.edges[-1]]

    def _written(self, value: float) -> str:
        return format_number(value, self.format)


def _edges(low: float, high: float, bins: int) -> list[float]:
    edges = nice_ticks(low, high, bins + 1)
    step = edges[1] - edges[0]
    # Ticks forgive a billionth of a step; a count must not.
    before = [edges[0] - step] if low < edges[0] else []
    after = [edges[-1] + step] if high > edges[-1] else []
    return [*before, *edges, *after]
