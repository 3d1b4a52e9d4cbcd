"""Regression adjustment with slopes of each arm's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from steelyard.errors import DataError
from steelyard.stats.cluster_moments import bell_mccaffrey
from steelyard.stats.cuped import AdjustedLevels, Arm, kept_of, refuse_other_covariates, solved, spread_of
from steelyard.stats.fitting_cost import fitting_cost
from steelyard.stats.linearise import Linear
from steelyard.stats.moments import Moments
from steelyard.stats.two_levels import Part, TwoLevels, clusters_of

__all__ = ["lin", "lin_can_fit"]

F64 = npt.NDArray[np.float64]


def lin(treated: Arm, control: Arm) -> AdjustedLevels:
    """Lin's adjustment: the coefficient of the arm in a regression on arm, centred covariates and their products.

    It never does worse than no adjustment in large samples, whatever the truth and however unequal the arms. The
    variance also counts that the covariates' means are those of a sample: what it adds to the difference is 0 where the
    slopes are the same.

    Of clusters the slopes are those with the least CR2 error of an arm's mean: of clusters' totals of residuals on
    those of the covariates. Slopes of a regression of rows, as `lm_lin` has them, can add error to clusters' means.

    Args:
        treated: Outcome and covariates of the arm that is judged.
        control: The same of the arm that it is compared with.

    Returns:
        Both arms at the covariates' means over both.

    Raises:
        DefinitionError: No covariates, or not the same number in both arms.
        DataError: An arm with no more units than covariates and one; or clusters with so few degrees of freedom.

    Assumes: Covariates are fixed before assignment; units are independent, or their clusters are.

    Source: Lin (2013), Annals of Applied Statistics 7; Negi and Wooldridge (2021), Econometric Reviews 40, for the
        variance in a sample from a population; compared with R's estimatr `lm_lin` and with least squares. Of clusters:
        Su and Ding (2021), JRSS B 83, for totals; compared with a search by rows, and with `lm_lin` where clusters are
        of one size and each has one value of the covariate, so that both slopes are one.

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
    members = [y.moments.units for y, _ in arms]
    shares = [n / sum(members) for n in members]
    means = [np.array([x.mean for x in xs]) for xs in (xs_t, xs_c)]
    centre = np.asarray(shares[0] * means[0] + shares[1] * means[1], dtype=np.float64)
    errors = [share**2 / y.moments.rows * spread_of(xs, xs) for share, (y, xs) in zip(shares, arms, strict=True)]
    shared = Part(spread=errors[0] + errors[1], treated=slopes[0], control=slopes[1], units=1, df=np.inf)
    levels = TwoLevels(
        treated=y_t.mean + (y_t.origin - y_c.origin) - float(slopes[0] @ (means[0] - centre)),
        control=y_c.mean - float(slopes[1] @ (means[1] - centre)),
        origin=y_c.origin,
        parts=(_residual(treated, slopes[0], mine=True), _residual(control, slopes[1], mine=False), shared),
    )
    thetas, control_thetas = (tuple(float(slope) for slope in found) for found in slopes)
    return AdjustedLevels(levels=levels, thetas=thetas, control_thetas=control_thetas, kept=kept_of(arms, levels))


def lin_can_fit(moments: Moments, covariates: int) -> bool:
    """Whether an arm tells the slopes of so many covariates and what they leave."""
    clusters = clusters_of(moments)
    if clusters is None:
        return moments.rows > covariates + 1
    return clusters.rows > 1 and bell_mccaffrey([(clusters, 1.0)]) > covariates + 1


def _slopes(y: Linear, xs: Sequence[Linear]) -> F64:
    if not lin_can_fit(y.moments, len(xs)):
        what = "units" if clusters_of(y.moments) is None else "clusters"
        raise DataError(
            f"{y.moments.rows} {what} do not tell the slopes of {len(xs)} covariates", hint="use fewer covariates"
        )
    return solved(spread_of(xs, xs), spread_of(xs, [y])[:, 0])


def _residual(arm: Arm, slopes: F64, *, mine: bool) -> Part:
    """What the covariates leave of one arm, with the degrees of freedom that its slopes cost."""
    y, xs = arm
    n, k, clusters = y.moments.rows, len(xs), clusters_of(y.moments)
    before = n - 1 if clusters is None else bell_mccaffrey([(clusters, 1.0)])
    df = before - k
    cost = before / df if clusters is None else fitting_cost(before, k)
    weights, none = np.array([1.0, *(-slopes)]), np.zeros(1 + k)
    return Part(
        spread=spread_of([y, *xs], [y, *xs]) * cost,
        treated=weights if mine else none,
        control=none if mine else weights,
        units=n,
        df=df,
    )
