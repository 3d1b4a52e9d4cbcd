"""Governed definitions, and SQL at the right grain."""

from steelyard.metrics.answer import how, query
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.definitions import read_metrics
from steelyard.metrics.how import FactRead, How
from steelyard.metrics.keys import offending_keys, prove_key
from steelyard.metrics.metric import Measure, Metric, Ratio
from steelyard.metrics.metric_table import MetricTable
from steelyard.metrics.tree import Tree

__all__ = [
    "FactRead",
    "How",
    "Measure",
    "Metric",
    "MetricCatalog",
    "MetricTable",
    "Ratio",
    "Tree",
    "how",
    "offending_keys",
    "prove_key",
    "query",
    "read_metrics",
]
