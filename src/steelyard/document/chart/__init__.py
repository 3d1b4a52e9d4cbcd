"""Charts: marks drawn as SVG, each with a table of its numbers and a Vega-Lite specification."""

from __future__ import annotations

from steelyard.document.chart.bar import BarChart
from steelyard.document.chart.chart import Chart
from steelyard.document.chart.event_study import EventStudyChart, EventStudyPoint
from steelyard.document.chart.graph import GraphChart, GraphNode
from steelyard.document.chart.heat_map import HeatMap
from steelyard.document.chart.interval import IntervalChart, IntervalRow
from steelyard.document.chart.line import Event, LineChart, Series
from steelyard.document.chart.waterfall import Step, WaterfallChart

__all__ = [
    "BarChart",
    "Chart",
    "Event",
    "EventStudyChart",
    "EventStudyPoint",
    "GraphChart",
    "GraphNode",
    "HeatMap",
    "IntervalChart",
    "IntervalRow",
    "LineChart",
    "Series",
    "Step",
    "WaterfallChart",
]
