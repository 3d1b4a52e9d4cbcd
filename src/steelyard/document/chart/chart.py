"""What every chart offers: a drawing, a table of the same numbers, and a Vega-Lite specification."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from steelyard.document.svg import Canvas
from steelyard.document.table import Table

COLOURS = 8
WIDE, NARROW = 720.0, 360.0
VEGA_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


class Chart(ABC):
    """A picture of numbers that can also be read as a table.

    Each chart is a frozen dataclass whose first field is its title.
    """

    title: str
    description: str | None

    @abstractmethod
    def is_empty(self) -> bool:
        """Tell whether there is nothing to draw."""

    @abstractmethod
    def table(self) -> Table:
        """Give the numbers as a table, for media that draw no pictures and for readers who see none."""

    @abstractmethod
    def draw(self, width: float) -> Canvas:
        """Draw it at a width in CSS pixels; the drawing tells its height. Text is 12 px at any width."""

    @abstractmethod
    def to_vega_lite(self) -> dict[str, Any]:
        """Give it as a Vega-Lite specification with the data inside."""

    def notes(self) -> tuple[str, ...]:
        """Say what a reader of the picture must know, such as missing values."""
        return ()


def colour(position: int) -> str:
    """Give the class of the series at `position`; after eight they begin again, dashed."""
    return f"sy-s{position % COLOURS + 1}" + (" sy-again" if position >= COLOURS else "")


def missing_note(values: int, what: str = "drawn as gaps") -> tuple[str, ...]:
    """Say how many values are missing.

    >>> missing_note(2)
    ('2 values are missing or not finite: drawn as gaps',)
    """
    if not values:
        return ()
    return (f"{values:,} value{'s are' if values > 1 else ' is'} missing or not finite: {what}",)


def vega(chart: Chart, rows: list[dict[str, Any]], **specification: Any) -> dict[str, Any]:
    """Give a Vega-Lite specification with what all charts share."""
    shared: dict[str, Any] = {
        "$schema": VEGA_SCHEMA,
        "title": chart.title,
        "width": "container",
        "data": {"values": rows},
    }
    if chart.description:
        shared["description"] = chart.description
    return shared | specification
