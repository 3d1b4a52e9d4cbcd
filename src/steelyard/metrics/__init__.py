"""Governed definitions, and SQL at the right grain."""

from steelyard.metrics.answer import how, query
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.definitions import read_metrics
from steelyard.metrics.explain import explain
from steelyard.metrics.explanation import Explanation
from steelyard.metrics.how import FactRead, How
from steelyard.metrics.keys import offending_keys, prove_key
from steelyard.metrics.metric import Measure, Metric, Ratio
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.tree import Tree
from steelyard.metrics.unit_panel import unit_panel
from steelyard.metrics.unit_table import UnitMetric, unit_table

__all__ = [
    "Explanation",
    "FactRead",
    "How",
    "Measure",
    "Metric",
    "MetricCatalog",
    "MetricTable",
    "Ratio",
    "Tree",
    "UnitMetric",
    "explain",
    "how",
    "offending_keys",
    "prove_key",
    "query",
    "read_metrics",
    "unit_panel",
    "unit_table",
]
