"""What is usual of a series: its level by place in the season and its trend, robust, and how sure a forecast is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["RobustBaseline", "robust_baseline"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

HUBER, BISQUARE, SCALE_BEND = 1.345, 4.685, 2.0
MOST_CORRELATION = 0.8
ROUNDS = 30


@dataclass(frozen=True, kw_only=True)
class RobustBaseline:
    """What was expected of some later moments, from a series before them.

    Args:
        expected: By moment.
        scale: Standard deviation of one value about what is expected of it.
        errors: Standard deviation of each value about its forecast, in units of `scale`: above 1, for the forecast
            itself is estimated.
        correlation: Of the errors with each other: the forecasts share an estimate, and days hang together.
        df: Degrees of freedom of `scale`.
        autocorrelation: Of a value with the one before.
        residuals: Of the series, in its order.
    """

    expected: F64
    scale: float
    errors: F64
    correlation: F64
    df: float
    autocorrelation: float
    residuals: F64


def robust_baseline(
    values: npt.ArrayLike,
    at: npt.ArrayLike,
    season: npt.ArrayLike,
    *,
    later: npt.ArrayLike,
    later_season: npt.ArrayLike,
    spread: npt.ArrayLike | None = None,
) -> RobustBaseline:
    """A level for each place in the season and one straight trend, by Tukey's biweight; the scale by Huber's second.

    Args:
        values: The series.
        at: The moment of each value, in whole steps; steps may be missing.
        season: Its place in the season, such as the day of the week.
        later: The moments that something is to be expected of.
        later_season: Their places; each has values.
        spread: How much wider than the others each value scatters; None for all alike.

    Assumes: Errors of one spread (once divided by `spread`), about normal apart from outliers of up to a quarter, that
        hang together no longer than from one step to the next (AR(1)); `later` at least a few steps after the series.

    Source: Beaton and Tukey (1974), Technometrics 16 (biweight); Huber (1981), Robust Statistics, 7.7 (Proposal 2);
        the scale's correction for correlated errors is the expectation of a residual sum of squares, tr((I - H) C).

    >>> days = np.arange(56)
    >>> series = 100 + 10 * (days % 7 == 5) + 0.5 * days + np.tile([1.0, -1.0], 28)
    >>> series[40] = 0  # an outage
    >>> found = robust_baseline(series, days, days % 7, later=[61], later_season=[5])
    >>> bool(abs(found.expected[0] - 140.5) < 1.5)
    True
    """
    y, moments, places = np.asarray(values, np.float64), np.asarray(at, np.int64), np.asarray(season, np.int64)
    ahead, ahead_places = np.asarray(later, np.int64), np.asarray(later_season, np.int64)
    wide = np.ones_like(y) if spread is None else np.asarray(spread, np.float64)
    known = np.unique(places)
    centre = float(moments.mean())
    design, forecast = _design(moments, places, known, centre), _design(ahead, ahead_places, known, centre)
    weighted, target = design / wide[:, None], y / wide
    coefficients, weights = _biweight(weighted, target, len(known))
    residuals = target - weighted @ coefficients
    df = max(len(y) - design.shape[1], 1)
    scale = _proposal_two(residuals, df)
    phi = _autocorrelation(residuals, moments, scale, design.shape[1])
    return _forecast(weighted, forecast, weights, coefficients, residuals, scale, phi, df, moments, ahead)


def _design(moments: I64, places: I64, known: I64, centre: float) -> F64:
    dummies = (places[:, None] == known[None, :]).astype(np.float64)
    return np.column_stack([dummies, (moments - centre) / 7.0])


def _biweight(design: F64, target: F64, places: int) -> tuple[F64, F64]:
    """Coefficients, from the medians of the places; and each value's last weight."""
    coefficients: F64 = np.zeros(design.shape[1])
    for place in range(places):
        there = design[:, place] > 0
        coefficients[place] = np.median(target[there] / design[there, place])
    weights = np.ones_like(target)
    for bend in (HUBER, BISQUARE):
        for _ in range(ROUNDS):
            residuals = target - design @ coefficients
            scale = _spread_of(residuals, design.shape[1])
            if scale <= 1e-12 * max(1.0, float(np.abs(target).max())):
                return coefficients, weights
            weights = _weights(residuals / scale, bend)
            new = _weighted_fit(design, target, weights)
            moved = float(np.abs(new - coefficients).max())
            coefficients = new
            if moved < 1e-4 * scale:
                break
    return coefficients, weights


def _weighted_fit(design: F64, target: F64, weights: F64) -> F64:
    """Weighted least squares: by the normal equations, which this design suits, unless a place has lost its weight."""
    weighted = design * weights[:, None]
    normal = design.T @ weighted
    if float(normal.diagonal().min()) > 1e-3 * float(normal.diagonal().max()):
        return np.asarray(np.linalg.solve(normal, weighted.T @ target), np.float64)
    root = np.sqrt(weights)
    return np.asarray(np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0], np.float64)


def _weights(standard: F64, bend: float) -> F64:
    size = np.abs(standard)
    if bend == HUBER:
        return np.minimum(1.0, HUBER / np.maximum(size, 1e-300))
    return np.where(size < BISQUARE, (1.0 - np.minimum(size / BISQUARE, 1.0) ** 2) ** 2, 0.0)


def _spread_of(residuals: F64, parameters: int) -> float:
    """The median of the larger absolute residuals, as a standard deviation: as many are near zero as are fitted."""
    sizes = np.sort(np.abs(residuals))
    first = min(parameters - 1, len(sizes) - 1)
    middle = first + len(sizes) - 1  # twice the middle of what is kept
    return float((sizes[middle // 2] + sizes[(middle + 1) // 2]) / (2 * 0.6745))


def _proposal_two(residuals: F64, df: int) -> float:
    """The scale at which bent residuals have the variance that normal ones would have."""
    scale = _spread_of(residuals, len(residuals) - df)
    share = _bent_variance(SCALE_BEND)
    for _ in range(ROUNDS * 2):
        if scale <= 0:
            return 0.0
        bent = np.clip(residuals, -SCALE_BEND * scale, SCALE_BEND * scale)
        new = float(np.sqrt((bent**2).sum() / (df * share)))
        if abs(new - scale) <= 1e-8 * scale:
            return new
        scale = new
    return scale


def _bent_variance(bend: float) -> float:
    """The variance of a standard normal that is clipped at `bend`."""
    from scipy.special import ndtr

    density = float(np.exp(-0.5 * bend**2) / np.sqrt(2.0 * np.pi))
    inside = 2.0 * float(ndtr(bend)) - 1.0
    return inside - 2.0 * bend * density + 2.0 * bend**2 * float(ndtr(-bend))


def _autocorrelation(residuals: F64, moments: I64, scale: float, parameters: int) -> float:
    """Of neighbouring residuals, bent; what fitting takes away from it is given back, and none is negative."""
    follows = np.flatnonzero(np.diff(moments) == 1)
    if scale <= 0 or len(follows) < 10:
        return 0.0
    bent = np.clip(residuals, -SCALE_BEND * scale, SCALE_BEND * scale)
    found = float((bent[follows] * bent[follows + 1]).mean() / (bent**2).mean())
    n = len(residuals)
    return float(np.clip(found + (parameters + 1 + 3.0 * max(found, 0.0)) / n, 0.0, MOST_CORRELATION))


def _forecast(
    design: F64,
    forecast: F64,
    weights: F64,
    coefficients: F64,
    residuals: F64,
    scale: float,
    phi: float,
    df: int,
    moments: I64,
    ahead: I64,
) -> RobustBaseline:
    """The expectation, with the covariance of its errors under AR(1)."""
    together = phi ** np.abs(moments[:, None] - moments[None, :])
    inverse = np.linalg.pinv(design.T @ (design * weights[:, None]))
    fitting = inverse @ (design * weights[:, None]).T
    covariance = fitting @ together @ fitting.T
    left = (len(residuals) - float(np.trace(design @ fitting @ together))) / df
    own = phi ** np.abs(ahead[:, None] - ahead[None, :])
    errors = own + forecast @ covariance @ forecast.T
    wide = np.sqrt(np.diag(errors))
    return RobustBaseline(
        expected=forecast @ coefficients,
        scale=scale / float(np.sqrt(min(max(left, 0.3), 1.0))),
        errors=wide,
        correlation=errors / np.outer(wide, wide),
        df=max(df * (1.0 - phi**2) / (1.0 + phi**2), 3.0),
        autocorrelation=phi,
        residuals=residuals,
    )
