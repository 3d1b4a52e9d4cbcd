"""A metric's columns in two arms as levels, with what its covariates explain taken out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steelyard.stats.cuped import AdjustedLevels, Arm, cuped, shared_thetas, solved, spread_of
from steelyard.stats.lin import lin, lin_can_fit
from steelyard.stats.linearise import Linear, linear_mean, linear_ratio
from steelyard.stats.moments import Moments
from steelyard.stats.sample import Sample
from steelyard.stats.two_levels import TwoLevels
from steelyard.studies.experiments.columns import above, below, covariates_in
from steelyard.studies.experiments.metric_use import MetricUse

__all__ = ["adjusted_levels", "arm_sample", "correlation_with", "covariates_of", "linear_of", "slopes_of"]


def linear_of(use: MetricUse, moments: Moments) -> Linear:
    """The metric in one arm as a linear form of its columns."""
    if use.kind == "ratio":
        return linear_ratio(moments, above(use.metric), below(use.metric))
    return linear_mean(moments, above(use.metric))


def covariates_of(metric: str, moments: Moments) -> list[Linear]:
    """The covariates in one arm, in the order in which they are written."""
    return [
        linear_ratio(moments, *columns) if len(columns) > 1 else linear_mean(moments, *columns)
        for columns in covariates_in(metric, moments.names)
    ]


def arm_sample(use: MetricUse, moments: Moments) -> Sample | None:
    """The metric in one arm; None where it cannot be computed."""
    if moments.rows < 2:
        return None
    sample = linear_of(use, moments).sample()
    return sample if sample.usable else None


def adjusted_levels(use: MetricUse, strata: Sequence[tuple[Moments, Moments]]) -> list[AdjustedLevels | None]:
    """Both arms of each stratum after the metric's covariates, or as they are where it has none.

    CUPED's coefficients are those of all strata together; Lin's are each stratum's and arm's own.

    Args:
        use: The metric, resolved.
        strata: The treated arm and control in each stratum; one where nothing is stratified.

    Returns:
        None for a stratum that cannot be computed; for all where one has a gap, for the others are not everybody.
    """
    if any(_has_gaps(use, arm) for pair in strata for arm in pair):
        return [None] * len(strata)
    forms = [_forms(use, *pair) for pair in strata]
    used = [pair for pair in forms if pair is not None]
    adjusted = bool(used and used[0][0][1])
    thetas = shared_thetas(used) if adjusted and use.adjustment != "lin" else None

    def levels(treated: Arm, control: Arm) -> AdjustedLevels:
        if not adjusted:
            return AdjustedLevels(levels=TwoLevels.of(treated[0], control[0]), thetas=(), control_thetas=(), kept=1.0)
        return lin(treated, control) if thetas is None else cuped(treated, control, thetas)

    return [None if pair is None else levels(*pair) for pair in forms]


def _has_gaps(use: MetricUse, moments: Moments) -> bool:
    """Whether a unit has no usable value of the metric or of a covariate."""
    columns = [above(use.metric), *([below(use.metric)] if use.kind == "ratio" else [])]
    columns += [column for columns in covariates_in(use.metric, moments.names) for column in columns]
    return moments.rows > 0 and not all(math.isfinite(moments.mean(column)) for column in columns)


def _forms(use: MetricUse, treated: Moments, control: Moments) -> tuple[Arm, Arm] | None:
    """Outcome and covariates of both arms; None where they cannot be compared."""
    first, second = ((linear_of(use, moments), covariates_of(use.metric, moments)) for moments in (treated, control))
    if min(treated.rows, control.rows) < 2:
        return None
    # A regression with slopes of its own has one for each covariate to estimate in each arm.
    if use.adjustment == "lin" and not all(lin_can_fit(arm, len(first[1])) for arm in (treated, control)):
        return None
    forms = (form for y, xs in (first, second) for form in (y, *xs))
    return (first, second) if all(math.isfinite(form.mean) and math.isfinite(form.variance) for form in forms) else None


def slopes_of(value: Linear, covariates: Sequence[Linear]) -> tuple[float, ...]:
    """The covariates' coefficients in one group of units; none without covariates."""
    if not covariates:
        return ()
    return tuple(map(float, solved(spread_of(covariates, covariates), spread_of(covariates, [value])[:, 0])))


def correlation_with(value: Linear, covariates: Sequence[Linear]) -> float:
    """With the covariate; with several, that with what they explain together (the multiple correlation)."""
    slopes = slopes_of(value, covariates)
    explained = sum(slope * value.covariance(before) for slope, before in zip(slopes, covariates, strict=True))
    sign = -1.0 if len(covariates) == 1 and value.covariance(covariates[0]) < 0 else 1.0
    return sign * math.sqrt(min(max(explained / value.variance, 0.0), 1.0))
