"""Randomised experiments: from assignments to a verdict."""

from steelyard.studies.experiments.allocation import Allocation
from steelyard.studies.experiments.assignment import assign
from steelyard.studies.experiments.effect import Effect
from steelyard.studies.experiments.experiment import Experiment
from steelyard.studies.experiments.exposure_log import Exposed
from steelyard.studies.experiments.metric_use import Baseline, Count, Covariate, Mean, MetricUse, Quantile, Ratio, Share
from steelyard.studies.experiments.prior import Prior
from steelyard.studies.experiments.sources import Assignment, Exposure, Holdout, Looks, Stage, Stopping
from steelyard.studies.experiments.winsorising import Winsorise

__all__ = [
    "Allocation",
    "Assignment",
    "Baseline",
    "Count",
    "Covariate",
    "Effect",
    "Experiment",
    "Exposed",
    "Exposure",
    "Holdout",
    "Looks",
    "Mean",
    "MetricUse",
    "Prior",
    "Quantile",
    "Ratio",
    "Share",
    "Stage",
    "Stopping",
    "Winsorise",
    "assign",
]
