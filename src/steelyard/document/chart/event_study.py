"""Effects by period before and after a treatment, against a reference period."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.document.chart.chart import Chart, missing_note, vega
from steelyard.document.chart.plot import Plot
from steelyard.document.format import AUTO, Format, Interval, format_interval, format_number
from steelyard.document.sparkline import finite
from steelyard.document.svg import Canvas
from steelyard.document.table import Column, Table
from steelyard.errors import DefinitionError


@dataclass(frozen=True)
class EventStudyPoint:
    """The effect at one period relative to the treatment; a bound that is None is unbounded."""

    at: float
    value: float | None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, finite(getattr(self, name)))
        if self.low is not None and self.high is not None and self.low > self.high:
            raise DefinitionError(f"the interval at {self.at} ends at {self.high} before it begins at {self.low}")


@dataclass(frozen=True)
class EventStudyChart(Chart):
    """Point estimates with intervals on a numeric x axis.

    Args:
        title: what is shown.
        points: the effects by period, in rising order.
        format: how values are written.
        reference_period: the period that the others are compared with, drawn as a hollow point at zero; None for none.
        starts: where the treatment begins, drawn as an event; None for no line.
        x_label: what x counts.
        description: what the picture says, for those who do not see it.

    Raises:
        DefinitionError: the periods do not rise.
    """

    title: str
    points: Sequence[EventStudyPoint]
    format: Format = AUTO
    reference_period: float | None = -1
    starts: float | None = -0.5
    x_label: str | None = "periods since treatment"
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(self.points))
        places = [point.at for point in self.points]
        if any(later <= earlier for earlier, later in itertools.pairwise(places)):
            raise DefinitionError("the periods of an event study do not rise", where=self.title, hint="sort them")

    def is_empty(self) -> bool:
        """Tell whether no period has a value."""
        return all(point.value is None for point in self.points)

    def notes(self) -> tuple[str, ...]:
        """Say how many periods have no estimate."""
        return missing_note(
            sum(point.value is None and not self._is_reference(point) for point in self.points), "not drawn"
        )

    def table(self) -> Table:
        """Give one row a period."""
        columns = [
            Column("period", self.x_label),
            Column("value", "estimate", self.format, "right"),
            Column("interval", None, self.format, "right"),
        ]
        rows = [
            (point.at, point.value, "reference" if self._is_reference(point) else _bounds(point))
            for point in self.points
        ]
        return Table(columns, rows, self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give rules for the intervals and points for the values."""
        rows: list[dict[str, Any]] = [
            {"at": point.at, "value": point.value, "low": point.low, "high": point.high} for point in self.points
        ]
        x = {"field": "at", "type": "quantitative", "title": self.x_label}
        y = {"type": "quantitative", "title": None}
        layers = [
            {"mark": "rule", "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True}, "encoding": {"x": x, "y": y | {"field": "value"}}},
            {"mark": "rule", "encoding": {"y": {"datum": 0}}},
        ]
        return vega(self, rows, layer=layers)

    def draw(self, width: float) -> Canvas:
        """Draw the axes, then an interval and a point a period."""
        heights = [v for point in self.points for v in (point.value, point.low, point.high) if v is not None]
        plot = Plot.lay_out(
            width,
            x=[point.at for point in self.points],
            y=heights,
            style=self.format,
            dated=False,
            zero=True,
            events=[] if self.starts is None or not self._holds(self.starts) else [(self.starts, "treatment starts")],
            x_label=self.x_label,
            pad=12.0,
        )
        for point in self.points:
            self._draw_point(plot, point)
        return plot.canvas

    def _draw_point(self, plot: Plot, point: EventStudyPoint) -> None:
        x = plot.x(point.at)
        if self._is_reference(point):
            plot.canvas.add("circle", "sy-hollow sy-s1", cx=x, cy=plot.y(0), r=4.5, title=f"{point.at:g}: reference")
            return
        if point.value is None:
            return
        low = plot.y.start if point.low is None else plot.y(point.low)
        high = plot.y.end if point.high is None else plot.y(point.high)
        plot.canvas.line(x, low, x, high, "sy-interval sy-neutral")
        for bound, y, way in ((point.low, low, -1), (point.high, high, 1)):
            if bound is None:
                plot.canvas.path([(x - 5, y + 6 * way), (x, y), (x + 5, y + 6 * way)], "sy-arrow sy-neutral")
        said = f"{format_number(point.value, self.format)} {format_interval(point.low, point.high, self.format)}"
        plot.canvas.add(
            "circle", "sy-dot sy-neutral", cx=x, cy=plot.y(point.value), r=4.5, title=f"{point.at:g}: {said}"
        )

    def _is_reference(self, point: EventStudyPoint) -> bool:
        return self.reference_period is not None and point.at == self.reference_period

    def _holds(self, place: float) -> bool:
        return self.points[0].at <= place <= self.points[-1].at


def _bounds(point: EventStudyPoint) -> Interval | None:
    return None if point.value is None else Interval(point.low, point.high)
