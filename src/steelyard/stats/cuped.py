"""Variance reduction by what was known before: CUPED with the coefficient that suits the contrast."""

from __future__ import annotations

import math
from dataclasses import dataclass

from steelyard.stats.linearise import Linear, without_rounding
from steelyard.stats.sample import Sample

__all__ = ["Adjusted", "cuped"]


@dataclass(frozen=True, kw_only=True)
class Adjusted:
    """Two arms after the adjustment.

    Args:
        treated: The arm that is judged.
        control: The arm that it is compared with.
        theta: The coefficient of the covariate.
        on_log_scale: Logarithms of both means with the variances of their own linear forms, treated first; None where a
            mean is not positive.
        kept: The share of the contrast's variance that is left; 1 is no gain.
    """

    treated: Sample
    control: Sample
    theta: float
    kept: float
    on_log_scale: tuple[Sample, Sample] | None


def cuped(treated: tuple[Linear, Linear], control: tuple[Linear, Linear]) -> Adjusted:
    """Both arms with the part of the outcome taken out that the covariate, known before, explains.

    The coefficient minimises the variance of the contrast itself: sum of covariances over sum of variances, each
    divided by its arm's units. The pooled coefficient weighs the arms the other way round, and with unequal arms of
    different slopes can multiply the variance that it should reduce.

    Args:
        treated: Outcome and covariate of the arm that is judged.
        control: Outcome and covariate of the arm that it is compared with.

    Assumes: The covariate is fixed before assignment, so that its means differ by chance alone.

    Source: Deng, Xu, Kohavi and Walker (2013), Improving the sensitivity of online controlled experiments, section 3.2;
        the weights are those of the minimum of Var(contrast), compared with increment 0.1.0a2.
    """
    (y_t, x_t), (y_c, x_c) = treated, control
    n_t, n_c = y_t.moments.rows, y_c.moments.rows
    spread = x_t.variance / n_t + x_c.variance / n_c
    together = y_t.covariance(x_t) / n_t + y_c.covariance(x_c) / n_c
    theta = together / spread if spread > 0 else 0.0
    # The arms' covariate means about one origin; those of ratios are about zero.
    centre = (n_t * x_t.mean + n_c * x_c.mean) / (n_t + n_c)
    new_t, new_c = (_adjusted(y, x, theta, centre) for y, x in (treated, control))
    before = y_t.sample().squared_error + y_c.sample().squared_error
    after = new_t.squared_error + new_c.squared_error
    return Adjusted(
        treated=new_t,
        control=new_c,
        theta=theta,
        kept=after / before if before > 0 else 1.0,
        on_log_scale=_logarithms(treated, control, new_t, new_c, theta),
    )


def _left(y: Linear, x: Linear, scale: float, slope: float) -> float:
    """The variance of `scale * y - slope * x`; what is only rounding is zero."""
    return without_rounding([scale**2 * y.variance, -2 * scale * slope * y.covariance(x), slope**2 * x.variance])


def _adjusted(y: Linear, x: Linear, theta: float, centre: float) -> Sample:
    mean = y.mean - theta * (x.mean - centre)
    return Sample(n=y.moments.rows, mean=mean, variance=_left(y, x, 1.0, theta), origin=y.origin)


def _logarithms(
    treated: tuple[Linear, Linear], control: tuple[Linear, Linear], new_t: Sample, new_c: Sample, theta: float
) -> tuple[Sample, Sample] | None:
    """Both logarithms, knowing that each adjusted mean holds the covariate's mean of both arms."""
    if not (new_t.level > 0 and new_c.level > 0):
        return None
    share = new_t.n / (new_t.n + new_c.n)
    slope = theta * ((1 - share) / new_t.level + share / new_c.level)
    above, below = (
        Sample(n=new.n, mean=math.log(new.level), variance=_left(y, x, 1 / new.level, slope))
        for (y, x), new in ((treated, new_t), (control, new_c))
    )
    return above, below
