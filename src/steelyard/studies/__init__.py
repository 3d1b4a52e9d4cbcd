"""The protocol of a study, its runner, and the laws that every kind obeys."""

from steelyard.studies.replay import Difference, Replay, replay
from steelyard.studies.run import plan, run, run_and_keep
from steelyard.studies.setting import Setting, setting_of
from steelyard.studies.standing import register, standing_of
from steelyard.studies.study import Context, Findings, Plan, Study

__all__ = [
    "Context",
    "Difference",
    "Findings",
    "Plan",
    "Replay",
    "Setting",
    "Study",
    "plan",
    "register",
    "replay",
    "run",
    "run_and_keep",
    "setting_of",
    "standing_of",
]
