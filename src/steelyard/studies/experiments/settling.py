"""What would settle an unclear answer: how many more units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from steelyard.result import Estimate
from steelyard.studies.experiments.effect import Effect
from steelyard.studies.study import Findings

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["what_would_settle"]


def what_would_settle(study: Experiment, findings: Findings) -> tuple[str, ...]:
    """Sentences: with how many units the rule's clauses would be decided with the study's power."""
    from scipy.special import ndtri

    found: list[str] = []
    for row in findings.estimates:
        if row.segment != "all" or row.value is None:
            continue
        reach = float(ndtri((1 + row.level) / 2)) + float(ndtri(study.power))
        for target, words in _targets(study, row):
            if row.std_error and target > 0:
                units = row.n * (reach * row.std_error / target) ** 2
                if units > row.n:
                    found.append(_sentence(study, row, units, words))
    return tuple(dict.fromkeys(found))


def _sentence(study: Experiment, row: Estimate, units: float, words: str) -> str:
    needed = math.ceil(units)
    return (
        f"About {needed:,} units in these two arms ({units / row.n:.1f} times as many) would {words} with a chance of "
        f"{study.power:.0%} ({row.contrast}, as noisy as now)."
    )


def _targets(study: Experiment, row: Estimate) -> list[tuple[float, str]]:
    """How far the estimate's error must let one see, and what for."""
    if row.role == "primary":
        main = next(use for use in study.primaries if use.metric == row.metric)
        hoped, least = main.expected_effect, main.min_effect
        if hoped is None or hoped.scale != row.scale:
            return []
        beyond = least.size if least is not None and least.scale == hoped.scale else 0.0
        words = f"show an effect on {main.metric!r} of {hoped.says(row.measured_in)}"
        words += f" to lie beyond {_plain(least, row)}" if beyond and least else ""
        return [(abs(hoped.size) - beyond, words)]
    for use in study.guardrail_uses:
        if use.metric == row.metric and use.margin is not None and use.margin.scale == row.scale:
            return [
                (use.margin.size, f"show {use.metric!r} to be within {_plain(use.margin, row)}, if it did not move,")
            ]
    return []


def _plain(effect: Effect, row: Estimate) -> str:
    return effect.says(row.measured_in).lstrip("+")
