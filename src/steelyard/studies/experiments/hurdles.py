"""The rule's clauses as hurdles: how far the truth that is planned for lies beyond each, and how noisy it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.stats.decision_power import Hurdle
from steelyard.stats.intraclass import planned_design_effect
from steelyard.stats.quantile_noise import quantile_std_dev
from steelyard.studies.experiments.effect import Effect
from steelyard.studies.experiments.metric_use import Baseline, MetricUse

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Endpoint", "guardrail_hurdle", "primary_hurdles", "std_dev_of"]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One metric as it is planned for.

    Both arms are taken to vary alike, but for shares, whose variance follows their level: an effect that also makes the
    treated units more unlike takes more units than planned.

    Args:
        use: The metric, with its kind and direction.
        baseline: What is known of it.
        adjusted: Whether its covariate is used; without, what it would take if there were none.
    """

    use: MetricUse
    baseline: Baseline
    adjusted: bool = True

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return -1 if self.use.better == "down" else 1

    @property
    def score(self) -> bool:
        """Whether its interval is that of two shares."""
        return self.use.kind == "share" and not (self.adjusted and self.use.covariates)

    @property
    def factor(self) -> float:
        """What multiplies a unit's standard deviation: less for a covariate, more for clusters."""
        known = self.baseline
        kept = 1 - known.correlation**2 if self.adjusted and self.use.covariates else 1.0
        alike = planned_design_effect(known.cluster_size, known.icc, size_variation=known.cluster_variation)
        return math.sqrt(kept * alike)

    def moved(self, effect: Effect) -> float:
        """The treated arm's level if the effect is true for every unit that the change can reach."""
        level = self.baseline.level
        return level + self.baseline.triggered * effect.on(level)

    def spread(self, level: float) -> float:
        """The standard deviation that is left over units at a level."""
        if self.use.kind == "share":
            return math.sqrt(_share(level, self.use) * (1 - level)) * self.factor
        return std_dev_of(self.use, self.baseline) * self.factor


def std_dev_of(use: MetricUse, baseline: Baseline) -> float:
    """The standard deviation of a metric over units, before any covariate; Poisson's of a count that says none.

    Raises:
        DefinitionError: Nothing says it.
    """
    if use.quantile is not None and baseline.density is not None:
        return quantile_std_dev(use.quantile, baseline.density)
    if baseline.std_dev is not None:
        return baseline.std_dev
    if use.kind == "share":
        return math.sqrt(_share(baseline.level, use) * (1 - baseline.level))
    if use.kind == "count" and baseline.level > 0:
        return math.sqrt(baseline.level)
    missing = "std_dev" if use.quantile is None else "std_dev and no density"
    raise DefinitionError(
        f"the baseline of {use.metric!r} has no {missing}", where=f"{use.metric}.baseline", hint="give `std_dev:`"
    )


def _share(level: float, use: MetricUse) -> float:
    if not 0 < level < 1:
        raise DefinitionError(
            f"a share of {level:.6g} of {use.metric!r} cannot be planned for",
            where=f"{use.metric}.baseline",
            hint="give shares above 0 and below 1",
        )
    return level


def primary_hurdles(study: Experiment, point: Endpoint, effect: Effect, ratio: float) -> list[Hurdle]:
    """What the primary must pass in one arm: zero, and the least effect that matters.

    Args:
        study: The experiment.
        point: Its primary.
        effect: The truth that is planned for, among the units that the change can reach.
        ratio: Units of the arm for each unit of control.
    """
    limits = [Effect(absolute=0.0), *([point.use.min_effect] if point.use.min_effect is not None else [])]
    return [_hurdle(point, effect, limit, study.primary_level, 1.0, ratio) for limit in limits]


def guardrail_hurdle(study: Experiment, point: Endpoint, ratio: float) -> Hurdle:
    """What a guardrail must pass: the margin, if it moves by its `expected_effect`, or else not at all."""
    margin = point.use.margin or Effect(absolute=0.0)
    return _hurdle(point, point.use.expected_effect or Effect(absolute=0.0), margin, study.level, -1.0, ratio)


def _hurdle(point: Endpoint, effect: Effect, limit: Effect, level: float, side: float, ratio: float) -> Hurdle:
    """One bound beyond one limit; `side` is 1 for a limit towards better and -1 for one towards worse."""
    control, treated = point.baseline.level, point.moved(effect)
    spreads = point.spread(control), point.spread(treated)
    if limit.scale == "relative":
        return _on_log_scale(point, (control, treated), spreads, 1 + point.sign * side * limit.size, level)
    beyond = point.sign * side * limit.size
    found = Hurdle(
        metric=point.use.metric, gap=point.sign * (treated - control - beyond),
        std_dev=spreads[0], std_dev_treated=spreads[1], level=level,
    )  # fmt: skip
    if not point.score:
        return found
    return replace(found, normal=True, at_limit=_at_limit(point, (control, treated), beyond, ratio))


def _at_limit(point: Endpoint, levels: tuple[float, float], beyond: float, ratio: float) -> tuple[float, float]:
    """The spreads of two shares that differ by just the limit and, weighed by units, add up to what the true ones do.

    Newcombe's interval reaches as far as the shares at its end would vary, as score intervals do. With no difference
    this is the pooled share.
    """
    control, treated = levels
    middle = (control + ratio * treated) / (1 + ratio)
    ends = middle - beyond * ratio / (1 + ratio), middle + beyond / (1 + ratio)
    low, high = (math.sqrt(max(end * (1 - end), 0.0)) * point.factor for end in ends)
    return low, high


def _on_log_scale(
    point: Endpoint, levels: tuple[float, float], spreads: tuple[float, float], limit: float, level: float
) -> Hurdle:
    control, treated = levels
    if not (control > 0 and treated > 0 and limit > 0):
        raise DefinitionError(
            f"a relative effect on {point.use.metric!r} from {control:.4g} to {treated:.4g} is no number",
            where=f"{point.use.metric}.baseline",
            hint="state it as absolute",
        )
    return Hurdle(
        metric=point.use.metric,
        gap=point.sign * (math.log(treated / control) - math.log(limit)),
        std_dev=spreads[0] / control,
        std_dev_treated=spreads[1] / treated,
        level=level,
        normal=point.score,
    )
