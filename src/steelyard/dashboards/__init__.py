"""Arranges blocks over metrics, results and tables as pages: what a page shows, and in which order.

Nothing here knows the web: a page is blocks, and a link is a function that the caller gives.
"""

from __future__ import annotations

from steelyard.dashboards.age import age
from steelyard.dashboards.breakdown import breakdown_blocks
from steelyard.dashboards.home import home_blocks
from steelyard.dashboards.lineage import Station, lineage_chart
from steelyard.dashboards.study_table import latest_of, study_table
from steelyard.dashboards.trend import Trend, tile, trend_blocks, trend_of

__all__ = [
    "Station",
    "Trend",
    "age",
    "breakdown_blocks",
    "home_blocks",
    "latest_of",
    "lineage_chart",
    "study_table",
    "tile",
    "trend_blocks",
    "trend_of",
]
