"""The protocol of a study, its runner, and the laws that every kind obeys."""

from steelyard.studies.study import Context, Findings, Plan, Study

__all__ = ["Context", "Findings", "Plan", "Study"]
