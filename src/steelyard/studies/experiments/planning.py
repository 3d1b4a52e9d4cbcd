"""The plan: what is compared, the rule, the SQL, and how many units it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steelyard.errors import SteelyardError
from steelyard.stats.power import (
    smallest_mean_effect,
    smallest_share_effect,
    units_for_means,
    units_for_shares,
)
from steelyard.studies.experiments.governed import governed_history
from steelyard.studies.experiments.look_words import looks_in_words
from steelyard.studies.experiments.metric_use import Baseline, MetricUse
from steelyard.studies.experiments.questions import first_questions
from steelyard.studies.experiments.rule import rule_of
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.study import Context, Plan
from steelyard.warehouse.moments import moments_by_group
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["baseline_of", "history_queries", "planned", "sample_size"]

HISTORY = "history"


def history_queries(study: Experiment, context: Context) -> Mapping[str, Query]:
    """Moments of the governed primary before the study's start; nothing for a unit table, which has no past."""
    if study.table or context.metrics is None or study.between is None:
        return {}
    return {HISTORY: governed_history(study, context, context.metrics)}


def planned(study: Experiment, context: Context) -> Plan:
    """The plan of an experiment."""
    warnings: list[str] = []
    baseline = baseline_of(study, context)
    sample = _sample(study, baseline, warnings)
    return Plan(
        says=_says(study),
        rule=rule_of(study),
        queries=first_questions(study, context),
        sample=sample,
        warnings=tuple(warnings),
    )


def _says(study: Experiment) -> str:
    split = ", ".join(f"{arm} {study.arms[arm]:.4g}" for arm in (study.control, *study.treated))
    made = (
        "by hash of the unit's id" if not isinstance(study.assignment, Assignment) else "as another system wrote them"
    )
    return (
        f"Compare {', '.join(map(repr, study.treated))} with {study.control!r} on {study.main.metric!r}; "
        f"split {split}; assignments {made}; {len(study.secondary_uses)} secondary metrics, "
        f"{len(study.guardrail_uses)} guardrails; intervals at {study.level:.4g}; {looks_in_words(study)}."
    )


def baseline_of(study: Experiment, context: Context) -> Baseline | None:
    """What is known of the primary beforehand: given numbers first, then the project's own history."""
    use = study.main
    if use.baseline is not None:
        return use.baseline
    table = context.history.get(HISTORY)
    groups = moments_by_group(table, ()) if table is not None else {}
    if not groups:
        return None
    from steelyard.studies.experiments.columns import below
    from steelyard.studies.experiments.comparison import covariate_of, linear_of

    moments = groups[()]
    kind = "ratio" if below(use.metric) in moments.names else use.kind or "mean"
    value = linear_of(replace(use, kind=kind), moments)
    before = covariate_of(use, moments)
    if not value.sample().usable or value.variance == 0:
        return None
    spread = math.sqrt(value.variance * before.variance) if before is not None else 0.0
    return Baseline(
        level=value.sample().level,
        std_dev=math.sqrt(value.variance),
        correlation=max(-1.0, min(1.0, value.covariance(before) / spread))
        if before is not None and spread > 0
        else 0.0,
        units=moments.rows if moments.rows >= 4 else None,
    )


def _sample(study: Experiment, baseline: Baseline | None, warnings: list[str]) -> dict[str, Any]:
    use = study.main
    if baseline is None:
        warnings.append(
            f"No baseline of {use.metric!r} is known, so the units needed are not: "
            "give `baseline: {level: ..., std_dev: ...}`."
        )
        return {}
    if use.expected_effect is None:
        warnings.append(f"No `expected_effect` of {use.metric!r} is given, so there is no size to plan for.")
    try:
        return sample_size(study, baseline)
    except SteelyardError as error:
        warnings.append(f"{error.problem}: {error.hint}" if error.hint else error.problem)
        return {}


def sample_size(study: Experiment, baseline: Baseline) -> dict[str, Any]:
    """Units by arm with which the primary's clauses hold with the study's power, and the smallest effect that shows.

    With a `min_effect` the interval must lie beyond it, so that the units are those of the difference between expected
    and least effect. Several arms share the error by Bonferroni. CUPED takes away the squared correlation's part.

    Args:
        study: The experiment.
        baseline: What is known of the primary.

    Raises:
        DefinitionError: The baseline cannot carry a plan: no standard deviation, a share of 0, an effect within the
            threshold.
    """
    arms = {arm: study.arms[arm] / study.arms[study.control] for arm in study.treated}
    facts: dict[str, Any] = {
        "baseline": baseline.level,
        "standard deviation": float(f"{_std_dev(study.main, baseline):.10g}"),
        "level of the interval": round(study.primary_level, 6),
        "power": study.power,
    }
    if study.main.before is not None:
        facts["variance left by the covariate"] = 1 - baseline.correlation**2
    if study.main.expected_effect is not None:
        control = max(_units(study, baseline, ratio) for ratio in arms.values())
        facts["expected effect"] = study.main.expected_effect.says(study.main.measured_in)
        for arm in (study.control, *study.treated):
            facts[f"units needed in {arm}"] = math.ceil(control * arms.get(arm, 1.0) - 1e-9)
        facts["units needed"] = sum(facts[f"units needed in {arm}"] for arm in study.arms)
    if baseline.units is not None:
        smallest = max(_smallest(study, baseline, ratio) for ratio in arms.values())
        facts["units to be had"] = baseline.units
        facts["smallest effect that shows"] = smallest
        if baseline.level:
            facts["smallest effect that shows, relative"] = smallest / abs(baseline.level)
    return facts


def _std_dev(use: MetricUse, baseline: Baseline) -> float:
    from steelyard.errors import DefinitionError

    if use.kind == "share" and baseline.std_dev is None:
        return math.sqrt(max(baseline.level * (1 - baseline.level), 0.0))
    if baseline.std_dev is None:
        raise DefinitionError(
            f"the baseline of {use.metric!r} has no std_dev", where=f"{use.metric}.baseline", hint="give `std_dev:`"
        )
    return baseline.std_dev


def _noise(study: Experiment, baseline: Baseline) -> float:
    """The standard deviation that is left after the covariate."""
    kept = 1 - baseline.correlation**2 if study.main.before is not None else 1.0
    return _std_dev(study.main, baseline) * math.sqrt(kept)


def _units(study: Experiment, baseline: Baseline, ratio: float) -> float:
    use = study.main
    expected, least = use.expected_effect, use.min_effect
    if expected is None:
        return math.nan
    effect = expected.on(baseline.level)
    beyond = math.copysign(least.on(abs(baseline.level)), effect) if least is not None else 0.0
    if use.kind == "share" and use.before is None:
        return units_for_shares(
            baseline.level,
            baseline.level + effect,
            power=study.power,
            ratio=ratio,
            level=study.primary_level,
            beyond=_within(beyond, effect, use),
        )
    gap = effect - _within(beyond, effect, use)
    return units_for_means(gap, _noise(study, baseline), power=study.power, ratio=ratio, level=study.primary_level)


def _within(beyond: float, effect: float, use: MetricUse) -> float:
    from steelyard.errors import DefinitionError

    if abs(effect) <= abs(beyond):
        raise DefinitionError(
            f"the expected effect of {use.metric!r}, {effect:.4g}, is not beyond its min_effect, {beyond:.4g}",
            where=f"{use.metric}.expected_effect",
            hint="expect more, or ask for less",
        )
    return beyond


def _smallest(study: Experiment, baseline: Baseline, ratio: float) -> float:
    whole = 1 + sum(study.arms[arm] / study.arms[study.control] for arm in study.treated)
    control = (baseline.units or 0) / whole
    if study.main.kind == "share" and study.main.before is None:
        return smallest_share_effect(baseline.level, control, power=study.power, ratio=ratio, level=study.primary_level)
    return smallest_mean_effect(
        _noise(study, baseline), control, power=study.power, ratio=ratio, level=study.primary_level
    )
