"""Arranges blocks over metrics, results and tables as pages: what a page shows, and in which order.

Nothing here knows the web: a page is blocks, and a link is a function that the caller gives.
"""

from __future__ import annotations

from steelyard.dashboards.age import age
from steelyard.dashboards.answers import Answers
from steelyard.dashboards.automatic import automatic_dashboards
from steelyard.dashboards.board import Board, draw_board
from steelyard.dashboards.breakdown import breakdown_blocks, narrowed
from steelyard.dashboards.check_dashboard import check_dashboard
from steelyard.dashboards.dashboard import Dashboard, DashboardBlock
from steelyard.dashboards.dashboard_file import read_dashboard_file
from steelyard.dashboards.distribution import distribution_blocks
from steelyard.dashboards.drivers import driver_blocks
from steelyard.dashboards.expected import Expected, expected_of
from steelyard.dashboards.experiments import running_table
from steelyard.dashboards.filters import Filters
from steelyard.dashboards.happened import Happened, happened_table, in_range, what_happened
from steelyard.dashboards.headline import headline_blocks, standing_figures
from steelyard.dashboards.health import Health, health_of
from steelyard.dashboards.home import Part, home_blocks
from steelyard.dashboards.lineage import Station, lineage_chart
from steelyard.dashboards.narrowed_page import Href
from steelyard.dashboards.open_alerts import alert_callouts
from steelyard.dashboards.study_table import latest_of, study_table
from steelyard.dashboards.tile import tile
from steelyard.dashboards.trend import Trend, last_day, period_said, trend_of, year_before
from steelyard.dashboards.trend_chart import Comparison, trend_chart
from steelyard.dashboards.trends import Trends, read_trends

__all__ = [
    "Answers",
    "Board",
    "Comparison",
    "Dashboard",
    "DashboardBlock",
    "Expected",
    "Filters",
    "Happened",
    "Health",
    "Href",
    "Part",
    "Station",
    "Trend",
    "Trends",
    "age",
    "alert_callouts",
    "automatic_dashboards",
    "breakdown_blocks",
    "check_dashboard",
    "distribution_blocks",
    "draw_board",
    "driver_blocks",
    "expected_of",
    "happened_table",
    "headline_blocks",
    "health_of",
    "home_blocks",
    "in_range",
    "last_day",
    "latest_of",
    "lineage_chart",
    "narrowed",
    "period_said",
    "read_dashboard_file",
    "read_trends",
    "running_table",
    "standing_figures",
    "study_table",
    "tile",
    "trend_chart",
    "trend_of",
    "what_happened",
    "year_before",
]
