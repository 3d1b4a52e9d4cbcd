"""Lines over dates or numbers, with bands, events, gaps and a tail that is not complete yet."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from steelyard.document.chart.chart import Chart, colour, missing_note, vega
from steelyard.document.chart.plot import Plot
from steelyard.document.chart.scale import place_of
from steelyard.document.format import AUTO, Format, Interval, format_number, format_value
from steelyard.document.sparkline import finite, runs
from steelyard.document.svg import Canvas
from steelyard.document.table import Cell, Column, Table
from steelyard.errors import DefinitionError

HOVERED = 200
Place = date | float | int


@dataclass(frozen=True)
class Series:
    """One line: a name, its values, and optionally the bounds of a band around it, each as long as the chart's x."""

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] | None
    high: Sequence[float | None] | None

    def __init__(
        self, name: str, values: Iterable[Any], low: Iterable[Any] | None = None, high: Iterable[Any] | None = None
    ) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", tuple(finite(value) for value in values))
        object.__setattr__(self, "low", None if low is None else tuple(finite(value) for value in low))
        object.__setattr__(self, "high", None if high is None else tuple(finite(value) for value in high))
        if (self.low is None) != (self.high is None):
            raise DefinitionError(f"series '{name}' has one bound of a band", hint="give both low and high")
        for bound in (self.low, self.high):
            if bound is not None and len(bound) != len(self.values):
                raise DefinitionError(
                    f"the band of series '{name}' has {len(bound)} points, its line {len(self.values)}"
                )


@dataclass(frozen=True)
class Event:
    """Something that happened at a place on the x axis, shown as a line across the chart."""

    at: Place
    label: str


@dataclass(frozen=True)
class LineChart(Chart):
    """One or several series over the same dates, times or numbers.

    Args:
        title: what is shown.
        x: places in rising order: all dates, all times, or all numbers.
        series: the lines; a value that is None or NaN is a gap.
        format: how values are written.
        events: what happened when.
        incomplete_from: from this x on the values are not final, and drawn dashed.
        reference: a value to compare with, drawn across.
        zero: let the axis begin at zero.
        x_label: what x is, where it is not a date.
        x_format: how x is written, where it is a number.
        description: what the picture says, for those who do not see it.

    Raises:
        DefinitionError: a series is not as long as x, x is mixed or does not rise, or two series share a name.
    """

    title: str
    x: Sequence[Place]
    series: Sequence[Series]
    format: Format = AUTO
    events: Sequence[Event] = ()
    incomplete_from: Place | None = None
    reference: float | None = None
    zero: bool = False
    x_label: str | None = None
    x_format: Format = AUTO
    description: str | None = None

    def __post_init__(self) -> None:
        for name in ("x", "series", "events"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "x", tuple(_plain(value) for value in self.x))
        for one in self.series:
            if len(one.values) != len(self.x):
                raise DefinitionError(
                    f"series '{one.name}' has {len(one.values)} values for {len(self.x)} places", where=self.title
                )
        if len({one.name for one in self.series}) < len(self.series):
            raise DefinitionError("two series have the same name", where=self.title)
        if len({_sort(value) for value in [*self.x, *(event.at for event in self.events)]}) > 1:
            raise DefinitionError("places mix numbers, dates and times", where=self.title, hint="use one kind")
        places = [place_of(value) for value in self.x]
        if any(later < earlier for earlier, later in itertools.pairwise(places)):
            raise DefinitionError("the places of a line chart do not rise", where=self.title, hint="sort them")

    def is_empty(self) -> bool:
        """Tell whether no series has a value."""
        return not any(value is not None for one in self.series for value in one.values)

    def notes(self) -> tuple[str, ...]:
        """Say how many values are missing, and from where on they are not final."""
        missing = sum(value is None for one in self.series for value in one.values)
        tail = (
            ()
            if self.incomplete_from is None
            else (f"not complete from {format_value(self.incomplete_from, self.x_format)} on",)
        )
        return missing_note(missing) + tail

    def table(self) -> Table:
        """Give one row a place: x, and each series with its band."""
        columns = [Column("x", self.x_label or ("date" if self._dated() else "x"), self.x_format)]
        values: list[Sequence[Cell]] = [self.x]
        for one in self.series:
            columns.append(Column(one.name, one.name, self.format, "right"))
            values.append(one.values)
            if one.low is not None and one.high is not None:
                columns.append(Column(f"{one.name}_interval", f"{one.name}, interval", self.format, "right"))
                values.append(tuple(Interval(*bounds) for bounds in zip(one.low, one.high, strict=True)))
        if self.events:
            columns.append(Column("event"))
            values.append([self._happened(place) for place in range(len(self.x))])
        return Table(columns, zip(*values, strict=True), caption=self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give layers: bands, lines, events."""
        rows = [
            {"x": _vega_place(x), "series": one.name, "value": one.values[place]}
            | ({} if one.low is None or one.high is None else {"low": one.low[place], "high": one.high[place]})
            for one in self.series
            for place, x in enumerate(self.x)
        ]
        kind = "temporal" if self._dated() else "quantitative"
        x = {"field": "x", "type": kind, "title": self.x_label}
        y = {"field": "value", "type": "quantitative", "scale": {"zero": self.zero}, "title": None}
        hue = {"field": "series", "type": "nominal", "title": None}
        layers: list[dict[str, Any]] = [
            {
                "mark": {"type": "line", "invalid": "break-paths-show-domains"},
                "encoding": {"x": x, "y": y, "color": hue},
            }
        ]
        if any(one.low is not None for one in self.series):
            band = {"x": x, "y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}, "color": hue}
            layers.insert(0, {"mark": {"type": "area", "opacity": 0.2}, "encoding": band})
        if self.events:
            happened = [{"x": _vega_place(event.at), "label": event.label} for event in self.events]
            rule = {"x": {"field": "x", "type": kind}, "tooltip": {"field": "label"}}
            layers.append({"data": {"values": happened}, "mark": "rule", "encoding": rule})
        return vega(self, rows, layer=layers)

    def draw(self, width: float) -> Canvas:
        """Draw the axes, then bands, lines and events."""
        places = [place_of(value) for value in self.x]
        events = [(place_of(event.at), event.label) for event in self.events]
        plot = Plot.lay_out(
            width,
            x=[*places, *(at for at, _ in events)],
            y=self._heights(),
            style=self.format,
            dated=self._dated(),
            zero=self.zero,
            names=[one.name for one in self.series] if len(self.series) > 1 else [],
            events=events,
            x_label=self.x_label,
            x_style=self.x_format,
        )
        if self.reference is not None:
            plot.across(self.reference)
        for position, one in enumerate(self.series):
            self._draw_band(plot, places, one, colour(position))
        for position, one in enumerate(self.series):
            self._draw_line(plot, places, one, colour(position))
        plot.name_lines([_last(one.values) for one in self.series])
        if len(self.series) * len(places) <= HOVERED:
            self._draw_hover(plot, places)
        return plot.canvas

    def _draw_band(self, plot: Plot, places: list[float], one: Series, hue: str) -> None:
        if one.low is None or one.high is None:
            return
        joined = list(zip(places, one.low, one.high, strict=True))
        tops = [None if low is None or high is None else (x, plot.y(high)) for x, low, high in joined]
        bottoms = {x: plot.y(low) for x, low, _ in joined if low is not None}
        for run in runs(tops):
            edge = [(plot.x(x), top) for x, top in run] + [(plot.x(x), bottoms[x]) for x, _ in reversed(run)]
            plot.canvas.path(edge, f"sy-band {hue}", closed=True)

    def _draw_line(self, plot: Plot, places: list[float], one: Series, hue: str) -> None:
        points = [
            None if value is None else (plot.x(x), plot.y(value)) for x, value in zip(places, one.values, strict=True)
        ]
        final = len(points)
        if self.incomplete_from is not None:
            final = sum(x < place_of(self.incomplete_from) for x in places)
        for run in runs(points[:final]):
            _draw_run(plot.canvas, run, f"sy-line {hue}")
        for run in runs(points[max(final - 1, 0) :] if final < len(points) else []):
            _draw_run(plot.canvas, run, f"sy-line sy-dashed {hue}")

    def _draw_hover(self, plot: Plot, places: list[float]) -> None:
        for one in self.series:
            for place, value in enumerate(one.values):
                if value is not None:
                    name = f"{one.name}, " if len(self.series) > 1 else ""
                    said = f"{name}{format_value(self.x[place], self.x_format)}: {format_number(value, self.format)}"
                    plot.canvas.add("circle", "sy-hit", cx=plot.x(places[place]), cy=plot.y(value), r=7, title=said)

    def _heights(self) -> list[float]:
        given = [values for one in self.series for values in (one.values, one.low or (), one.high or ())]
        known = [value for values in given for value in values if value is not None]
        return known + ([] if self.reference is None else [self.reference])

    def _dated(self) -> bool:
        return any(isinstance(value, date) for value in self.x)

    def _happened(self, place: int) -> str | None:
        here = [event.label for event in self.events if self._nearest(event) == place]
        return ", ".join(here) or None

    def _nearest(self, event: Event) -> int:
        at = place_of(event.at)
        return min(range(len(self.x)), key=lambda place: abs(place_of(self.x[place]) - at))


def _draw_run(canvas: Canvas, run: list[tuple[float, float]], kind: str) -> None:
    if len(run) > 1:
        canvas.path(thinned(run), kind)
    else:
        canvas.add(
            "circle", kind.replace("sy-line", "sy-dot").replace("sy-dashed ", ""), cx=run[0][0], cy=run[0][1], r=2.5
        )


def thinned(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Keep of each pixel column its first, lowest, highest and last point: the picture stays the same."""
    if len(run) <= 2000:
        return run
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in run:
        columns.setdefault(int(point[0] * 2), []).append(point)
    kept: list[tuple[float, float]] = []
    for points in columns.values():
        ends = {0, len(points) - 1}
        ends.add(min(range(len(points)), key=lambda i: points[i][1]))
        ends.add(max(range(len(points)), key=lambda i: points[i][1]))
        kept.extend(points[i] for i in sorted(ends))
    return kept


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)
    return item() if item is not None else value


def _sort(value: Any) -> str:
    return "time" if isinstance(value, datetime) else "date" if isinstance(value, date) else "number"


def _last(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _vega_place(value: Place) -> str | float:
    return value.isoformat() if isinstance(value, date) else value
