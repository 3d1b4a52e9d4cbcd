"""How many go on from stage to stage, in the order of the stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.document.chart.chart import Chart, vega
from steelyard.document.chart.scale import Scale
from steelyard.document.format import Format, format_number
from steelyard.document.svg import Canvas, shorten, text_width
from steelyard.document.table import Column, Table
from steelyard.errors import DefinitionError

WIDE_ROW, NARROW_ROW = 34.0, 50.0
COUNT, PERCENT = Format.integer(), Format.percent(1)


@dataclass(frozen=True)
class Stage:
    """One stage: what it is, and how many reached it.

    Raises:
        DefinitionError: the count is negative.
    """

    label: str
    count: int

    def __post_init__(self) -> None:
        if self.count < 0:
            raise DefinitionError(f"the stage '{self.label}' was reached by {self.count}", hint="give 0 or more")


@dataclass(frozen=True)
class FunnelChart(Chart):
    """Stages in their order, each a bar from zero, with the share that went on.

    Args:
        title: what is shown.
        stages: the stages, first to last.
        what: what is counted, such as `customers`.
        format: how counts are written.
        description: what the picture says, for those who do not see it.
    """

    title: str
    stages: Sequence[Stage]
    what: str = ""
    format: Format = COUNT
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))

    def is_empty(self) -> bool:
        """Tell whether nobody reached any stage."""
        return not any(stage.count for stage in self.stages)

    def shares(self) -> list[tuple[float | None, float | None]]:
        """Give each stage's share of the stage before it and of the first; None where there is none to share."""
        counts = [stage.count for stage in self.stages]
        return [
            (None if not number else _share(count, counts[number - 1]), _share(count, counts[0]))
            for number, count in enumerate(counts)
        ]

    def table(self) -> Table:
        """Give one row a stage: how many, of the stage before, of the first."""
        columns = [
            Column("stage"),
            Column("count", self.what or "count", self.format, "right"),
            Column("of_stage_before", format=PERCENT, align="right"),
            Column("of_first", format=PERCENT, align="right"),
        ]
        rows = [(stage.label, stage.count, *shares) for stage, shares in zip(self.stages, self.shares(), strict=True)]
        return Table(columns, rows, self.title)

    def to_vega_lite(self) -> dict[str, Any]:
        """Give horizontal bars in the order of the stages."""
        rows: list[dict[str, Any]] = [
            {"stage": stage.label, "count": stage.count, "of_stage_before": before, "of_first": first}
            for stage, (before, first) in zip(self.stages, self.shares(), strict=True)
        ]
        encoding = {
            "y": {"field": "stage", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "count", "type": "quantitative", "scale": {"zero": True}, "title": self.what or None},
            "tooltip": [{"field": name} for name in ("stage", "count", "of_stage_before", "of_first")],
        }
        return vega(self, rows, mark="bar", encoding=encoding)

    def draw(self, width: float) -> Canvas:
        """Draw label, bar, and words; where narrow, the bar goes under its words."""
        wide = width >= 520
        row = WIDE_ROW if wide else NARROW_ROW
        said = [self._words(number) for number in range(len(self.stages))]
        left = min(max(text_width(stage.label) for stage in self.stages) + 14, width * 0.3) if wide else 0.0
        right = width - max(map(text_width, said)) - 14 if wide else width
        largest = float(max(stage.count for stage in self.stages))
        across = Scale(0.0, largest, left, right)
        canvas = Canvas(width, row * len(self.stages) + 6)
        for number, (stage, words) in enumerate(zip(self.stages, said, strict=True)):
            baseline = 3 + row * number + (20 if wide else 16)
            shown = shorten(stage.label, left - 14 if wide else width - text_width(words) - 12)
            canvas.text(0, baseline, shown, "sy-label", title="" if shown == stage.label else stage.label)
            canvas.text(width, baseline, words, "sy-value", "end")
            self._draw_bar(canvas, across, baseline - 16 + (0 if wide else 22), number, f"{stage.label}: {words}")
        if wide:
            canvas.line(across(0), 0, across(0), canvas.height, "sy-axis")
        return canvas

    def _draw_bar(self, canvas: Canvas, across: Scale, top: float, number: int, title: str) -> None:
        """Draw the bar, and behind it what the stage before had: the difference is who left."""
        stages, height = self.stages, 22.0
        before = stages[number - 1].count if number else 0
        if before > stages[number].count:
            width = across(float(before)) - across(0)
            canvas.add("rect", "sy-left-behind", x=across(0), y=top, width=width, height=height, rx=2)
        if stages[number].count:
            width = max(across(float(stages[number].count)) - across(0), 0.5)
            canvas.add("rect", "sy-bar sy-s1", x=across(0), y=top, width=width, height=height, rx=2, title=title)

    def _words(self, number: int) -> str:
        said = format_number(self.stages[number].count, self.format)
        before, _ = self.shares()[number]
        return said if before is None else f"{said}  {format_number(before, PERCENT)} of before"


def _share(count: int, whole: int) -> float | None:
    return count / whole if whole else None
