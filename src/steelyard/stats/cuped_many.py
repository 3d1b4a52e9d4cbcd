"""Variance reduction by several covariates at once, with the coefficients that suit the contrast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError
from steelyard.stats.linearise import Linear, without_rounding
from steelyard.stats.sample import Sample

__all__ = ["AdjustedByMany", "cuped_many"]

F64 = npt.NDArray[np.float64]
SAME = 1e-10


@dataclass(frozen=True, kw_only=True)
class AdjustedByMany:
    """Two arms after the adjustment.

    Args:
        treated: The arm that is judged.
        control: The arm that it is compared with.
        thetas: The coefficient of each covariate; 0 for one that tells nothing beside the others.
        on_log_scale: Logarithms of both means with the variances of their own linear forms, treated first; None where a
            mean is not positive.
        kept: The share of the contrast's variance that is left.
    """

    treated: Sample
    control: Sample
    thetas: tuple[float, ...]
    on_log_scale: tuple[Sample, Sample] | None
    kept: float


def cuped_many(treated: tuple[Linear, Sequence[Linear]], control: tuple[Linear, Sequence[Linear]]) -> AdjustedByMany:
    """Both arms with the part of the outcome taken out that covariates, known before, explain together.

    The coefficients minimise the variance of the contrast: they solve the normal equations of covariances divided by
    each arm's units and added over arms. With one covariate this is `cuped`.

    Args:
        treated: Outcome and covariates (means or ratios, one or more) of the arm that is judged.
        control: The same of the arm that it is compared with.

    Raises:
        DefinitionError: No covariates, or not the same number in both arms.

    Assumes: Covariates are fixed before assignment; they are few beside the units, so that fitting them costs nothing.

    Source: As `cuped`, with a vector of coefficients; compared with a direct search for the least variance.

    >>> from steelyard.stats.linearise import linear_mean
    >>> from steelyard.stats.moments import Moments
    >>> rows = {"y": [3.0, 5.0, 4.0, 8.0], "a": [1.0, 2.0, 2.0, 4.0], "b": [1.0, 1.0, 0.0, 0.0]}
    >>> arm = linear_mean(Moments.of_rows(rows), "y"), [linear_mean(Moments.of_rows(rows), name) for name in "ab"]
    >>> [round(theta, 3) for theta in cuped_many(arm, arm).thetas]
    [2.0, 1.0]
    """
    if not treated[1] or len(treated[1]) != len(control[1]):
        raise DefinitionError(
            f"{len(treated[1])} covariates in one arm and {len(control[1])} in the other",
            hint="give the same, one or more",
        )
    arms = (treated, control)
    spread = sum(_between(xs, xs) / y.moments.rows for y, xs in arms)
    together = sum(_between(xs, [y])[:, 0] / y.moments.rows for y, xs in arms)
    thetas = _solve(np.asarray(spread), np.asarray(together))
    units = [y.moments.rows for y, _ in arms]
    means = np.array([[x.mean for x in xs] for _, xs in arms])
    centre = np.asarray(units, dtype=np.float64) @ means / sum(units)
    new_t, new_c = (_adjusted(y, xs, thetas, centre) for y, xs in arms)
    before = sum(y.sample().squared_error for y, _ in arms)
    after = new_t.squared_error + new_c.squared_error
    return AdjustedByMany(
        treated=new_t,
        control=new_c,
        thetas=tuple(float(theta) for theta in thetas),
        on_log_scale=_logarithms(arms, (new_t, new_c), thetas),
        kept=after / before if before > 0 else 1.0,
    )


def _between(ones: Sequence[Linear], others: Sequence[Linear]) -> F64:
    return np.array([[one.covariance(other) for other in others] for one in ones])


def _solve(spread: F64, together: F64) -> F64:
    """The least coefficients that solve the normal equations; a covariate without spread, or doubled, does no harm."""
    scale = np.sqrt(np.diag(spread))
    scale = np.where(scale > 0, scale, 1.0)
    solution = np.linalg.lstsq(spread / np.outer(scale, scale), together / scale, rcond=SAME)[0]
    return np.asarray(solution / scale, dtype=np.float64)


def _left(y: Linear, xs: Sequence[Linear], scale: float, slopes: F64) -> float:
    cross = -2 * scale * slopes * _between(xs, [y])[:, 0]
    inner = np.outer(slopes, slopes) * _between(xs, xs)
    return without_rounding([scale**2 * y.variance, *cross.tolist(), *inner.ravel().tolist()])


def _adjusted(y: Linear, xs: Sequence[Linear], thetas: F64, centre: F64) -> Sample:
    shift = float(thetas @ (np.array([x.mean for x in xs]) - centre))
    return Sample(n=y.moments.rows, mean=y.mean - shift, variance=_left(y, xs, 1.0, thetas), origin=y.origin)


def _logarithms(
    arms: Sequence[tuple[Linear, Sequence[Linear]]], news: tuple[Sample, Sample], thetas: F64
) -> tuple[Sample, Sample] | None:
    """Both logarithms, knowing that each adjusted mean holds the covariates' means of both arms."""
    new_t, new_c = news
    if not (new_t.level > 0 and new_c.level > 0):
        return None
    share = new_t.n / (new_t.n + new_c.n)
    slopes = thetas * ((1 - share) / new_t.level + share / new_c.level)
    above, below = (
        Sample(n=new.n, mean=math.log(new.level), variance=_left(y, xs, 1 / new.level, slopes))
        for (y, xs), new in zip(arms, news, strict=True)
    )
    return above, below
