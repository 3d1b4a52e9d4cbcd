"""How much looks know of a difference that is taken within stages of a ramp whose splits differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard.studies.experiments.evidence import Evidence
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["compared_units", "information_of", "known_units"]

Splits = Mapping[int, Mapping[str, float]]


def compared_units(study: Experiment, evidence: Evidence, arm: str) -> int:
    """Units that the comparison of an arm with control is of."""
    if evidence.splits:
        return sum(_by_stage(study, evidence, arm).values())
    return sum(evidence.arms[name].units for name in (arm, study.control) if name in evidence.arms)


def known_units(study: Experiment, evidence: Evidence, arm: str) -> float:
    """The same, each counted as `information_of` counts it where stages had splits of their own."""
    if not evidence.splits:
        return compared_units(study, evidence, arm)
    return information_of(study, evidence.splits, _by_stage(study, evidence, arm), arm)


def information_of(study: Experiment, splits: Splits, units: Mapping[int, int], arm: str) -> float:
    """Units of the study's own split whose difference times their number varies as much as that of those who came.

    Stages are weighted by their units, not by what they know. The difference times its units is then a sum over stages,
    so it is this sum that grows by independent steps from look to look, each by the stage's units times the variance of
    one of them: 1 / share + 1 / (1 - share), in squared standard deviations.

    Args:
        study: The experiment.
        splits: Stage -> arm -> its share.
        units: Stage -> units of the arm and control.
        arm: The arm that is judged.

    Assumes: Units vary alike in both arms and all stages.

    >>> from steelyard.studies.experiments import Experiment
    >>> one = Experiment(name="ramped", question="Better?", arms={"control": 0.5, "b": 0.5}, primary="spend")
    >>> splits = {1: {"control": 0.9, "b": 0.1}, 2: {"control": 0.5, "b": 0.5}}
    >>> round(information_of(one, splits, {1: 900, 2: 1_000}, "b"))
    3500
    """
    whole = sum(units[stage] * _variance(splits[stage], arm, study.control) for stage in units)
    return whole / _variance(study.arms, arm, study.control)


def _by_stage(study: Experiment, evidence: Evidence, arm: str) -> dict[int, int]:
    """Stage -> units of the two arms, of the stages that gave units to both."""
    found = {}
    for stage, cells in evidence.by_stage.items():
        by_arm = {name: sum(cells[key].units for key in cells if key[0] == name) for name in (arm, study.control)}
        if all(by_arm.values()) and all(evidence.splits[stage].get(name, 0.0) > 0 for name in by_arm):
            found[stage] = sum(by_arm.values())
    return found


def _variance(shares: Mapping[str, float], arm: str, control: str) -> float:
    """The variance of the difference of two arms times the units of both, for one unit."""
    share = shares[arm] / (shares[arm] + shares[control])
    return 1 / share + 1 / (1 - share)
