"""The field of a chart with an x and a y axis: grid, ticks, events, legend, and names beside the lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.document.chart.scale import Scale, date_ticks, inner_ticks, nice_ticks, thin
from steelyard.document.format import Format, format_tick
from steelyard.document.svg import FONT, Canvas, shorten, text_width

ROW = 16.0
BOLD = 1.1
_HEIGHTS = {True: 260.0, False: 220.0}


@dataclass(frozen=True)
class Key:
    """What a mark is called and how it looks: the classes of its hue, and whether it is a line or a band."""

    name: str
    hue: str
    swatch: str = "sy-line"


@dataclass(frozen=True)
class Flag:
    """Where the label of an event stands: `row` 0 is the highest."""

    at: float
    row: int
    label: str
    shown: str
    left: float


@dataclass(frozen=True)
class Plot:
    """A canvas with its scales: `x` and `y` turn values into places."""

    canvas: Canvas
    x: Scale
    y: Scale
    lines: Sequence[Key]
    direct: bool

    @classmethod
    def lay_out(
        cls,
        width: float,
        *,
        x: Sequence[float],
        y: Sequence[float],
        style: Format,
        dated: bool,
        zero: bool = False,
        keys: Sequence[Key] = (),
        events: Sequence[tuple[float, str]] = (),
        x_label: str | None = None,
        x_style: Format | None = None,
        pad: float = 0.0,
    ) -> Plot:
        """Make room for what stands around the field, and draw the axes.

        Args:
            width: of the whole drawing.
            x: every place on the x axis.
            y: every height.
            style: how heights are written.
            dated: whether x is days.
            zero: whether the y axis must hold zero.
            keys: what the marks are called, where there are several.
            events: places and labels of vertical lines.
            x_label: what x is.
            x_style: how numbers on the x axis are written.
            pad: free room at both ends of the field.
        """
        wide = width >= 520
        ticks = nice_ticks(min([*y, 0.0] if zero else y), max([*y, 0.0] if zero else y), 6 if wide else 5)
        labels = [format_tick(tick, ticks[1] - ticks[0], style) for tick in ticks]
        left = max(text_width(label) for label in labels) + 10
        lines = [key for key in keys if key.swatch == "sy-line"]
        beside = max((text_width(key.name) * BOLD for key in lines), default=0.0)
        direct = bool(lines) and wide and beside <= width / 4 and len(lines) <= 12
        right = width - (beside + 16 if direct else 12)
        legend = _legend_rows([key for key in keys if not direct or key not in lines], left, width)
        across = Scale(min(x), max(x), left + 2 + pad, right - pad)
        flags = _flags(events, across, width)
        top = 10 + ROW * (len(legend) + max((flag.row + 1 for flag in flags), default=0)) + (4 if legend else 0)
        bottom = top + (_HEIGHTS[wide] - 40)
        canvas = Canvas(width, bottom + 24 + (ROW if x_label else 0))
        plot = cls(canvas, across, Scale(ticks[0], ticks[-1], bottom, top), lines, direct)
        plot._draw_legend(legend)
        plot._draw_y_axis(ticks, labels, left, right)
        plot._draw_x_axis(None if dated else x_style or Format(), left, right, bottom, x_label)
        plot._draw_events(flags, 6 + ROW * len(legend) + (4 if legend else 0), bottom)
        return plot

    def across(self, value: float, kind: str = "sy-reference") -> None:
        """Draw a line across the field at a height."""
        self.canvas.line(self.x.start, self.y(value), self.x.end, self.y(value), kind)

    def name_lines(self, ends: Sequence[float | None]) -> None:
        """Write each line's name beside its last value, moved apart where they would touch."""
        if not self.direct:
            return
        known = sorted((self.y(end), place) for place, end in enumerate(ends) if end is not None)
        heights = spread([height for height, _ in known], 15.0, self.y.end, self.y.start)
        for height, (_, place) in zip(heights, known, strict=True):
            self.canvas.text(self.x.end + 8, height + 4, self.lines[place].name, f"sy-name {self.lines[place].hue}")

    def _draw_legend(self, rows: list[list[tuple[Key, float, str]]]) -> None:
        for number, row in enumerate(rows):
            y = 12 + ROW * number
            for key, x, name in row:
                if key.swatch == "sy-line":
                    self.canvas.line(x, y - 4, x + 14, y - 4, f"sy-line {key.hue}")
                else:
                    self.canvas.add("rect", f"{key.swatch} {key.hue}", x=x, y=y - 10, width=14, height=12)
                self.canvas.text(x + 19, y, name, "sy-label", title="" if name == key.name else key.name)

    def _draw_y_axis(self, ticks: list[float], labels: list[str], left: float, right: float) -> None:
        for tick, label in zip(ticks, labels, strict=True):
            self.canvas.line(left, self.y(tick), right, self.y(tick), "sy-axis" if tick == 0 else "sy-grid")
            self.canvas.text(left - 8, self.y(tick) + 4, label, anchor="end")

    def _draw_x_axis(self, style: Format | None, left: float, right: float, bottom: float, label: str | None) -> None:
        room = max(int((right - left) / 62), 2)
        ticks = x_ticks(self.x, style, room)
        kept = thin([(self.x(at), text_width(said)) for at, said in ticks])
        for index, (at, said) in enumerate(ticks):
            x = self.x(at)
            self.canvas.line(x, bottom, x, bottom + 4, "sy-axis")
            if index in kept:
                half = text_width(said) / 2
                self.canvas.text(min(max(x, half), self.canvas.width - half), bottom + 18, said, anchor="middle")
        self.canvas.line(left, bottom, right, bottom, "sy-axis")
        if label:
            self.canvas.text((left + right) / 2, bottom + 18 + ROW, label, "sy-label", "middle")

    def _draw_events(self, flags: list[Flag], top: float, bottom: float) -> None:
        for flag in flags:
            baseline = top + ROW * flag.row + 10
            self.canvas.line(self.x(flag.at), baseline - 9, self.x(flag.at), bottom, "sy-event")
        for flag in flags:
            baseline = top + ROW * flag.row + 10
            hover = "" if flag.shown == flag.label else flag.label
            self.canvas.text(flag.left, baseline, flag.shown, "sy-label sy-flag", title=hover)


def x_ticks(across: Scale, style: Format | None, most: int) -> list[tuple[float, str]]:
    """Give places and labels of the ticks of an x axis; without a style its places are days."""
    if style is None:
        return date_ticks(across.low, across.high, most)
    ticks = [across.low] if across.low == across.high else inner_ticks(across.low, across.high, most)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(ticks[0]) if ticks and ticks[0] else 1.0
    return [(tick, format_tick(tick, step, style)) for tick in ticks]


def draw_ticks(canvas: Canvas, across: Scale, style: Format, top: float, floor: float) -> None:
    """Draw the grid and the numbers of an x axis under rows that stand one under the other."""
    ticks = x_ticks(across, style, max(int((across.end - across.start) / 52), 2))
    kept = thin([(across(at), text_width(label)) for at, label in ticks])
    for index, (at, label) in enumerate(ticks):
        canvas.line(across(at), top, across(at), floor, "sy-grid")
        if index in kept:
            half = text_width(label) / 2
            canvas.text(min(max(across(at), half), canvas.width - half), floor + 16, label, anchor="middle")


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move sorted places apart until each is `gap` from the next, as little as it takes, between `low` and `high`.

    >>> spread([10, 12, 40], 15, 0, 100)
    [10, 25, 40]
    """
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else max(place, low))
    ceiling = high
    for index in range(len(moved) - 1, -1, -1):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return moved


def _legend_rows(keys: Sequence[Key], left: float, width: float) -> list[list[tuple[Key, float, str]]]:
    rows: list[list[tuple[Key, float, str]]] = []
    x = width
    for key in keys:
        said = shorten(key.name, width - left - 30)
        need = text_width(said, FONT) + 33
        if x + need > width or not rows:
            rows.append([])
            x = left
        rows[-1].append((key, x, said))
        x += need
    return rows


def _flags(events: Sequence[tuple[float, str]], across: Scale, width: float) -> list[Flag]:
    """Place labels to the right of their lines; of two that would touch the earlier goes higher, out of the way."""
    starts: list[float] = []
    lines: list[float] = []
    placed: list[tuple[float, int, str, str, float]] = []
    for at, label in sorted(events, reverse=True):
        shown = shorten(label, width / 2)
        size = text_width(shown)
        left = across(at) + 5 if across(at) + 5 + size <= width else max(across(at) - 5 - size, 0.0)
        # A label may touch none of its own row, and no line that comes down from a higher one.
        free = [number for number, start in enumerate(starts) if left + size + 8 < min([start, *lines[number + 1 :]])]
        row = free[0] if free else len(starts)
        starts[row : row + 1] = [min(left, across(at))]
        lines[row : row + 1] = [across(at)]
        placed.append((at, row, label, shown, left))
    return [Flag(at, len(starts) - 1 - row, label, shown, left) for at, row, label, shown, left in placed]
