"""From one total to another, by the contributions between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.document.chart.chart import Chart, vega
from steelyard.document.chart.scale import Scale
from steelyard.document.format import AUTO, Format, format_number
from steelyard.document.sparkline import finite
from steelyard.document.svg import Canvas, shorten, text_width
from steelyard.document.table import Column, Table
from steelyard.errors import DefinitionError

ROW = 28.0


@dataclass(frozen=True)
class Step:
    """One contribution: what it is, and how much it adds."""

    label: str
    delta: float


@dataclass(frozen=True)
class WaterfallChart(Chart):
    """How contributions lead from a start to an end.

    Args:
        title: what is shown.
        start_label: what the start is.
        start: the value before.
        steps: the contributions, in order.
        end_label: what the end is.
        end: the value after; the steps must lead to it. None: wherever they lead.
        format: how values are written; steps with their sign.
        better: `up` or `down` colours the steps as good and bad; None colours by direction alone.
        description: what the picture says, for those who do not see it.

    Raises:
        DefinitionError: a number is not finite, or the steps do not lead to the end (within a millionth).
    """

    title: str
    start_label: str
    start: float
    steps: Sequence[Step]
    end_label: str
    end: float | None = None
    format: Format = AUTO
    better: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(Step(step.label, float(step.delta)) for step in self.steps))
        object.__setattr__(self, "start", float(self.start))
        if self.better not in (None, "up", "down"):
            raise DefinitionError(f"better cannot be '{self.better}'", where=self.title, hint="use up or down")
        numbers = [self.start, *(step.delta for step in self.steps)]
        if any(finite(number) is None for number in numbers):
            raise DefinitionError("a contribution is not a finite number", where=self.title)
        reached = math.fsum(numbers)
        if self.end is not None and abs(reached - float(self.end)) > 1e-6 * max(map(abs, [*numbers, reached])):
            raise DefinitionError(
                f"the contributions lead to {reached:.10g}, not to {self.end:.10g}",
                where=self.title,
                hint="add what is left over as a step of its own",
            )
        object.__setattr__(self, "end", reached if self.end is None else float(self.end))

    def is_empty(self) -> bool:
        """Tell whether there is nothing between the start and the end."""
        return not self.steps

    def notes(self) -> tuple[str, ...]:
        """Say when the axis does not begin at zero."""
        return () if self.is_empty() or self._from_zero() else ("the axis does not begin at zero",)

    def table(self) -> Table:
        """Give one row a total or contribution."""
        columns = [
            Column("label", ""),
            Column("change", format=self.format.with_sign(), align="right"),
            Column("total", format=self.format, align="right"),
        ]
        rows: list[tuple[str, float | None, float | None]] = [(self.start_label, None, self.start)]
        rows += [(step.label, step.delta, end) for step, (_, end) in zip(self.steps, self._spans(), strict=True)]
        return Table(columns, [*rows, (self.end_label, None, self.end)], self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give floating bars."""
        rows: list[dict[str, Any]] = [{"label": self.start_label, "from": 0, "to": self.start, "kind": "total"}]
        for step, (begin, end) in zip(self.steps, self._spans(), strict=True):
            rows.append({"label": step.label, "from": begin, "to": end, "kind": "up" if step.delta >= 0 else "down"})
        rows.append({"label": self.end_label, "from": 0, "to": self.end, "kind": "total"})
        encoding = {
            "y": {"field": "label", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "from", "type": "quantitative", "title": None},
            "x2": {"field": "to"},
            "color": {"field": "kind", "type": "nominal"},
        }
        return vega(self, rows, mark="bar", encoding=encoding)

    def draw(self, width: float) -> Canvas:
        """Draw labels, floating bars and values in three columns."""
        end = self.start if self.end is None else self.end
        labels = [self.start_label, *(step.label for step in self.steps), self.end_label]
        said = [format_number(self.start, self.format)]
        said += [format_number(step.delta, self.format.with_sign()) for step in self.steps]
        said.append(format_number(end, self.format))
        left = min(max(map(text_width, labels)) + 14, width * 0.42)
        right = width - max(map(text_width, said)) - 14
        canvas = Canvas(width, ROW * len(labels) + 8)
        across = self._scale(left, right)
        spans = [(None, self.start), *self._spans(), (None, end)]
        for number, (label, words, span) in enumerate(zip(labels, said, spans, strict=True)):
            baseline = 4 + ROW * number + 18
            total = span[0] is None
            shown = shorten(label, left - 14)
            canvas.text(
                0, baseline, shown, "sy-label sy-total" if total else "sy-label", title="" if shown == label else label
            )
            canvas.text(width, baseline, words, "sy-value sy-total" if total else "sy-value", "end")
            self._draw_bar(canvas, across, baseline - 15, span, f"{label}: {words}")
            if number < len(labels) - 1:
                canvas.line(across(span[1]), baseline - 15, across(span[1]), baseline + ROW - 15, "sy-thread")
        return canvas

    def _draw_bar(
        self, canvas: Canvas, across: Scale, top: float, span: tuple[float | None, float], title: str
    ) -> None:
        begin, end = span
        if begin is None and not self._from_zero():
            x, y = across(end), top + ROW / 2 - 4
            canvas.path([(x - 6, y), (x, y - 7), (x + 6, y), (x, y + 7)], "sy-bar sy-sum", closed=True)
            return
        first, last = sorted((across(begin or 0.0), across(end)))
        kind = "sy-sum" if begin is None else self._direction(end - begin)
        canvas.add(
            "rect", f"sy-bar {kind}", x=first, y=top, width=max(last - first, 1.0), height=ROW - 8, rx=2, title=title
        )

    def _direction(self, delta: float) -> str:
        if self.better is None:
            return "sy-s1" if delta >= 0 else "sy-s2"
        return "sy-good" if (delta >= 0) == (self.better == "up") else "sy-bad"

    def _spans(self) -> list[tuple[float, float]]:
        spans = []
        at = self.start
        for step in self.steps:
            spans.append((at, at + step.delta))
            at += step.delta
        return spans

    def _levels(self) -> list[float]:
        return [self.start, *(end for _, end in self._spans())]

    def _from_zero(self) -> bool:
        low, high = min(self._levels()), max(self._levels())
        return low <= 0 <= high or high - low >= 0.2 * max(abs(low), abs(high))

    def _scale(self, left: float, right: float) -> Scale:
        levels = [*self._levels(), *([0.0] if self._from_zero() else [])]
        return Scale(min(levels), max(levels), left + 8, right - 8)
