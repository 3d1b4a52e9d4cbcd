"""Append-only records of what people chose and why, citing results, and of what became of it."""

from steelyard.decisions.decision import Decision, FollowUp
from steelyard.decisions.gates import gates
from steelyard.decisions.initiative import Initiative
from steelyard.decisions.record import decide, decisions, due_follow_ups, read_decision
from steelyard.decisions.review import Review, record_review, reviews

__all__ = [
    "Decision",
    "FollowUp",
    "Initiative",
    "Review",
    "decide",
    "decisions",
    "due_follow_ups",
    "gates",
    "read_decision",
    "record_review",
    "reviews",
]
