"""One function a page: from what was asked to blocks and plain values."""

from __future__ import annotations

from steelyard.web.pages.analysis import analysis
from steelyard.web.pages.dashboards import dashboard, dashboard_filters, dashboards
from steelyard.web.pages.data import data
from steelyard.web.pages.decisions import decision, decisions, replay_decision
from steelyard.web.pages.explain import explain
from steelyard.web.pages.home import home
from steelyard.web.pages.initiatives import initiatives
from steelyard.web.pages.ledger import entry, ledger
from steelyard.web.pages.metric import metric
from steelyard.web.pages.metrics import metrics
from steelyard.web.pages.results import replay_result, result
from steelyard.web.pages.rows import rows
from steelyard.web.pages.search import document, search_page
from steelyard.web.pages.studies import STUDIES_ASKED, studies
from steelyard.web.pages.study import study
from steelyard.web.pages.study_plan import plan
from steelyard.web.pages.table import table

__all__ = [
    "STUDIES_ASKED",
    "analysis",
    "dashboard",
    "dashboard_filters",
    "dashboards",
    "data",
    "decision",
    "decisions",
    "document",
    "entry",
    "explain",
    "home",
    "initiatives",
    "ledger",
    "metric",
    "metrics",
    "plan",
    "replay_decision",
    "replay_result",
    "result",
    "rows",
    "search_page",
    "studies",
    "study",
    "table",
]
