"""Product analysis: funnels, sessions, cohorts, lifecycles, attribution of conversions, paths."""

from steelyard.metrics.product.analyses import ANALYSES, Analysis, analyse
from steelyard.metrics.product.cohorts import Cohorts
from steelyard.metrics.product.events import EventRows
from steelyard.metrics.product.funnel import Exclusion, Funnel, FunnelStep
from steelyard.metrics.product.lifecycle import Lifecycle
from steelyard.metrics.product.paths import Paths
from steelyard.metrics.product.product_how import ProductHow, RowsRead
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.run_attribution import run_attribution
from steelyard.metrics.product.run_cohorts import run_cohorts
from steelyard.metrics.product.run_funnel import run_funnel
from steelyard.metrics.product.run_lifecycle import run_lifecycle
from steelyard.metrics.product.run_paths import run_paths
from steelyard.metrics.product.run_sessions import run_sessions, session_table
from steelyard.metrics.product.sessions import Sessions
from steelyard.metrics.product.touch_attribution import TouchAttribution

__all__ = [
    "ANALYSES",
    "Analysis",
    "Cohorts",
    "EventRows",
    "Exclusion",
    "Funnel",
    "FunnelStep",
    "Lifecycle",
    "Paths",
    "ProductHow",
    "ProductTable",
    "RowsRead",
    "Sessions",
    "TouchAttribution",
    "analyse",
    "run_attribution",
    "run_cohorts",
    "run_funnel",
    "run_lifecycle",
    "run_paths",
    "run_sessions",
    "session_table",
]
