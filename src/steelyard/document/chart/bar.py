"""Bars from zero, the largest first, each with its value beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from steelyard.document.chart.chart import Chart, missing_note, vega
from steelyard.document.chart.scale import Scale
from steelyard.document.format import AUTO, MISSING, Format, format_number
from steelyard.document.sparkline import finite
from steelyard.document.svg import Canvas, shorten, text_width
from steelyard.document.table import Column, Table, as_cell
from steelyard.errors import DefinitionError

ROW = 28.0


@dataclass(frozen=True)
class BarChart(Chart):
    """One bar a label, from zero.

    Args:
        title: what is shown.
        labels: the names of the bars.
        values: as many numbers; None and NaN have no bar and come last.
        format: how values are written.
        sort: largest first; False keeps the order given, for labels that have an order of their own.
        description: what the picture says, for those who do not see it.

    Raises:
        DefinitionError: there are not as many values as labels.
    """

    title: str
    labels: Sequence[str]
    values: Sequence[int | float | Decimal | None]
    format: Format = AUTO
    sort: bool = True
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(str(label) for label in self.labels))
        object.__setattr__(self, "values", tuple(as_cell(value) for value in self.values))
        if len(self.labels) != len(self.values):
            raise DefinitionError(
                f"a bar chart has {len(self.labels)} labels and {len(self.values)} values", where=self.title
            )

    def rows(self) -> list[tuple[str, int | float | Decimal | None]]:
        """Give labels and values in the order drawn."""
        given = list(zip(self.labels, self.values, strict=True))
        if not self.sort:
            return given
        return sorted(given, key=lambda row: (finite(row[1]) is None, -(finite(row[1]) or 0.0)))

    def is_empty(self) -> bool:
        """Tell whether no bar has a value."""
        return all(finite(value) is None for value in self.values)

    def notes(self) -> tuple[str, ...]:
        """Say how many values are missing."""
        return missing_note(sum(finite(value) is None for value in self.values), "no bar")

    def table(self) -> Table:
        """Give one row a bar, in the order drawn."""
        return Table([Column("label", ""), Column("value", format=self.format, align="right")], self.rows(), self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give horizontal bars in the order drawn."""
        rows: list[dict[str, Any]] = [{"label": label, "value": finite(value)} for label, value in self.rows()]
        encoding = {
            "y": {"field": "label", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "value", "type": "quantitative", "scale": {"zero": True}, "title": None},
        }
        return vega(self, rows, mark="bar", encoding=encoding)

    def draw(self, width: float) -> Canvas:
        """Draw labels, bars and values in three columns."""
        rows = self.rows()
        canvas = Canvas(width, ROW * len(rows) + 8)
        said = [format_number(value, self.format) if value is not None else MISSING for _, value in rows]
        left = min(max(text_width(label) for label, _ in rows) + 12, width * 0.4)
        room = max(text_width(text) for text in said) + 8
        numbers = [finite(value) or 0.0 for _, value in rows]
        low, high = min(0.0, *numbers), max(0.0, *numbers)
        across = Scale(low, high, left + (room if low < 0 else 0), width - (room if high > 0 or low == 0 else 4))
        for number, ((label, value), text) in enumerate(zip(rows, said, strict=True)):
            self._draw_bar(canvas, across, 4 + ROW * number, (label, finite(value), text), left)
        canvas.line(across(0), 0, across(0), canvas.height, "sy-axis")
        return canvas

    def _draw_bar(
        self, canvas: Canvas, across: Scale, top: float, bar: tuple[str, float | None, str], left: float
    ) -> None:
        label, value, text = bar
        shown = shorten(label, left - 12)
        canvas.text(0, top + 18, shown, "sy-label", title="" if shown == label else label)
        zero, end = across(0), across(value or 0.0)
        if value:
            canvas.add(
                "rect",
                "sy-bar sy-s1",
                x=min(zero, end),
                y=top + 3,
                width=max(abs(end - zero), 0.5),
                height=ROW - 8,
                rx=2,
                title=f"{label}: {text}",
            )
        canvas.text(
            end - 6 if (value or 0) < 0 else end + 6, top + 18, text, "sy-value", "end" if (value or 0) < 0 else "start"
        )
