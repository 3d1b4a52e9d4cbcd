"""Blocks and charts, and each medium as one function of them: terminal, text, Markdown, HTML, JSON, SVG.

>>> from steelyard.document import Facts, to_text
>>> print(to_text([Facts([("orders", 155848)])]), end="")
orders  155,848
"""

from __future__ import annotations

from steelyard.document.block import (
    Block,
    Blocks,
    Callout,
    CalloutKind,
    CodeBlock,
    Facts,
    Figure,
    Grid,
    Heading,
    Items,
    Paragraph,
    Section,
)
from steelyard.document.chart import (
    Band,
    BarChart,
    BoxChart,
    BoxRow,
    Chart,
    ChartKind,
    Event,
    EventStudyChart,
    EventStudyPoint,
    FunnelChart,
    GraphChart,
    GraphNode,
    HeatMap,
    Histogram,
    IntervalChart,
    IntervalRow,
    LineChart,
    Series,
    Stage,
    Step,
    Task,
    Threshold,
    WaterfallChart,
    chart_for,
)
from steelyard.document.draw import to_svg
from steelyard.document.exchange import from_json, to_json
from steelyard.document.format import MISSING, Format, Interval, format_interval, format_number, format_value
from steelyard.document.html import to_html, to_html_page
from steelyard.document.inline import Code, Inline, Link, Strong, Text, plain, spans
from steelyard.document.markdown import to_markdown
from steelyard.document.number_of import number_of
from steelyard.document.png import can_draw_png, to_png
from steelyard.document.shown import Shown
from steelyard.document.sparkline import Sparkline
from steelyard.document.stylesheet import stylesheet
from steelyard.document.table import Cell, Column, Table
from steelyard.document.terminal import to_terminal, to_text

__all__ = [
    "MISSING",
    "Band",
    "BarChart",
    "Block",
    "Blocks",
    "BoxChart",
    "BoxRow",
    "Callout",
    "CalloutKind",
    "Cell",
    "Chart",
    "ChartKind",
    "Code",
    "CodeBlock",
    "Column",
    "Event",
    "EventStudyChart",
    "EventStudyPoint",
    "Facts",
    "Figure",
    "Format",
    "FunnelChart",
    "GraphChart",
    "GraphNode",
    "Grid",
    "Heading",
    "HeatMap",
    "Histogram",
    "Inline",
    "Interval",
    "IntervalChart",
    "IntervalRow",
    "Items",
    "LineChart",
    "Link",
    "Paragraph",
    "Section",
    "Series",
    "Shown",
    "Sparkline",
    "Stage",
    "Step",
    "Strong",
    "Table",
    "Task",
    "Text",
    "Threshold",
    "WaterfallChart",
    "can_draw_png",
    "chart_for",
    "format_interval",
    "format_number",
    "format_value",
    "from_json",
    "number_of",
    "plain",
    "spans",
    "stylesheet",
    "to_html",
    "to_html_page",
    "to_json",
    "to_markdown",
    "to_png",
    "to_svg",
    "to_terminal",
    "to_text",
]
