"""Append-only records of what people chose and why, citing results."""

from steelyard.decisions.decision import Decision, FollowUp
from steelyard.decisions.gates import gates
from steelyard.decisions.record import decide, decisions, due_follow_ups, read_decision

__all__ = ["Decision", "FollowUp", "decide", "decisions", "due_follow_ups", "gates", "read_decision"]
