"""What a study with several looks says of them: in its rule, beforehand, and in its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.studies.experiments.sources import EXACT

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["cost_of_looking", "has_ended", "looks_in_words", "looks_rule", "what_is_to_come"]


def looks_in_words(study: Experiment) -> str:
    """When it is looked at."""
    return "one look" if study.schedule is None else study.schedule.in_words


def looks_rule(study: Experiment) -> str:
    """The stopping rules as part of the rule; empty where there is one look."""
    if study.schedule is None:
        return ""
    success, harm = study.stopping_rules
    units = f"{study.schedule.units:,}" if study.schedule.units is not None else "the planned"
    return (
        f" It is read in {study.schedule.in_words} up to {units} units; at each look the worse end of every interval "
        f"is bounded by {success}, the better end by {harm}, each with half of the error, so that the rule may be "
        f"obeyed at any look.{_exact_of_shares(study)}"
    )


def _exact_of_shares(study: Experiment) -> str:
    if EXACT not in study.stopping_rules:
        return ""
    return " Exact bounds are of shares that are compared as counts; of other metrics they are always_valid's."


def has_ended(look: Mapping[str, Any]) -> bool:
    """Whether every arm has come to the planned end."""
    return bool(look["rows"]) and all(row["ended"] for row in look["rows"])


def cost_of_looking(study: Experiment, look: Mapping[str, Any]) -> str:
    """What the adjustment costs at this look, against an interval that is looked at once."""
    head = f"Look {look['number']}, at {look['fraction']:.0%} of the planned {look['planned_units']:,} units"
    if not look["rows"]:
        return f"{head}."
    success, harm = study.stopping_rules
    worst = [max(look["rows"], key=lambda row: row[name] or float("inf"))[name] for name in _WIDTHS]
    if success == harm and None not in worst:
        return f"{head}: looking more than once makes the interval {worst[0]:.2f} times as wide."
    return f"{head}: looking more than once {_side(worst[0], 'success', success)}, and {_side(worst[1], 'harm', harm)}."


_WIDTHS = ("success_width", "harm_width")


def _side(width: float | None, what: str, rule: str) -> str:
    if width is None:
        return f"leaves no bound for {what} at this look ({rule})"
    return f"puts the bound for {what} {width:.2f} times as far off ({rule})"


def what_is_to_come(look: Mapping[str, Any]) -> tuple[str, ...]:
    """What is left of the plan."""
    left = 1 - look["fraction"]
    if not left > 0:
        return ()
    found = [
        f"The test goes on: {left:.0%} of the planned {look['planned_units']:,} units are still to come, and so are "
        "their looks."
    ]
    found += [
        f"If the effect is as it is estimated now, the chance that {row['arm']!r} is better for sure at the planned "
        f"end is {row['chance_at_end']:.0%}."
        for row in look["rows"]
        if row["chance_at_end"] is not None
    ]
    return tuple(found)
