"""One metric in one arm against control: which method, and its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from steelyard.stats.cluster_moments import ClusterMoments
from steelyard.stats.cuped import Adjusted, cuped
from steelyard.stats.interval import Interval
from steelyard.stats.linearise import Linear, linear_mean, linear_ratio
from steelyard.stats.moments import Moments
from steelyard.stats.proportions import share_ratio, two_shares
from steelyard.stats.relative import log_contrast, log_relative
from steelyard.stats.sample import Sample
from steelyard.stats.welch import welch
from steelyard.studies.experiments.cluster_sums import squared
from steelyard.studies.experiments.columns import above, before_above, before_below, below
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.winsorising import Winsorise

__all__ = ["Comparison", "arm_sample", "compare", "covariate_of", "is_binary", "linear_of"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric in one arm against control.

    Args:
        absolute: The difference; None where it cannot be computed.
        relative: The difference as a fraction of control; None where that is no number.
        control_level: The metric's level in control, after the covariate.
        method: How the numbers were made.
        theta: CUPED's coefficient; None without a covariate.
        kept: The share of the variance that CUPED left; None without a covariate.
    """

    absolute: Interval | None
    relative: Interval | None
    control_level: float | None
    method: str
    theta: float | None = None
    kept: float | None = None


def linear_of(use: MetricUse, moments: Moments) -> Linear:
    """The metric in one arm as a linear form of its columns."""
    if use.kind == "ratio":
        return linear_ratio(moments, above(use.metric), below(use.metric))
    return linear_mean(moments, above(use.metric))


def covariate_of(use: MetricUse, moments: Moments) -> Linear | None:
    """The covariate in one arm; None where there is none."""
    if before_above(use.metric) not in moments.names:
        return None
    if before_below(use.metric) in moments.names:
        return linear_ratio(moments, before_above(use.metric), before_below(use.metric))
    return linear_mean(moments, before_above(use.metric))


def arm_sample(use: MetricUse, moments: Moments) -> Sample | None:
    """The metric in one arm; None where it cannot be computed."""
    if moments.rows < 2:
        return None
    sample = linear_of(use, moments).sample()
    return sample if sample.usable else None


def is_binary(moments: Moments, column: str) -> bool:
    """Whether every value is 0 or 1: then, and only then among values from 0 to 1, squares add up to the sum.

    A column with other values can pass by accident (2 and -0.618...), never by being a share of another kind.
    """
    at = moments.place(column)
    mean = moments.mean(column)
    if isinstance(moments, ClusterMoments):
        about, near = moments.mean(squared(column)), moments.origin_of(column)
        return math.isclose(about + near * (2 * mean - near), mean, rel_tol=1e-7, abs_tol=1e-9)
    square = float(moments.cross[at, at]) / moments.rows + mean**2
    return math.isclose(square, mean, rel_tol=1e-7, abs_tol=1e-9)


def compare(use: MetricUse, treated: Moments, control: Moments, level: float) -> Comparison:
    """The metric's difference between two arms.

    Shares without a covariate: Newcombe's interval and the pooled z. Everything else: Welch's t on means, on the delta
    method's linear form for ratios, and on what CUPED leaves where there is a covariate. Relative: the log scale.
    """
    if use.kind == "share" and before_above(use.metric) not in control.names:
        return _shares(use, treated, control, level)
    if arm_sample(use, treated) is None or arm_sample(use, control) is None:
        return Comparison(absolute=None, relative=None, control_level=None, method="none")
    covariates = covariate_of(use, treated), covariate_of(use, control)
    if covariates[0] is None or covariates[1] is None:
        return _means(use, linear_of(use, treated).sample(), linear_of(use, control).sample(), level)
    if not (covariates[0].sample().usable and covariates[1].sample().usable):
        return Comparison(absolute=None, relative=None, control_level=None, method="none")
    adjusted = cuped((linear_of(use, treated), covariates[0]), (linear_of(use, control), covariates[1]))
    return _adjusted(use, adjusted, level)


def _shares(use: MetricUse, treated: Moments, control: Moments, level: float) -> Comparison:
    column = above(use.metric)
    usable = all(arm.rows >= 1 and math.isfinite(arm.mean(column)) for arm in (treated, control))
    if not usable or not (is_binary(treated, column) and is_binary(control, column)):
        return Comparison(absolute=None, relative=None, control_level=None, method="none")
    (x1, n1), (x2, n2) = ((round(arm.mean(column) * arm.rows), arm.rows) for arm in (treated, control))
    return Comparison(
        absolute=two_shares(x1, n1, x2, n2, level),
        relative=share_ratio(x1, n1, x2, n2, level),
        control_level=x2 / n2,
        method="Newcombe's interval, pooled z",
    )


def _means(use: MetricUse, treated: Sample, control: Sample, level: float) -> Comparison:
    method = "delta method, Welch's t" if use.kind == "ratio" else f"Welch's t{_cut(use)}"
    absolute = welch(treated, control, level)
    if absolute.std_error == 0:
        return _without_noise(absolute, control, method)
    return Comparison(
        absolute=absolute,
        relative=log_relative(treated, control, level),
        control_level=control.level,
        method=method,
    )


def _adjusted(use: MetricUse, adjusted: Adjusted, level: float) -> Comparison:
    method = f"CUPED, {'delta method, ' if use.kind == 'ratio' else ''}Welch's t{_cut(use)}"
    absolute = welch(adjusted.treated, adjusted.control, level)
    if absolute.std_error == 0:
        found = _without_noise(absolute, adjusted.control, method)
    else:
        logs = adjusted.on_log_scale
        found = Comparison(
            absolute=absolute,
            relative=log_contrast(*logs, level) if logs else None,
            control_level=adjusted.control.level,
            method=method,
        )
    return replace(found, theta=adjusted.theta, kept=adjusted.kept)


def _cut(use: MetricUse) -> str:
    return f", winsorised at {use.winsorise.says()}" if isinstance(use.winsorise, Winsorise) else ""


def _without_noise(absolute: Interval, control: Sample, method: str) -> Comparison:
    """Values that do not vary say nothing of their error: the interval is unbounded, not a point."""
    unknown = replace(absolute, low=-math.inf, high=math.inf, p_value=1.0)
    return Comparison(absolute=unknown, relative=None, control_level=control.level, method=method)
