"""Estimates with their intervals, one under the other: a forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from steelyard.document.chart.chart import Chart, vega
from steelyard.document.chart.plot import draw_ticks
from steelyard.document.chart.scale import Scale, nice_ticks
from steelyard.document.format import AUTO, MISSING, Format, Interval, format_interval, format_number
from steelyard.document.sparkline import finite
from steelyard.document.svg import Canvas, shorten, text_width
from steelyard.document.table import Column, Table
from steelyard.errors import DefinitionError

Status = Literal["good", "bad", "warning", "neutral"]
STATUSES = ("good", "bad", "warning", "neutral")
ROW_WIDE, ROW_NARROW = 28.0, 44.0


@dataclass(frozen=True)
class IntervalRow:
    """One estimate: what it is of, its value, its bounds, of which None is unbounded, and a margin of its own, if any.

    Raises:
        DefinitionError: the low bound is above the high one, or the status is unknown.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    status: Status = "neutral"
    limit: float | None = None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "limit"):
            object.__setattr__(self, name, finite(getattr(self, name)))
        if self.low is not None and self.high is not None and self.low > self.high:
            raise DefinitionError(f"the interval of '{self.label}' ends at {self.high} before it begins at {self.low}")
        if self.status not in STATUSES:
            raise DefinitionError(f"'{self.status}' is not a status", hint=f"use one of {', '.join(STATUSES)}")


@dataclass(frozen=True)
class IntervalChart(Chart):
    """Estimates and intervals on one scale, against a reference and, where there is one, a limit.

    Args:
        title: what is shown.
        rows: the estimates, from top to bottom; a row without a value is listed and not drawn.
        format: how values are written.
        reference: the value of no effect; None for no line.
        limit: a margin not to be crossed, or the least effect that matters.
        limit_label: what the limit is.
        description: what the picture says, for those who do not see it.
    """

    title: str
    rows: Sequence[IntervalRow]
    format: Format = AUTO
    reference: float | None = 0.0
    limit: float | None = None
    limit_label: str = "limit"
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))

    def is_empty(self) -> bool:
        """Tell whether no row has a value."""
        return all(row.value is None for row in self.rows)

    def notes(self) -> tuple[str, ...]:
        """Say how many rows have no estimate, that an arrow means unbounded, and what a row's own mark is."""
        missing = sum(row.value is None for row in self.rows)
        unbounded = any(row.value is not None and (row.low is None or row.high is None) for row in self.rows)
        said: tuple[str, ...] = (f"{missing} row{'s have' if missing > 1 else ' has'} no estimate",) if missing else ()
        said += ("an arrow is a bound at infinity",) if unbounded else ()
        return said + ((f"the dashed mark of a row is its {self.limit_label}",) if self._own_limits() else ())

    def _own_limits(self) -> bool:
        return any(row.limit is not None for row in self.rows)

    def table(self) -> Table:
        """Give one row an estimate."""
        columns = [
            Column("label", ""),
            Column("value", "estimate", self.format, "right"),
            Column("interval", None, self.format, "right"),
        ]
        bounds = [None if row.value is None else Interval(row.low, row.high) for row in self.rows]
        rows: list[tuple[Any, ...]] = [
            (row.label, row.value, bound) for row, bound in zip(self.rows, bounds, strict=True)
        ]
        if self._own_limits():
            columns.append(Column("limit", self.limit_label, self.format, "right"))
            rows = [(*said, row.limit) for said, row in zip(rows, self.rows, strict=True)]
        return Table(columns, rows, self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give rules for the intervals, points for the values, and the reference and limit."""
        rows: list[dict[str, Any]] = [
            {"label": row.label, "value": row.value, "low": row.low, "high": row.high, "limit": row.limit}
            for row in self.rows
        ]
        y = {"field": "label", "type": "nominal", "sort": None, "title": None}
        x = {"type": "quantitative", "title": None}
        layers: list[dict[str, Any]] = [
            {"mark": "rule", "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True}, "encoding": {"y": y, "x": x | {"field": "value"}}},
        ]
        lines = [value for value in (self.reference, self.limit) if value is not None]
        layers += [{"mark": "rule", "encoding": {"x": {"datum": value}}} for value in lines]
        if self._own_limits():
            layers.append({"mark": "tick", "encoding": {"y": y, "x": x | {"field": "limit"}}})
        return vega(self, rows, layer=layers)

    def draw(self, width: float) -> Canvas:
        """Draw label, interval and words in three columns; where narrow, the interval goes under its words."""
        wide = width >= 520
        step, top = (ROW_WIDE if wide else ROW_NARROW), (22.0 if self.limit is not None else 6.0)
        said = [self._words(row) for row in self.rows]
        left = min(max(text_width(row.label) for row in self.rows) + 14, width * 0.32) if wide else 8.0
        right = width - max(text_width(words) for words in said) - 16 if wide else width - 8.0
        canvas = Canvas(width, top + step * len(self.rows) + 26)
        across = self._scale(left, right)
        floor = top + step * len(self.rows) + 4
        self._draw_axis(canvas, across, top, floor)
        for number, (row, words) in enumerate(zip(self.rows, said, strict=True)):
            baseline = top + step * number + 17
            shown = shorten(row.label, left - 14 if wide else width - text_width(words) - 12)
            canvas.text(0, baseline, shown, "sy-label sy-flag", title="" if shown == row.label else row.label)
            canvas.text(width, baseline, words, "sy-value sy-flag", "end")
            middle = baseline - 4 + (0 if wide else 18)
            if row.limit is not None:
                canvas.line(across(row.limit), middle - 10, across(row.limit), middle + 10, "sy-limit")
            if row.value is not None:
                draw_interval(canvas, across, middle, row, f"{row.label}: {words}")
        return canvas

    def _words(self, row: IntervalRow) -> str:
        if row.value is None:
            return MISSING
        return f"{format_number(row.value, self.format)}  {format_interval(row.low, row.high, self.format)}"

    def _scale(self, left: float, right: float) -> Scale:
        known = [row for row in self.rows if row.value is not None]
        given = [v for row in known for v in (row.value, row.low, row.high)]
        given += [*(row.limit for row in self.rows), self.reference, self.limit]
        values = [value for value in given if value is not None]
        ticks = nice_ticks(min(values), max(values), 12)
        # An arrow needs room to show that its interval goes on beyond the last bound.
        pad = 14 if any(row.low is None or row.high is None for row in known) else 2
        return Scale(ticks[0], ticks[-1], left + pad, right - pad)

    def _draw_axis(self, canvas: Canvas, across: Scale, top: float, floor: float) -> None:
        draw_ticks(canvas, across, self.format, top, floor)
        if self.reference is not None:
            canvas.line(across(self.reference), top, across(self.reference), floor, "sy-axis")
        if self.limit is not None:
            self._draw_limit(canvas, across(self.limit), top, floor)

    def _draw_limit(self, canvas: Canvas, x: float, top: float, floor: float) -> None:
        canvas.line(x, top - 4, x, floor, "sy-limit")
        said = f"{self.limit_label} {format_number(self.limit, self.format)}"
        half = text_width(said) / 2
        canvas.text(min(max(x, half), canvas.width - half), top - 9, said, "sy-label", "middle")


def draw_interval(canvas: Canvas, across: Scale, y: float, row: IntervalRow, title: str) -> None:
    """Draw one horizontal interval with its point; an unbounded side ends in an arrow."""
    hue = f"sy-{row.status}"
    low = across.start - 8 if row.low is None else across(row.low)
    high = across.end + 8 if row.high is None else across(row.high)
    canvas.line(low, y, high, y, f"sy-interval {hue}")
    for bound, x, way in ((row.low, low, 1), (row.high, high, -1)):
        if bound is None:
            canvas.path([(x + 6 * way, y - 5), (x, y), (x + 6 * way, y + 5)], f"sy-arrow {hue}")
        else:
            canvas.line(x, y - 4, x, y + 4, f"sy-interval {hue}")
    if row.value is not None:
        canvas.add("circle", f"sy-dot {hue}", cx=across(row.value), cy=y, r=4.5, title=title)
