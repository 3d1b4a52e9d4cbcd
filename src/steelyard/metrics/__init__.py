"""Governed definitions, and SQL at the right grain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.first_use import load_on_first_use
from steelyard.metrics.annotation import Annotation
from steelyard.metrics.answer import how, query
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.definitions import read_metrics
from steelyard.metrics.explain import explain
from steelyard.metrics.explanation import Cause, DataFault, Explanation, Happening, Search
from steelyard.metrics.how import FactRead, How
from steelyard.metrics.keys import offending_keys, prove_key
from steelyard.metrics.kinds import (
    Balance,
    Conversion,
    Convert,
    Fixed,
    PeriodToDate,
    Quantile,
    Retention,
    Rolling,
    Share,
    Target,
)
from steelyard.metrics.metric import Measure, Metric, Ratio
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.tree import Tree
from steelyard.metrics.unit_panel import unit_panel
from steelyard.metrics.unit_rows import unit_rows
from steelyard.metrics.unit_table import UnitMetric, unit_table

if TYPE_CHECKING:
    from steelyard.metrics.drill import Drill, drill
    from steelyard.metrics.importing import Imported, import_definitions
    from steelyard.metrics.product.analyses import analyse
    from steelyard.metrics.product.cohorts import Cohorts
    from steelyard.metrics.product.funnel import Funnel
    from steelyard.metrics.product.lifecycle import Lifecycle
    from steelyard.metrics.product.paths import Paths
    from steelyard.metrics.product.product_table import ProductTable
    from steelyard.metrics.product.sessions import Sessions
    from steelyard.metrics.product.touch_attribution import TouchAttribution
    from steelyard.metrics.restatement import Restatement, restatement
    from steelyard.metrics.watching import Alert, Sink, WatchReport, watch

# What few questions need loads on first use: name -> its module.
_ON_FIRST_USE = {
    "Alert": "watching",
    "Cohorts": "product.cohorts",
    "Drill": "drill",
    "Funnel": "product.funnel",
    "Imported": "importing",
    "Lifecycle": "product.lifecycle",
    "Paths": "product.paths",
    "ProductTable": "product.product_table",
    "Restatement": "restatement",
    "Sessions": "product.sessions",
    "Sink": "watching",
    "TouchAttribution": "product.touch_attribution",
    "WatchReport": "watching",
    "analyse": "product.analyses",
    "drill": "drill",
    "import_definitions": "importing",
    "restatement": "restatement",
    "watch": "watching",
}

__all__ = [
    "Alert",
    "Annotation",
    "Balance",
    "Cause",
    "Cohorts",
    "Conversion",
    "Convert",
    "DataFault",
    "Drill",
    "Explanation",
    "FactRead",
    "Fixed",
    "Funnel",
    "Happening",
    "How",
    "Imported",
    "Lifecycle",
    "Measure",
    "Metric",
    "MetricCatalog",
    "MetricTable",
    "Paths",
    "PeriodToDate",
    "ProductTable",
    "Quantile",
    "Ratio",
    "Restatement",
    "Retention",
    "Rolling",
    "Search",
    "Sessions",
    "Share",
    "Sink",
    "Target",
    "TouchAttribution",
    "Tree",
    "UnitMetric",
    "WatchReport",
    "analyse",
    "drill",
    "explain",
    "how",
    "import_definitions",
    "offending_keys",
    "prove_key",
    "query",
    "read_metrics",
    "restatement",
    "unit_panel",
    "unit_rows",
    "unit_table",
    "watch",
]

load_on_first_use(__name__, _ON_FIRST_USE)
