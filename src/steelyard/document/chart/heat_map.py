"""A table whose cells are tinted by their value, such as retention by cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.document.chart.chart import Chart, missing_note, vega
from steelyard.document.chart.scale import thin
from steelyard.document.format import AUTO, Format, format_number
from steelyard.document.sparkline import finite
from steelyard.document.svg import Canvas, shorten, text_width
from steelyard.document.table import Column, Table
from steelyard.errors import DefinitionError

CELL = 28.0
LEVELS = 9


@dataclass(frozen=True)
class HeatMap(Chart):
    """Values by row and column.

    Args:
        title: what is shown.
        rows: labels of the rows.
        columns: labels of the columns.
        values: one sequence a row, as long as `columns`; None and NaN are left blank.
        format: how values are written.
        centre: the value that is neither high nor low; None tints from the lowest to the highest.
        row_label: what the rows are.
        column_label: what the columns are.
        description: what the picture says, for those who do not see it.

    Raises:
        DefinitionError: the values are not as many as the labels.
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    format: Format = AUTO
    centre: float | None = None
    row_label: str = ""
    column_label: str = ""
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(map(str, self.rows)))
        object.__setattr__(self, "columns", tuple(map(str, self.columns)))
        object.__setattr__(self, "values", tuple(tuple(finite(value) for value in row) for row in self.values))
        if len(self.values) != len(self.rows) or any(len(row) != len(self.columns) for row in self.values):
            raise DefinitionError(
                f"a heat map of {len(self.rows)} by {len(self.columns)} has rows of {[len(r) for r in self.values]}",
                where=self.title,
            )

    def is_empty(self) -> bool:
        """Tell whether no cell has a value."""
        return not self._known()

    def notes(self) -> tuple[str, ...]:
        """Say how many cells are blank."""
        return missing_note(len(self.rows) * len(self.columns) - len(self._known()), "left blank")

    def table(self) -> Table:
        """Give the values under the column labels."""
        columns = [Column("row", self.row_label)]
        columns += [Column(name, name, self.format, "right") for name in self.columns]
        return Table(columns, [(name, *row) for name, row in zip(self.rows, self.values, strict=True)], self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give rectangles."""
        rows: list[dict[str, Any]] = [
            {"row": row, "column": column, "value": value}
            for row, values in zip(self.rows, self.values, strict=True)
            for column, value in zip(self.columns, values, strict=True)
        ]
        scale: dict[str, Any] = (
            {"scheme": "blues"} if self.centre is None else {"scheme": "blueorange", "domainMid": self.centre}
        )
        encoding = {
            "y": {"field": "row", "type": "ordinal", "sort": None, "title": self.row_label},
            "x": {"field": "column", "type": "ordinal", "sort": None, "title": self.column_label},
            "color": {"field": "value", "type": "quantitative", "scale": scale, "title": None},
        }
        return vega(self, rows, mark="rect", encoding=encoding)

    def draw(self, width: float) -> Canvas:
        """Draw labels and cells; a value is written in its cell where it fits."""
        left = min(
            max(text_width(label) for label in (*self.rows, self.row_label)) + 10,
            width * (0.3 if len(self.columns) > 6 else 0.45),
        )
        size = (width - left) / len(self.columns)
        top = 42.0 if self.column_label else 24.0
        canvas = Canvas(width, top + CELL * len(self.rows) + 4)
        if self.column_label:
            canvas.text(left, 12, self.column_label, "sy-label")
        centres = [left + size * (number + 0.5) for number in range(len(self.columns))]
        for index in thin([(x, text_width(label)) for x, label in zip(centres, self.columns, strict=True)], 4):
            half = text_width(self.columns[index]) / 2
            canvas.text(min(centres[index], width - half), top - 7, self.columns[index], anchor="middle")
        canvas.text(0, top - 7, shorten(self.row_label, left - 10), "sy-label")
        words = [
            [format_number(value, self.format) if value is not None else "" for value in row] for row in self.values
        ]
        fits = max(text_width(word, 11) for row in words for word in row) <= size - 4
        for number, label in enumerate(self.rows):
            y = top + CELL * number
            shown = shorten(label, left - 10)
            canvas.text(0, y + 18, shown, "sy-label", title="" if shown == label else label)
            for column, value in enumerate(self.values[number]):
                if value is not None:
                    tint, word = self._tint(value), words[number][column]
                    hover = f"{label}, {self.columns[column]}: {word}"
                    canvas.add(
                        "rect",
                        f"sy-cell {tint}",
                        x=left + size * column + 1,
                        y=y + 1,
                        width=max(size - 2, 1),
                        height=CELL - 2,
                        rx=2,
                        title=hover,
                    )
                    if fits:
                        canvas.text(centres[column], y + 18, word, f"sy-in {tint}", "middle")
        return canvas

    def _known(self) -> list[float]:
        return [value for row in self.values for value in row if value is not None]

    def _tint(self, value: float) -> str:
        known = self._known()
        if self.centre is None:
            low, high = min(known), max(known)
            share = (value - low) / (high - low) if high > low else 0.5
            return f"sy-q{min(int(share * LEVELS), LEVELS - 1)}"
        reach = max(abs(v - self.centre) for v in known) or 1.0
        return f"sy-d{min(int(((value - self.centre) / reach + 1) / 2 * LEVELS), LEVELS - 1)}"
