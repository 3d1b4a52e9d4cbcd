"""Regression adjustment with slopes of each arm's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from steelyard.errors import DataError
from steelyard.stats.cuped import AdjustedLevels, Arm, kept_of, refuse_other_covariates, solved, spread_of
from steelyard.stats.linearise import Linear
from steelyard.stats.two_levels import Part, TwoLevels

__all__ = ["lin"]

F64 = npt.NDArray[np.float64]


def lin(treated: Arm, control: Arm) -> AdjustedLevels:
    """Lin's adjustment: the coefficient of the arm in a regression on arm, centred covariates and their products.

    It never does worse than no adjustment in large samples, whatever the truth and however unequal the arms. The
    variance also counts that the covariates' means are those of a sample: what it adds to the difference is 0 where the
    slopes are the same.

    Args:
        treated: Outcome and covariates of the arm that is judged.
        control: The same of the arm that it is compared with.

    Returns:
        Both arms at the covariates' means over both.

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
    >>> round(found.levels.difference().value, 4), found.thetas
    (3.5, (2.25,))
    """
    refuse_other_covariates(treated, control)
    (y_t, xs_t), (y_c, xs_c) = arms = (treated, control)
    slopes = [_slopes(*arm) for arm in arms]
    units = [y.moments.rows for y, _ in arms]
    means = [np.array([x.mean for x in xs]) for xs in (xs_t, xs_c)]
    centre = np.asarray((units[0] * means[0] + units[1] * means[1]) / sum(units), dtype=np.float64)
    shared = Part(
        spread=np.asarray(sum(n * spread_of(xs, xs) for n, (_, xs) in zip(units, arms, strict=True)) / sum(units)),
        treated=slopes[0],
        control=slopes[1],
        units=sum(units),
        df=np.inf,
    )
    levels = TwoLevels(
        treated=y_t.mean + (y_t.origin - y_c.origin) - float(slopes[0] @ (means[0] - centre)),
        control=y_c.mean - float(slopes[1] @ (means[1] - centre)),
        origin=y_c.origin,
        parts=(_residual(treated, slopes[0], mine=True), _residual(control, slopes[1], mine=False), shared),
    )
    thetas, control_thetas = (tuple(float(slope) for slope in found) for found in slopes)
    return AdjustedLevels(levels=levels, thetas=thetas, control_thetas=control_thetas, kept=kept_of(arms, levels))


def _slopes(y: Linear, xs: Sequence[Linear]) -> F64:
    n, k = y.moments.rows, len(xs)
    if n <= k + 1:
        raise DataError(f"{n} units do not tell the slopes of {k} covariates", hint="use fewer covariates")
    return solved(spread_of(xs, xs), spread_of(xs, [y])[:, 0])


def _residual(arm: Arm, slopes: F64, *, mine: bool) -> Part:
    """What the covariates leave of one arm, with the degrees of freedom that its slopes cost."""
    y, xs = arm
    n, df = y.moments.rows, y.moments.rows - 1 - len(xs)
    weights, none = np.array([1.0, *(-slopes)]), np.zeros(1 + len(xs))
    return Part(
        spread=spread_of([y, *xs], [y, *xs]) * (n - 1) / df,
        treated=weights if mine else none,
        control=none if mine else weights,
        units=n,
        df=df,
    )
