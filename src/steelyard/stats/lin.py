"""Regression adjustment with slopes of each arm's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.errors import DataError, DefinitionError
from steelyard.stats.interval import Interval
from steelyard.stats.linearise import Linear, without_rounding

__all__ = ["RegressionAdjusted", "lin"]

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RegressionAdjusted:
    """A difference of means after regression on covariates within each arm.

    Args:
        interval: Treated minus control at the covariates' means over both arms.
        treated_slopes: Slope of each covariate in the treated arm.
        control_slopes: Slope of each covariate in control.
    """

    interval: Interval
    treated_slopes: tuple[float, ...]
    control_slopes: tuple[float, ...]


def lin(
    treated: tuple[Linear, Sequence[Linear]], control: tuple[Linear, Sequence[Linear]], level: float = 0.95
) -> RegressionAdjusted:
    """Lin's adjustment: the coefficient of the arm in a regression on arm, centred covariates and their products.

    It never does worse than no adjustment in large samples, whatever the truth and however unequal the arms. The
    variance also counts that the covariates' means are those of a sample: what it adds is 0 where the slopes are the
    same.

    Args:
        treated: Outcome and covariates of the arm that is judged.
        control: The same of the arm that it is compared with.
        level: Confidence level.

    Raises:
        DefinitionError: No covariates, or not the same number in both arms.
        DataError: An arm with no more units than covariates and one.

    Assumes: Covariates are fixed before assignment; units are independent.

    Source: Lin (2013), Annals of Applied Statistics 7; Negi and Wooldridge (2021), Econometric Reviews 40, for the
        variance in a sample from a population; compared with R's estimatr `lm_lin` and with least squares.

    >>> from steelyard.stats.linearise import linear_mean
    >>> from steelyard.stats.moments import Moments
    >>> one = Moments.of_rows({"y": [3.0, 5.0, 7.5], "x": [1.0, 2.0, 3.0]})
    >>> other = Moments.of_rows({"y": [1.0, 2.0, 2.0], "x": [1.0, 2.0, 3.0]})
    >>> found = lin(*((linear_mean(m, "y"), [linear_mean(m, "x")]) for m in (one, other)))
    >>> round(found.interval.value, 4), found.treated_slopes
    (3.5, (2.25,))
    """
    from scipy.special import stdtr, stdtrit

    if not treated[1] or len(treated[1]) != len(control[1]):
        raise DefinitionError(
            f"{len(treated[1])} covariates in one arm and {len(control[1])} in the other",
            hint="give the same, one or more",
        )
    fits = [_fit(*treated), _fit(*control)]
    (at_t, slopes_t, error_t, df_t, spread_t), (at_c, slopes_c, error_c, df_c, spread_c) = fits
    n_t, n_c = treated[0].moments.rows, control[0].moments.rows
    centres = [np.array([x.mean for x in xs]) for _, xs in (treated, control)]
    centre = (n_t * centres[0] + n_c * centres[1]) / (n_t + n_c)
    gap = slopes_t - slopes_c
    pooled = (n_t * spread_t + n_c * spread_c) / (n_t + n_c)
    value = (treated[0].origin - control[0].origin) + (
        at_t - float(slopes_t @ (centres[0] - centre)) - at_c + float(slopes_c @ (centres[1] - centre))
    )
    of_means = float(gap @ pooled @ gap) / (n_t + n_c)
    error = math.sqrt(error_t + error_c + max(of_means, 0.0))
    whole = error_t + error_c
    df = whole**2 / (error_t**2 / df_t + error_c**2 / df_c) if whole > 0 else float(df_t + df_c)
    reach = float(stdtrit(df, (1 + level) / 2)) * error
    p_value = 2 * float(stdtr(df, -abs(value) / error)) if error else float(value == 0)
    return RegressionAdjusted(
        interval=Interval(
            value=value, std_error=error, low=value - reach, high=value + reach, level=level, p_value=p_value, df=df
        ),
        treated_slopes=tuple(float(slope) for slope in slopes_t),
        control_slopes=tuple(float(slope) for slope in slopes_c),
    )


def _fit(y: Linear, xs: Sequence[Linear]) -> tuple[float, F64, float, int, F64]:
    """Mean, slopes, squared error of the residuals' mean, its degrees of freedom and the covariates' spread."""
    n, k = y.moments.rows, len(xs)
    if n <= k + 1:
        raise DataError(f"{n} units do not tell the slopes of {k} covariates", hint="use fewer covariates")
    spread = np.array([[one.covariance(other) for other in xs] for one in xs])
    together = np.array([x.covariance(y) for x in xs])
    scale = np.sqrt(np.where(np.diag(spread) > 0, np.diag(spread), 1.0))
    slopes = np.linalg.lstsq(spread / np.outer(scale, scale), together / scale, rcond=1e-10)[0] / scale
    parts = [y.variance, *(-2 * slopes * together).tolist(), *(np.outer(slopes, slopes) * spread).ravel().tolist()]
    residual = without_rounding(parts) * (n - 1) / (n - 1 - k)
    return y.mean, np.asarray(slopes, dtype=np.float64), residual / n, n - 1 - k, spread
