"""One metric in one arm against control, within the stages of a ramp whose splits differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.stats.cuped import cuped
from steelyard.stats.interval import Interval
from steelyard.stats.linearise import Linear, without_rounding
from steelyard.stats.moments import Moments
from steelyard.stats.relative import log_contrast
from steelyard.stats.sample import Sample
from steelyard.stats.stratified import Stratified, stratified_difference
from steelyard.studies.experiments.columns import above
from steelyard.studies.experiments.comparison import Comparison, arm_sample, covariate_of, is_binary, linear_of
from steelyard.studies.experiments.metric_use import MetricUse

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.evidence import Evidence
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Pairs", "by_stage", "compare_by_stage", "pairs_of", "stages_table"]

Pairs = Sequence[tuple[Moments, Moments]]
"""The treated arm and control in each stage that has both."""


def pairs_of(strata: Mapping[int, Mapping[str, Moments]], arm: str, control: str) -> Pairs:
    """The two arms in the stages that have both, oldest first."""
    return [(arms[arm], arms[control]) for arms in strata.values() if arm in arms and control in arms]


@dataclass(frozen=True, kw_only=True)
class _Stratum:
    """One stage: both arms after the covariate, and their linear forms, treated first."""

    samples: tuple[Sample, Sample]
    values: tuple[Linear, Linear]
    before: tuple[Linear, Linear] | None
    theta: float


def by_stage(use: MetricUse, stages: Pairs, level: float) -> Stratified | None:
    """The difference within stages, weighted by their units; None where no stage can be compared."""
    found = _strata(use, stages)
    return stratified_difference([stratum.samples for stratum in found], level) if found else None


def compare_by_stage(use: MetricUse, stages: Pairs, level: float) -> Comparison:
    """The metric's difference, taken within each stage and weighted by the units that came in with it.

    Args:
        use: The metric, resolved.
        stages: The two arms in each stage.
        level: Level of the intervals.

    Assumes: As `stratified_difference`, whose interval the absolute one is. The relative one is on the log scale, of
        the weighted levels; it knows that both arms of a stage share its covariate's mean.
    """
    nothing = Comparison(absolute=None, relative=None, control_level=None, method="none")
    if use.kind == "share" and not all(is_binary(arm, above(use.metric)) for pair in stages for arm in pair):
        return nothing
    strata = _strata(use, stages)
    found = stratified_difference([stratum.samples for stratum in strata], level) if strata else None
    if found is None:
        return nothing
    parts = ["by stage"]
    parts += ["CUPED"] if strata[0].before is not None else []
    parts += ["delta method"] if use.kind == "ratio" else []
    absolute = found.interval
    if absolute.std_error == 0:
        unknown = Interval(
            value=absolute.value, std_error=0.0, low=-math.inf, high=math.inf, level=level, p_value=1.0, df=absolute.df
        )
        return Comparison(absolute=unknown, relative=None, control_level=found.control.level, method=", ".join(parts))
    return Comparison(
        absolute=absolute,
        relative=_relative(strata, found, level),
        control_level=found.control.level,
        method=", ".join([*parts, "weighted by units, t"]),
    )


def _strata(use: MetricUse, stages: Pairs) -> list[_Stratum]:
    """The stages in which both arms have two units or more."""
    found = []
    for treated, control in stages:
        if arm_sample(use, treated) is None or arm_sample(use, control) is None:
            continue
        values = linear_of(use, treated), linear_of(use, control)
        one, other = covariate_of(use, treated), covariate_of(use, control)
        if one is None or other is None:
            samples = values[0].sample(), values[1].sample()
            found.append(_Stratum(samples=samples, values=values, before=None, theta=0.0))
        elif one.sample().usable and other.sample().usable:
            adjusted = cuped((values[0], one), (values[1], other))
            samples = adjusted.treated, adjusted.control
            found.append(_Stratum(samples=samples, values=values, before=(one, other), theta=adjusted.theta))
    return found


def _relative(strata: Sequence[_Stratum], found: Stratified, level: float) -> Interval | None:
    if not (found.treated.level > 0 and found.control.level > 0):
        return None
    levels = found.treated.level, found.control.level
    logs = []
    for side, whole in enumerate((found.treated, found.control)):
        squared = sum(
            weight**2 * _left(strata[place], side, levels) / strata[place].samples[side].n
            for weight, place in zip(found.weights, found.used, strict=True)
        )
        logs.append(Sample(n=whole.n, mean=math.log(whole.level), variance=squared * whole.n))
    return log_contrast(logs[0], logs[1], level)


def _left(stratum: _Stratum, side: int, levels: tuple[float, float]) -> float:
    """The variance of what one unit adds to the difference of logarithms, on its side."""
    y, scale = stratum.values[side], 1 / levels[side]
    if stratum.before is None:
        return scale**2 * y.variance
    x, (treated, control) = stratum.before[side], stratum.samples
    share = treated.n / (treated.n + control.n)
    slope = stratum.theta * ((1 - share) / levels[0] + share / levels[1])
    return without_rounding([scale**2 * y.variance, -2 * scale * slope * y.covariance(x), slope**2 * x.variance])


def stages_table(study: Experiment, evidence: Evidence) -> dict[str, pa.Table]:
    """The primary's level by stage and arm; nothing where all stages had one split."""
    import pyarrow as pa

    if not evidence.splits:
        return {}
    use = evidence.resolved(study.main)
    rows = []
    for stage, arms in evidence.strata().items():
        for arm in (study.control, *study.treated):
            sample = arm_sample(use, arms[arm]) if arm in arms and use.kind != "quantile" else None
            rows.append(
                {
                    "stage": stage,
                    "arm": arm,
                    "share": evidence.splits[stage].get(arm, 0.0),
                    "units": evidence.units_by_stage(stage, arm),
                    "analysed": arms[arm].rows if arm in arms else 0,
                    "level": sample.level if sample else None,
                    "std_error": sample.squared_error**0.5 if sample else None,
                }
            )
    kinds: dict[str, pa.DataType] = {"stage": pa.int64(), "arm": pa.string(), "share": pa.float64()}
    kinds |= {"units": pa.int64(), "analysed": pa.int64(), "level": pa.float64(), "std_error": pa.float64()}
    return {"stages": pa.Table.from_pylist(rows, schema=pa.schema(kinds))}
