"""How many units and days an experiment takes, for each effect that it may have to find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.stats.decision_power import Hurdle, decision_power, smallest_gap, units_for_decision
from steelyard.studies.experiments.effect import Effect
from steelyard.studies.experiments.history import History
from steelyard.studies.experiments.hurdles import Endpoint, guardrail_hurdle, primary_hurdles
from steelyard.studies.experiments.metric_use import Baseline

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Design", "design_of"]

MOST_UNITS = 1e15


@dataclass(frozen=True, kw_only=True)
class Design:
    """One experiment's clauses, and what each number of units does for them.

    Args:
        study: The experiment.
        primary: Its primary, as it is planned for.
        others: Its other primaries, where all of them must be better.
        guardrails: Those of its guardrails of which a baseline is known.
        unplanned: The others' names: no power can be stated for their clauses.
        history: What is known of the time before.
        inflation: What looking more than once costs, as a factor on the units of one look.
    """

    study: Experiment
    primary: Endpoint
    others: tuple[Endpoint, ...]
    guardrails: tuple[Endpoint, ...]
    unplanned: tuple[str, ...]
    history: History
    inflation: float = 1.0

    @property
    def ratios(self) -> dict[str, float]:
        """Arm -> its units for each unit of control."""
        return {arm: self.study.arms[arm] / self.study.arms[self.study.control] for arm in self.study.treated}

    @property
    def correlation(self) -> Sequence[Sequence[float]] | None:
        """How primaries and guardrails move together, of history; None where it does not say."""
        uses = tuple(point.use for point in (self.primary, *self.others, *self.guardrails))
        found = self.history.correlation(uses) if len(uses) > 1 else None
        return None if found is None else found.tolist()

    def without_covariate(self) -> Design:
        """The same experiment, had it no covariates."""
        others, guardrails = (
            tuple(replace(point, adjusted=False) for point in points) for points in (self.others, self.guardrails)
        )
        return replace(self, primary=replace(self.primary, adjusted=False), others=others, guardrails=guardrails)

    def hurdles(self, effect: Effect, ratio: float) -> list[Hurdle]:
        """All clauses of the rule in an arm of this ratio, if the primary's effect is true."""
        rest = [
            hurdle
            for point in self.others
            if point.use.expected_effect is not None
            for hurdle in primary_hurdles(self.study, point, point.use.expected_effect, ratio)
        ]
        rest += [guardrail_hurdle(self.study, point, ratio) for point in self.guardrails]
        return [*primary_hurdles(self.study, self.primary, effect, ratio), *rest]

    def control_units(self, effect: Effect) -> float:
        """Units in control (not rounded) with which the rule ships each arm that has the effect, with the power.

        Returns:
            The units; infinite where no number will do, or none below 1e15, which are more than there can be.
        """
        found = [
            units_for_decision(
                self.hurdles(effect, ratio), power=self.study.power, ratio=ratio, correlation=self.correlation,
                inflation=self.inflation,
            )
            for ratio in self.ratios.values()
        ]  # fmt: skip
        return max(found) if max(found) < MOST_UNITS else math.inf

    def by_arm(self, control: float) -> dict[str, int]:
        """Whole units of each arm, control first."""
        shares = {self.study.control: 1.0, **self.ratios}
        return {arm: math.ceil(control * ratio - 1e-9) for arm, ratio in shares.items()}

    def chance(self, effect: Effect, units: float) -> float:
        """The chance that the rule ships an arm that has the effect, with so many units in all; the least of the arms.

        For looks that cost `inflation`, the chance that one look at the units that remain would have.
        """
        control = units / self.inflation / (1 + sum(self.ratios.values()))
        chances = [
            decision_power(self.hurdles(effect, ratio), control, ratio=ratio, correlation=self.correlation)
            for ratio in self.ratios.values()
            if min(control, control * ratio) >= 2
        ]
        return min(chances) if len(chances) == len(self.ratios) else 0.0

    def smallest(self, units: float, *, whole_rule: bool = True) -> float:
        """The smallest effect, in the primary's own unit and towards better, that so many units find with the power.

        Args:
            units: Units in all.
            whole_rule: Whether all clauses must hold; else only that the primary's interval excludes zero.

        Returns:
            The effect; infinite where none will do, as where a guardrail's margin takes more units.
        """
        asked = self if whole_rule else replace(self, primary=_without_least(self.primary), others=(), guardrails=())
        point = asked.primary
        control = units / self.inflation / (1 + sum(self.ratios.values()))
        if control <= 0:
            return math.inf
        error = point.spread(point.baseline.level) * math.sqrt(1 / control + 1 / (control * min(self.ratios.values())))

        def chance(size: float) -> float:
            return asked.chance(Effect(absolute=point.sign * size / point.baseline.triggered), units)

        return smallest_gap(chance, power=self.study.power, start=max(error, 1e-300), most=_room(point))


def _without_least(point: Endpoint) -> Endpoint:
    return replace(point, use=replace(point.use, min_effect=None))


def _room(point: Endpoint) -> float:
    """How far the level can move towards better: a share up to 1 or down to 0, a relative scale not below 0."""
    level = point.baseline.level
    if point.use.kind == "share":
        return (1 - level if point.sign > 0 else level) * (1 - 1e-9)
    least = point.use.min_effect
    return level * (1 - 1e-9) if point.sign < 0 and least is not None and least.scale == "relative" else math.inf


def design_of(study: Experiment, history: History, *, inflation: float = 1.0) -> Design | None:
    """The design of an experiment; None where nothing is known of its primary.

    Args:
        study: The experiment.
        history: What is known of the time before.
        inflation: What looking more than once costs, such as `sequential_power(...).inflation`; 1 for one look.

    Raises:
        DefinitionError: What is known cannot carry a plan, such as a mean without a standard deviation.
    """
    main = history.baseline(study.main)
    if main is None:
        return None
    others = study.primaries[1:] if study.correction == "all" else ()
    known: dict[str, Endpoint] = {}
    unplanned: list[str] = []
    for use in (*others, *study.guardrail_uses):
        baseline = history.baseline(use)
        if baseline is None or (use in others and use.expected_effect is None):
            unplanned.append(use.metric)
        else:
            known[use.metric] = _endpoint(history, use.metric, baseline)
    return Design(
        study=study,
        primary=_endpoint(history, study.main.metric, main),
        others=tuple(known[use.metric] for use in others if use.metric in known),
        guardrails=tuple(known[use.metric] for use in study.guardrail_uses if use.metric in known),
        unplanned=tuple(unplanned),
        history=history,
        inflation=inflation,
    )


def _endpoint(history: History, metric: str, baseline: Baseline) -> Endpoint:
    use = next(found for found in history.uses if found.metric == metric)
    point = Endpoint(use=use, baseline=baseline)
    if not point.spread(baseline.level) > 0:
        raise DefinitionError(
            f"{metric!r} does not vary beforehand", where=f"{metric}.baseline", hint="give `baseline:` what it may be"
        )
    return point
