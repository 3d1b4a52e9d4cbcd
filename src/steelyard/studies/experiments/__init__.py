"""Randomised experiments: from assignments to a verdict."""

from steelyard.studies.experiments.assignment import assign
from steelyard.studies.experiments.effect import Effect
from steelyard.studies.experiments.experiment import Experiment
from steelyard.studies.experiments.metric_use import Baseline, Covariate, Mean, MetricUse, Ratio, Share
from steelyard.studies.experiments.sources import Assignment, Exposure, Holdout, Stage, Stopping

__all__ = [
    "Assignment",
    "Baseline",
    "Covariate",
    "Effect",
    "Experiment",
    "Exposure",
    "Holdout",
    "Mean",
    "MetricUse",
    "Ratio",
    "Share",
    "Stage",
    "Stopping",
    "assign",
]
