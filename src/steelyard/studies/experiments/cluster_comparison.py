"""One metric in one arm against control, where units were randomised in clusters."""

from __future__ import annotations

import math
from dataclasses import replace

from steelyard.stats.cluster_moments import ClusterMoments, bell_mccaffrey
from steelyard.stats.cuped import cuped
from steelyard.stats.moments import Moments
from steelyard.stats.relative import log_contrast
from steelyard.stats.sample import Sample
from steelyard.stats.welch import welch
from steelyard.studies.experiments.columns import above, before_above
from steelyard.studies.experiments.comparison import (
    Comparison,
    arm_sample,
    compare,
    covariate_of,
    is_binary,
    linear_of,
)
from steelyard.studies.experiments.metric_use import MetricUse

__all__ = ["compare_arms", "freedom"]

Pair = tuple[ClusterMoments, ClusterMoments]
NOTHING = Comparison(absolute=None, relative=None, control_level=None, method="none")


def compare_arms(use: MetricUse, treated: Moments, control: Moments, level: float) -> Comparison:
    """The metric's difference between two arms, of units or of clusters of units.

    Of clusters: the difference of the means over all units, with CR2's error and Bell and McCaffrey's degrees of
    freedom, for means, counts and shares, what CUPED leaves of them (its coefficient taken as known), and the delta
    method's linear form of ratios. Where each cluster is one unit they are units, compared as such.

    Args:
        use: The metric, resolved.
        treated: The arm that is judged.
        control: The arm that it is compared with.
        level: Level of the intervals.
    """
    if not (isinstance(treated, ClusterMoments) and isinstance(control, ClusterMoments)):
        return compare(use, treated, control, level)
    alone = treated.as_units(), control.as_units()
    if alone[0] is not None and alone[1] is not None:
        return compare(use, alone[0], alone[1], level)
    return _clustered(use, (treated, control), level)


def freedom(treated: Moments, control: Moments) -> float | None:
    """Degrees of freedom of a difference of means; None where units are independent, and Welch's are taken."""
    if not (isinstance(treated, ClusterMoments) and isinstance(control, ClusterMoments)):
        return None
    alone = treated.as_units() is not None and control.as_units() is not None
    return None if alone else bell_mccaffrey([(treated, 1.0), (control, 1.0)])


def _clustered(use: MetricUse, arms: Pair, level: float) -> Comparison:
    if any(arm_sample(use, arm) is None for arm in arms):
        return NOTHING
    if use.kind == "share" and not all(is_binary(arm, above(use.metric)) for arm in arms):
        return NOTHING
    values = linear_of(use, arms[0]), linear_of(use, arms[1])
    if before_above(use.metric) not in arms[1].names:
        samples = values[0].sample(), values[1].sample()
        return _compared(use, arms, samples, _logarithms(samples), level)
    before = covariate_of(use, arms[0]), covariate_of(use, arms[1])
    if before[0] is None or before[1] is None or not (before[0].sample().usable and before[1].sample().usable):
        return NOTHING
    adjusted = cuped((values[0], before[0]), (values[1], before[1]))
    found = _compared(use, arms, (adjusted.treated, adjusted.control), adjusted.on_log_scale, level)
    return replace(found, method=f"CUPED, {found.method}", theta=adjusted.theta, kept=adjusted.kept)


def _compared(
    use: MetricUse, arms: Pair, samples: tuple[Sample, Sample], logs: tuple[Sample, Sample] | None, level: float
) -> Comparison:
    treated, control = samples
    absolute = welch(treated, control, level, df=bell_mccaffrey([(arm, 1.0) for arm in arms]))
    method = f"{'delta method, ' if use.kind == 'ratio' else ''}clusters: CR2, Bell and McCaffrey's t"
    if absolute.std_error == 0:
        unknown = replace(absolute, low=-math.inf, high=math.inf, p_value=1.0)
        return Comparison(absolute=unknown, relative=None, control_level=control.level, method=method)
    relative = None
    if logs is not None:
        scales = [(arm, 1 / sample.level) for arm, sample in zip(arms, samples, strict=True)]
        relative = log_contrast(*logs, level, df=bell_mccaffrey(scales))
    return Comparison(absolute=absolute, relative=relative, control_level=control.level, method=method)


def _logarithms(samples: tuple[Sample, Sample]) -> tuple[Sample, Sample] | None:
    if not all(sample.level > 0 for sample in samples):
        return None
    one, other = (Sample(n=s.n, mean=math.log(s.level), variance=s.variance / s.level**2) for s in samples)
    return one, other
