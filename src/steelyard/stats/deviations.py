"""How far the last points of a series lie from what its weeks before let expect, in standard normal deviates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from steelyard.stats.count_scale import CountScale
from steelyard.stats.robust_baseline import RobustBaseline, robust_baseline

__all__ = ["LEAST_OF_A_SEASON", "Deviations", "deviations"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
LEAST_OF_A_SEASON = 3
RECURRING = 3
EVENER = 0.6
SETTLED = 0.02
_LEAST_RELATIVE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Deviations:
    """The last points against what was expected of them, oldest first; a NaN where a point is not there.

    Args:
        standard: Standard normal deviates: their tails are those of a t, as the spread is estimated.
        expected: What was expected, in the series' own unit.
        low: Below it lies one in 740 by chance (three standard deviations).
        high: Above it lies as much.
        correlation: Between the points, one row and column each.
        dispersion: Standard deviation of one day about what is expected of it, as a share of the last expected value.
        autocorrelation: Of a day with the one before.
        used: How many values the expectation rests on.
    """

    standard: F64
    expected: F64
    low: F64
    high: F64
    correlation: F64
    dispersion: float
    autocorrelation: float
    used: int

    def mean_correlation(self, points: int) -> float:
        """The mean correlation between any two of the last points that are there."""
        there = np.flatnonzero(~np.isnan(self.standard[-points:]))
        block = self.correlation[-points:, -points:][np.ix_(there, there)]
        count = len(there)
        return 0.0 if count < 2 else float((block.sum() - np.trace(block)) / (count * (count - 1)))


def deviations(
    values: npt.ArrayLike,
    *,
    recent: int,
    season: int,
    kind: Literal["amount", "level"],
    unit: float = 1.0,
    volume: npt.ArrayLike | None = None,
    left_out: npt.ArrayLike | None = None,
) -> Deviations | None:
    """The last points of a series against a robust baseline of the same place in the season before them.

    Args:
        values: The series, one value a step, oldest first; NaN where there is none.
        recent: How many of the last steps are compared; the baseline ends before them.
        season: Steps in a season: 7 for days, 1 for none.
        kind: `amount` for what is counted or added up, which varies in proportion and never less than a Poisson;
            `level` for a mean or a ratio.
        unit: What one independent thing counts for in an amount.
        volume: Of a level: how many things each value is a mean of.
        left_out: Steps that are no example of what is usual; in the baseline they are not used, and in `recent` only
            the last is compared.

    Returns:
        The deviations; None where fewer than three of the baseline's values stand at the last step's place in the
        season, or where they are fewer than twelve.

    Assumes: As `robust_baseline`. Half of the variance of a level is of its sampling; a level from 0 to 1 varies no
        less than a share of as many things.

    >>> days = np.arange(64)
    >>> found = deviations(1000 + 300 * (days % 7 == 5) - 400 * (days == 63), recent=8, season=7, kind="amount")
    >>> bool(found.standard[-1] < -8), round(float(found.expected[-1]))
    (True, 1000)
    """
    y = np.asarray(values, dtype=np.float64)
    out = np.zeros(len(y), dtype=bool) if left_out is None else np.asarray(left_out, dtype=bool)
    steps = np.arange(len(y))
    there = ~np.isnan(y)
    used = np.flatnonzero(there & ~out & (steps < len(y) - recent))
    places = (steps % season).astype(np.int64)
    counts = np.bincount(places[used], minlength=season)
    if len(used) < 12 or counts[places[-1]] < LEAST_OF_A_SEASON:
        return None
    kept = used[counts[places[used]] >= 2]
    ahead = steps[-recent:]
    ahead = ahead[counts[places[ahead]] >= LEAST_OF_A_SEASON]
    if kind == "amount" and float(np.nanmin(y)) >= 0:
        fit = _of_amount(y, kept, ahead, places, unit)
    else:
        fit = _of_level(y, kept, ahead, places, volume, share=kind == "level")
    shown = there & (~out | (steps == len(y) - 1))
    return _compared(fit, y, ahead, shown, len(kept), recent)


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """A baseline on some scale: the forecast's spread and the values of the points there."""

    found: RobustBaseline
    actual: F64
    sd: F64
    scale: CountScale | None
    standard: F64  # the baseline's own residuals over their spread


def _of_amount(y: F64, kept: I64, ahead: I64, places: I64, unit: float) -> _Fit:
    """On the scale on which its days have a spread of one; a little less than that of chance is not believed."""
    scale, mean = CountScale(dispersion=0.1, unit=unit), float(np.median(y[kept]))
    for _ in range(4):
        found = _baseline(scale.forward(y[kept]), kept, ahead, places)
        if abs(found.scale - 1.0) < SETTLED or (scale.dispersion < 1e-9 and EVENER <= found.scale <= 1.0):
            break
        scale = scale.refined(found.scale, mean)
        if found.scale < EVENER and float(y[kept].min()) > 0:
            # No such days vary so little by chance: what was counted is no row of independent things.
            scale = CountScale(dispersion=0.0, unit=scale.unit * max(found.scale**2, 1e-9))
    else:
        found = _baseline(scale.forward(y[kept]), kept, ahead, places)
    spread = max(found.scale, 1.0)
    return _Fit(
        found=found,
        actual=scale.forward(y[ahead]),
        sd=spread * found.errors,
        scale=scale,
        standard=found.residuals / spread,
    )


def _of_level(
    y: F64,
    kept: I64,
    ahead: I64,
    places: I64,
    volume: npt.ArrayLike | None,
    *,
    share: bool,
) -> _Fit:
    """As it is; days with few things scatter more."""
    n = None if volume is None else np.asarray(volume, dtype=np.float64)
    usual = 1.0 if n is None else max(float(np.median(n[kept])), 1.0)
    wide = np.ones_like(y) if n is None else np.sqrt(0.5 + 0.5 * usual / np.maximum(n, 1.0))
    found = _baseline(y[kept], kept, ahead, places, wide[kept])
    floor = np.full(len(ahead), _LEAST_RELATIVE * max(float(np.abs(y[kept]).max()), 1e-300))
    if share and n is not None and float(np.nanmin(y)) >= 0 and float(np.nanmax(y)) <= 1:
        p = np.clip(found.expected, 0.5 / usual, 1.0 - 0.5 / usual)
        floor = np.sqrt(p * (1.0 - p) / np.maximum(n[ahead], 1.0))
    sd = np.maximum(found.scale * wide[ahead], floor)
    own = max(found.scale, float(np.median(floor)))
    return _Fit(found=found, actual=y[ahead], sd=sd * found.errors, scale=None, standard=found.residuals / own)


def _baseline(
    values: F64,
    kept: I64,
    ahead: I64,
    places: I64,
    spread: F64 | None = None,
) -> RobustBaseline:
    return robust_baseline(values, kept, places[kept], later=ahead, later_season=places[ahead], spread=spread)


def _compared(fit: _Fit, y: F64, ahead: I64, shown: npt.NDArray[np.bool_], used: int, recent: int) -> Deviations:
    place = ahead - (len(y) - recent)
    raw = np.where(shown[ahead], (fit.actual - fit.found.expected) / fit.sd, np.nan)
    found = fit.found

    def unscaled(scaled: F64) -> F64:
        return scaled if fit.scale is None else fit.scale.backward(scaled)

    expected = unscaled(found.expected)
    low, high = (unscaled(found.expected + sign * 3.0 * fit.sd) for sign in (-1.0, 1.0))
    correlation = np.eye(recent)
    correlation[np.ix_(place, place)] = found.correlation
    last = max(abs(float(expected[-1])), 1e-300)
    one_day = float(np.abs(unscaled(found.expected[-1:] + fit.sd[-1:] / found.errors[-1:]) - expected[-1:])[0])
    return Deviations(
        standard=_placed(_recurring(_normal(raw, found.df), fit.standard), place, recent),
        expected=_placed(expected, place, recent),
        low=_placed(low, place, recent),
        high=_placed(high, place, recent),
        correlation=correlation,
        dispersion=one_day / last,
        autocorrelation=found.autocorrelation,
        used=used,
    )


def _placed(values: F64, place: I64, recent: int) -> F64:
    full = np.full(recent, np.nan)
    full[place] = values
    return full


def _normal(raw: F64, df: float) -> F64:
    """The normal deviates with the tails that a t has there."""
    from scipy.special import ndtri_exp, stdtr

    tail = np.maximum(stdtr(df, -np.abs(raw)), 1e-300)
    return np.where(np.isnan(raw), np.nan, -np.sign(raw) * ndtri_exp(np.log(tail)))


def _recurring(standard: F64, history: F64) -> F64:
    """Deviates no larger than the history's own frequency of days as far out, where such days came three times."""
    from scipy.special import ndtri

    bounded = standard.copy()
    for place, value in enumerate(standard):
        if abs(value) <= 1.5:  # also leaves a NaN
            continue
        as_far = history * np.sign(value) >= abs(value)
        times = int(as_far[0]) + int((np.diff(as_far.astype(np.int8)) == 1).sum())
        if times >= RECURRING:
            usual = -float(ndtri(as_far.sum() / (len(history) + 1.0)))
            bounded[place] = np.sign(value) * min(abs(value), max(usual, 0.0))
    return bounded
