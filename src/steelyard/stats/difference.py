"""How a weighted path differs between two cohorts: the arithmetic of difference-in-differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steelyard.stats.cohort import CohortMoments, Vector
from steelyard.stats.interval import Interval

__all__ = ["Wald", "before_after", "difference", "joint_test"]


def before_after(periods: int, before: Sequence[int], after: Sequence[int]) -> Vector:
    """Weights of shape (periods,) that turn a path into its mean after minus its mean before.

    >>> before_after(4, [0, 1], [3]).tolist()
    [-0.5, -0.5, 0.0, 1.0]
    """
    weights = np.zeros(periods)
    weights[list(before)] = -1.0 / len(before)
    weights[list(after)] = 1.0 / len(after)
    return weights


def difference(
    treated: CohortMoments,
    control: CohortMoments,
    weights: Vector,
    *,
    level: float = 0.95,
    control_weights: Vector | None = None,
) -> Interval:
    """How much more the treated cohort's weighted path is than the control cohort's.

    With `before_after` weights this is difference-in-differences: the coefficient of treated x after in a two-way
    fixed-effects regression of a balanced panel. The error is that of two independent samples of units with
    variances of their own, which is the unit-clustered CR2 error with Bell and McCaffrey's degrees of freedom.

    Args:
        treated: Moments of the treated units.
        control: Moments of the others.
        weights: Shape (T,).
        level: Confidence level, a fraction.
        control_weights: Shape (T,), where the controls' path is weighted otherwise.

    Returns:
        The interval; its error, bounds and p-value are NaN when a cohort has fewer than two units. Where no unit
        moves otherwise than its cohort nothing tells the error: the interval is unbounded.

    Assumes: units are independent; treated and control would have moved alike without the treatment.
    Source: Angrist and Pischke, Mostly Harmless Econometrics, section 5.2; Bell and McCaffrey (2002); compared with
        Card and Krueger (1994), table 3, and with statsmodels' clustered regression on the same panels.
    """
    value_treated, spread_treated = treated.of(weights)
    value_control, spread_control = control.of(weights if control_weights is None else control_weights)
    value = value_treated - value_control
    if min(treated.n, control.n) < 2:
        return _without_error(value, level)
    parts = (max(spread_treated, 0.0) / treated.n, max(spread_control, 0.0) / control.n)
    variance = sum(parts)
    if variance == 0.0:
        return Interval(value=value, std_error=0.0, low=-math.inf, high=math.inf, level=level, p_value=1.0, df=math.inf)
    df = variance**2 / (parts[0] ** 2 / (treated.n - 1) + parts[1] ** 2 / (control.n - 1))
    return _t_interval(value, math.sqrt(variance), df, level)


def _without_error(value: float, level: float) -> Interval:
    nothing = math.nan
    return Interval(value=value, std_error=nothing, low=nothing, high=nothing, level=level, p_value=nothing, df=nothing)


def _t_interval(value: float, std_error: float, df: float, level: float) -> Interval:
    from scipy.special import stdtr, stdtrit

    reach = float(stdtrit(df, 0.5 + level / 2)) * std_error
    p_value = 2.0 * float(stdtr(df, -abs(value / std_error)))
    return Interval(
        value=value, std_error=std_error, low=value - reach, high=value + reach, level=level, p_value=p_value, df=df
    )


@dataclass(frozen=True, kw_only=True)
class Wald:
    """A joint test that several differences are all zero.

    Args:
        statistic: F, the quadratic form divided by its rank.
        df: Its numerator degrees of freedom: the rank of the differences' covariance.
        df_residual: Its denominator degrees of freedom.
        p_value: Of all of them being zero; NaN when it cannot be computed.
    """

    statistic: float
    df: int
    df_residual: float
    p_value: float


def joint_test(treated: CohortMoments, control: CohortMoments, weights: Sequence[Vector]) -> Wald:
    """Whether several weighted differences could all be zero.

    Args:
        treated: Moments of the treated units.
        control: Moments of the others.
        weights: One vector of shape (T,) for each difference.

    Assumes: as `difference`.
    Source: Hotelling's two-sample statistic with unequal covariances; the scale and the denominator are those of
        Krishnamoorthy and Yu (2004), a modified Nel and van der Merwe test.
    """
    if min(treated.n, control.n) < 2 or not weights:
        return Wald(statistic=math.nan, df=0, df_residual=math.nan, p_value=math.nan)
    from scipy.special import fdtrc

    rows = np.vstack(weights)
    gap = rows @ (treated.mean - control.mean)
    parts = [rows @ cohort.covariance @ rows.T / cohort.n for cohort in (treated, control)]
    total = parts[0] + parts[1]
    rank = int(np.linalg.matrix_rank(total, hermitian=True))
    if rank == 0:
        return Wald(statistic=math.nan, df=0, df_residual=math.nan, p_value=math.nan)
    inverse: Vector = np.asarray(np.linalg.pinv(total, hermitian=True), dtype=np.float64)
    quadratic = float(gap @ inverse @ gap)
    nu = _denominator(parts, inverse, rank, (treated.n, control.n))
    residual = nu - rank + 1
    if residual <= 0:
        return Wald(statistic=math.nan, df=rank, df_residual=residual, p_value=math.nan)
    statistic = quadratic * residual / (nu * rank)
    p_value = float(fdtrc(rank, residual, statistic))
    return Wald(statistic=statistic, df=rank, df_residual=residual, p_value=p_value)


def _denominator(parts: Sequence[Vector], inverse: Vector, rank: int, sizes: tuple[int, int]) -> float:
    below = 0.0
    for part, size in zip(parts, sizes, strict=True):
        share = part @ inverse
        below += (np.trace(share @ share) + np.trace(share) ** 2) / (size - 1)
    return float((rank + rank**2) / below)
