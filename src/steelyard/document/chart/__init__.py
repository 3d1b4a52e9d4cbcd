"""Charts: marks drawn as SVG, each with a table of its numbers and a Vega-Lite specification."""

from __future__ import annotations

from steelyard.document.chart.bar import BarChart
from steelyard.document.chart.box import BoxChart, BoxRow
from steelyard.document.chart.chart import Chart
from steelyard.document.chart.choice import CHART_KINDS, ChartKind, Task, chart_for
from steelyard.document.chart.event_study import EventStudyChart, EventStudyPoint
from steelyard.document.chart.funnel import FunnelChart, Stage
from steelyard.document.chart.graph import GraphChart, GraphNode
from steelyard.document.chart.heat_map import HeatMap
from steelyard.document.chart.histogram import Histogram
from steelyard.document.chart.interval import IntervalChart, IntervalRow
from steelyard.document.chart.line import LineChart
from steelyard.document.chart.series import Band, Event, Series, Threshold
from steelyard.document.chart.waterfall import Step, WaterfallChart

__all__ = [
    "CHART_KINDS",
    "Band",
    "BarChart",
    "BoxChart",
    "BoxRow",
    "Chart",
    "ChartKind",
    "Event",
    "EventStudyChart",
    "EventStudyPoint",
    "FunnelChart",
    "GraphChart",
    "GraphNode",
    "HeatMap",
    "Histogram",
    "IntervalChart",
    "IntervalRow",
    "LineChart",
    "Series",
    "Stage",
    "Step",
    "Task",
    "Threshold",
    "WaterfallChart",
    "chart_for",
]
