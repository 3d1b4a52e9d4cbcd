"""How values are spread, group by group: boxes of quartiles with whiskers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.document.chart.chart import Chart, vega
from steelyard.document.chart.plot import draw_ticks
from steelyard.document.chart.scale import Scale, nice_ticks
from steelyard.document.format import AUTO, MISSING, Format, format_interval, format_number
from steelyard.document.sparkline import finite
from steelyard.document.svg import Canvas, shorten, text_width
from steelyard.document.table import Column, Table
from steelyard.errors import DefinitionError

ROW_WIDE, ROW_NARROW = 30.0, 46.0
FIELDS = ("low", "first_quartile", "median", "third_quartile", "high")


@dataclass(frozen=True)
class BoxRow:
    """One group: its quartiles, and where its whiskers end; all five are None where it has no values.

    Raises:
        DefinitionError: some are missing, or they do not rise.
    """

    label: str
    low: float | None
    first_quartile: float | None
    median: float | None
    third_quartile: float | None
    high: float | None
    count: int | None = None

    def __post_init__(self) -> None:
        for name in FIELDS:
            object.__setattr__(self, name, finite(getattr(self, name)))
        given = [getattr(self, name) for name in FIELDS]
        known = [value for value in given if value is not None]
        if len(known) not in (0, 5):
            raise DefinitionError(f"the box '{self.label}' has {len(known)} of five numbers", hint="give all or none")
        if known != sorted(known):
            raise DefinitionError(
                f"the numbers of the box '{self.label}' do not rise: {known}",
                hint="give low, first quartile, median, third quartile, high",
            )

    def five(self) -> tuple[float, float, float, float, float] | None:
        """Give its five numbers; None where it has no values."""
        a, b, c, d, e = self.low, self.first_quartile, self.median, self.third_quartile, self.high
        return None if a is None or b is None or c is None or d is None or e is None else (a, b, c, d, e)


@dataclass(frozen=True)
class BoxChart(Chart):
    """Boxes on one scale, one group under the other.

    Args:
        title: what is shown.
        rows: the groups, from top to bottom.
        format: how values are written.
        whiskers: what the whiskers reach, such as `5th and 95th percentile`; it is said under the chart.
        description: what the picture says, for those who do not see it.
    """

    title: str
    rows: Sequence[BoxRow]
    format: Format = AUTO
    whiskers: str = "lowest and highest value"
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))

    def is_empty(self) -> bool:
        """Tell whether no group has values."""
        return all(row.five() is None for row in self.rows)

    def notes(self) -> tuple[str, ...]:
        """Say what is drawn, and how many groups have no values."""
        missing = sum(row.five() is None for row in self.rows)
        said = (f"box: the middle half, with the median; whiskers: {self.whiskers}",)
        return said + ((f"{missing} group{'s have' if missing > 1 else ' has'} no values",) if missing else ())

    def table(self) -> Table:
        """Give one row a group."""
        names = [Column("group", "")]
        names += [Column(name, format=self.format, align="right") for name in FIELDS]
        counted = any(row.count is not None for row in self.rows)
        columns = names + ([Column("values", format=Format.integer(), align="right")] if counted else [])
        rows = [
            (row.label, *(getattr(row, name) for name in FIELDS), *([row.count] if counted else []))
            for row in self.rows
        ]
        return Table(columns, rows, self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give rules for whiskers, bars for boxes and ticks for medians."""
        rows: list[dict[str, Any]] = [
            {"group": row.label} | {name: getattr(row, name) for name in FIELDS} for row in self.rows
        ]
        y = {"field": "group", "type": "nominal", "sort": None, "title": None}

        def span(low: str, high: str) -> dict[str, Any]:
            x = {"field": low, "type": "quantitative", "title": None, "scale": {"zero": False}}
            return {"y": y, "x": x, "x2": {"field": high}}

        median = {"y": y, "x": {"field": "median", "type": "quantitative"}}
        layers = [
            {"mark": "rule", "encoding": span("low", "high")},
            {"mark": {"type": "bar", "size": 14}, "encoding": span("first_quartile", "third_quartile")},
            {"mark": {"type": "tick", "color": "white", "size": 14}, "encoding": median},
        ]
        return vega(self, rows, layer=layers)

    def draw(self, width: float) -> Canvas:
        """Draw label, box and words in three columns; where narrow, the box goes under its words."""
        wide = width >= 520
        step = ROW_WIDE if wide else ROW_NARROW
        said = [self._words(row) for row in self.rows]
        left = min(max(text_width(row.label) for row in self.rows) + 14, width * 0.32) if wide else 8.0
        right = width - max(text_width(words) for words in said) - 16 if wide else width - 8.0
        floor = 6 + step * len(self.rows) + 4
        canvas = Canvas(width, floor + 22)
        across = self._scale(left, right)
        draw_ticks(canvas, across, self.format, 6.0, floor)
        for number, (row, words) in enumerate(zip(self.rows, said, strict=True)):
            baseline = 6 + step * number + 18
            shown = shorten(row.label, left - 14 if wide else width - text_width(words) - 12)
            canvas.text(0, baseline, shown, "sy-label sy-flag", title="" if shown == row.label else row.label)
            canvas.text(width, baseline, words, "sy-value sy-flag", "end")
            _draw_box(canvas, across, baseline - 4 + (0 if wide else 19), row, f"{row.label}: {words}")
        return canvas

    def _words(self, row: BoxRow) -> str:
        five = row.five()
        if five is None:
            return MISSING
        return f"{format_number(five[2], self.format)}  {format_interval(five[1], five[3], self.format)}"

    def _scale(self, left: float, right: float) -> Scale:
        values = [value for row in self.rows for value in row.five() or ()]
        ticks = nice_ticks(min(values), max(values), 12)
        return Scale(ticks[0], ticks[-1], left + 2, right - 2)


def _draw_box(canvas: Canvas, across: Scale, y: float, row: BoxRow, title: str) -> None:
    five = row.five()
    if five is None:
        return
    low, first, median, third, high = map(across, five)
    canvas.line(low, y, first, y, "sy-interval sy-s1")
    canvas.line(third, y, high, y, "sy-interval sy-s1")
    for end in (low, high):
        canvas.line(end, y - 4, end, y + 4, "sy-interval sy-s1")
    canvas.add("rect", "sy-box sy-s1", x=first, y=y - 8, width=max(third - first, 1.0), height=16, rx=2, title=title)
    canvas.line(median, y - 8, median, y + 8, "sy-median sy-s1")
