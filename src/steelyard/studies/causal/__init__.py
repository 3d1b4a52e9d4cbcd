"""Effects without an experiment, with what makes them doubtful."""

from steelyard.studies.causal.difference_in_differences import DifferenceInDifferences, Group

__all__ = ["DifferenceInDifferences", "Group"]
