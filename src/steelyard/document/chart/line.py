"""Lines over dates or numbers, with bands, events, gaps and a tail that is not complete yet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from steelyard.document.chart.chart import Chart, colour, missing_note
from steelyard.document.chart.line_vega import line_specification
from steelyard.document.chart.plot import Key, Plot, spread
from steelyard.document.chart.scale import place_of
from steelyard.document.chart.series import Band, Event, Place, Series, Threshold, Values
from steelyard.document.format import AUTO, Format, Interval, format_number, format_value
from steelyard.document.sparkline import runs
from steelyard.document.svg import Canvas
from steelyard.document.table import Cell, Column, Table
from steelyard.errors import DefinitionError

HOVERED = 200
MUTED = "sy-muted"


@dataclass(frozen=True)
class LineChart(Chart):
    """One or several series over the same dates, times or numbers.

    Args:
        title: what is shown.
        x: places in rising order: all dates, all times, or all numbers.
        series: the lines; a value that is None or NaN is a gap.
        format: how values are written.
        events: what happened when, or from when to when.
        incomplete_from: from this x on the values are not final, and drawn dashed.
        compare: another line to compare with, such as the year before; quiet, and behind the others.
        usual: the range that is usual at each place, behind everything.
        thresholds: heights to compare with, drawn across.
        stepped: a value holds until the next place, as a stage or a price does.
        zero: let the axis begin at zero.
        x_label: what x is, where it is not a date.
        x_format: how x is written, where it is a number.
        description: what the picture says, for those who do not see it.

    Raises:
        DefinitionError: a series, a band or a threshold is not as long as x, x is mixed or does not rise, or two
            share a name.
    """

    title: str
    x: Sequence[Place]
    series: Sequence[Series]
    format: Format = AUTO
    events: Sequence[Event] = ()
    incomplete_from: Place | None = None
    compare: Series | None = None
    usual: Band | None = None
    thresholds: Sequence[Threshold] = ()
    stepped: bool = False
    zero: bool = False
    x_label: str | None = None
    x_format: Format = AUTO
    description: str | None = None

    def __post_init__(self) -> None:
        for name in ("x", "series", "events", "thresholds"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "x", tuple(_plain(value) for value in self.x))
        self._check_lengths()
        names = [one.name for one in self._lines()]
        if len(set(names)) < len(names):
            raise DefinitionError("two series have the same name", where=self.title)
        ends = [event.until for event in self.events if event.until is not None]
        if len({_sort(value) for value in [*self.x, *(event.at for event in self.events), *ends]}) > 1:
            raise DefinitionError("places mix numbers, dates and times", where=self.title, hint="use one kind")
        places = [place_of(value) for value in self.x]
        if any(later < earlier for earlier, later in itertools.pairwise(places)):
            raise DefinitionError("the places of a line chart do not rise", where=self.title, hint="sort them")

    def _check_lengths(self) -> None:
        given: list[tuple[str, Values]] = [(f"series '{one.name}'", one.values) for one in self._lines()]
        given += [] if self.usual is None else [(f"the band '{self.usual.name}'", self.usual.low)]
        given += [(f"the threshold '{one.name}'", one.heights(len(self.x))) for one in self.thresholds]
        for what, values in given:
            if len(values) != len(self.x):
                raise DefinitionError(f"{what} has {len(values)} values for {len(self.x)} places", where=self.title)

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
        """Give one row a place: x, each series with its band, and what it is compared with."""
        columns = [Column("x", self.x_label or ("date" if self._dated() else "x"), self.x_format)]
        values: list[Sequence[Cell]] = [self.x]
        for one in self._lines():
            columns.append(Column(one.name, one.name, self.format, "right"))
            values.append(one.values)
            if one.low is not None and one.high is not None:
                columns.append(Column(f"{one.name}_interval", f"{one.name}, interval", self.format, "right"))
                values.append(tuple(Interval(*bounds) for bounds in zip(one.low, one.high, strict=True)))
        if self.usual is not None:
            columns.append(Column(self.usual.name, self.usual.name, self.format, "right"))
            values.append(tuple(_interval(*bounds) for bounds in zip(self.usual.low, self.usual.high, strict=True)))
        for threshold in self.thresholds:
            columns.append(Column(threshold.name, threshold.name, self.format, "right"))
            values.append(threshold.heights(len(self.x)))
        if self.events:
            columns.append(Column("event"))
            values.append(self._happened())
        return Table(columns, zip(*values, strict=True), caption=self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give layers: what is usual, bands, lines, thresholds, events."""
        return line_specification(self)

    def draw(self, width: float) -> Canvas:
        """Draw the axes, then what is usual, stretches, bands, lines and thresholds."""
        places = [place_of(value) for value in self.x]
        events = [(place_of(event.at), event.label) for event in self.events]
        ends = [place_of(event.until) for event in self.events if event.until is not None]
        plot = Plot.lay_out(
            width,
            x=[*places, *(at for at, _ in events), *ends],
            y=self._heights(),
            style=self.format,
            dated=self._dated(),
            zero=self.zero,
            keys=self._keys(),
            events=events,
            x_label=self.x_label,
            x_style=self.x_format,
        )
        self._draw_stretches(plot)
        if self.usual is not None:
            _draw_band(plot, places, self.usual.low, self.usual.high, MUTED)
        for one, hue in self._hued():
            if one.low is not None and one.high is not None:
                _draw_band(plot, places, one.low, one.high, hue)
        for one, hue in self._hued():
            self._draw_line(plot, places, one.values, hue)
        self._draw_thresholds(plot, places)
        plot.name_lines([_last(one.values) for one in self._lines()])
        if len(self._lines()) * len(places) <= HOVERED:
            self._draw_hover(plot, places)
        return plot.canvas

    def _lines(self) -> list[Series]:
        return [*self.series, *([] if self.compare is None else [self.compare])]

    def _hued(self) -> list[tuple[Series, str]]:
        """Every line with its hue, in the order of drawing: what is compared with lies behind."""
        hued = [(one, colour(position)) for position, one in enumerate(self.series)]
        return hued if self.compare is None else [(self.compare, MUTED), *hued]

    def _keys(self) -> list[Key]:
        keys = [Key(one.name, colour(position)) for position, one in enumerate(self.series)]
        keys += [] if self.compare is None else [Key(self.compare.name, MUTED)]
        if len(keys) == 1:
            keys = []
        return keys + ([] if self.usual is None else [Key(self.usual.name, MUTED, "sy-band")])

    def _draw_stretches(self, plot: Plot) -> None:
        for event in self.events:
            if event.until is not None:
                x = plot.x(place_of(event.at))
                size = max(plot.x(place_of(event.until)) - x, 1.0)
                height = plot.y.start - plot.y.end
                plot.canvas.add("rect", "sy-stretch", x=x, y=plot.y.end, width=size, height=height, title=event.label)

    def _draw_line(self, plot: Plot, places: list[float], values: Values, hue: str) -> None:
        points = [
            None if value is None else (plot.x(x), plot.y(value)) for x, value in zip(places, values, strict=True)
        ]
        final = len(points)
        if self.incomplete_from is not None and hue != MUTED:
            final = sum(x < place_of(self.incomplete_from) for x in places)
        for run in runs(points[:final]):
            _draw_run(plot.canvas, self._shaped(run), f"sy-line {hue}")
        for run in runs(points[max(final - 1, 0) :] if final < len(points) else []):
            _draw_run(plot.canvas, self._shaped(run), f"sy-line sy-dashed {hue}")

    def _shaped(self, run: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return steps(run) if self.stepped else run

    def _draw_thresholds(self, plot: Plot, places: list[float]) -> None:
        named = []
        for one in self.thresholds:
            if isinstance(one.value, float):
                plot.across(one.value, "sy-limit")
            heights = one.heights(len(places))
            points = [None if y is None else (plot.x(x), plot.y(y)) for x, y in zip(places, heights, strict=True)]
            for run in [] if isinstance(one.value, float) else runs(points):
                plot.canvas.path(steps([*run, (run[-1][0] + 1, run[-1][1])]), "sy-limit sy-open")
            first = next((y for y in heights if y is not None), None)
            if first is not None:
                named.append((plot.y(first) - 4, self._said(one, first)))
        named.sort()
        baselines = spread([y for y, _ in named], 14.0, plot.y.end + 11, plot.y.start - 3)
        for baseline, (_, said) in zip(baselines, named, strict=True):
            plot.canvas.text(plot.x.start + 4, baseline, said, "sy-label sy-flag")

    def _said(self, one: Threshold, first: float) -> str:
        return f"{one.name} {format_number(first, self.format)}" if isinstance(one.value, float) else one.name

    def _draw_hover(self, plot: Plot, places: list[float]) -> None:
        for one in self._lines():
            for place, value in enumerate(one.values):
                if value is not None:
                    name = f"{one.name}, " if len(self._lines()) > 1 else ""
                    said = f"{name}{format_value(self.x[place], self.x_format)}: {format_number(value, self.format)}"
                    plot.canvas.add("circle", "sy-hit", cx=plot.x(places[place]), cy=plot.y(value), r=7, title=said)

    def _heights(self) -> list[float]:
        given = [values for one in self._lines() for values in (one.values, one.low or (), one.high or ())]
        given += [] if self.usual is None else [self.usual.low, self.usual.high]
        given += [one.heights(len(self.x)) for one in self.thresholds]
        return [value for values in given for value in values if value is not None]

    def _dated(self) -> bool:
        return any(isinstance(value, date) for value in self.x)

    def _happened(self) -> list[str | None]:
        """What stands at each place: an event at the nearest one, a stretch at all that it holds."""
        places = [place_of(value) for value in self.x]
        said: list[list[str]] = [[] for _ in places]
        for event in self.events:
            at, end = place_of(event.at), place_of(event.at if event.until is None else event.until)
            held = [number for number, place in enumerate(places) if at <= place <= end]
            for number in held or [min(range(len(places)), key=lambda i: abs(places[i] - at))]:
                said[number].append(event.label)
        return [", ".join(labels) or None for labels in said]


def steps(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Give the corners of a line whose value holds until the next point.

    >>> steps([(0, 1), (5, 3)])
    [(0, 1), (5, 1), (5, 3)]
    """
    corners = run[:1]
    for x, y in run[1:]:
        corners += [(x, corners[-1][1]), (x, y)]
    return corners


def _draw_band(plot: Plot, places: list[float], low: Values, high: Values, hue: str) -> None:
    joined = list(zip(places, low, high, strict=True))
    tops = [None if bottom is None or top is None else (x, plot.y(top)) for x, bottom, top in joined]
    bottoms = {x: plot.y(bottom) for x, bottom, _ in joined if bottom is not None}
    for run in runs(tops):
        edge = [(plot.x(x), top) for x, top in run] + [(plot.x(x), bottoms[x]) for x, _ in reversed(run)]
        plot.canvas.path(edge, f"sy-band {hue}", closed=True)


def _interval(low: float | None, high: float | None) -> Interval | None:
    return None if low is None and high is None else Interval(low, high)


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
