"""One metric in one arm against control: which method, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from steelyard.stats.cluster_moments import ClusterMoments
from steelyard.stats.interval import Interval
from steelyard.stats.moments import Moments
from steelyard.stats.two_levels import TwoLevels, weighted_levels
from steelyard.studies.experiments.adjusting import adjusted_levels
from steelyard.studies.experiments.columns import above, covariates_in
from steelyard.studies.experiments.freedom import strata_of_units_or_clusters, units_or_clusters
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.shares import compare_shares, is_binary
from steelyard.studies.experiments.winsorising import Winsorise

__all__ = ["NOTHING", "Comparison", "Pairs", "as_counts", "compare", "compare_within"]

Pairs = Sequence[tuple[Moments, Moments]]
"""The treated arm and control in each stratum that has both."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric in one arm against control.

    Args:
        absolute: The difference; None where it cannot be computed.
        relative: The difference as a fraction of control; None where that is no number.
        control_level: The metric's level in control, after the covariates.
        method: How the numbers were made.
        thetas: The covariates' coefficients in the treated arm; none of Lin's within strata, which have their own.
        control_thetas: The same in control.
        kept: The share of the variance that the covariates left; None without one, or within strata.
    """

    absolute: Interval | None
    relative: Interval | None
    control_level: float | None
    method: str
    thetas: tuple[float, ...] = ()
    control_thetas: tuple[float, ...] = ()
    kept: float | None = None


NOTHING = Comparison(absolute=None, relative=None, control_level=None, method="none")
"""What is said where nothing can be computed."""


def compare(use: MetricUse, treated: Moments, control: Moments, level: float) -> Comparison:
    """The metric's difference between two arms.

    Shares without a covariate: the interval and the test that suit how many there are (`share_comparison`). Everything
    else: Welch's t on means, on the delta method's linear form for ratios, and on what CUPED or Lin's regression leaves
    where there are covariates. Of clusters: the difference of the means over all units, with CR2's error and Bell and
    McCaffrey's degrees of freedom, of which coefficients take some (`fitting_cost`). Relative: the log scale, or what
    the metric says.

    Args:
        use: The metric, resolved.
        treated: The arm that is judged.
        control: The arm that it is compared with.
        level: Level of the intervals.
    """
    treated, control = units_or_clusters(treated, control)
    if as_counts(use, control):
        found = compare_shares(use, treated, control, level)
        return NOTHING if found is None else Comparison(**found)
    return compare_within(use, [(treated, control)], level)


def as_counts(use: MetricUse, control: Moments) -> bool:
    """Whether a metric is a share that is compared as counts: of units by themselves, and without a covariate."""
    clustered = isinstance(control, ClusterMoments)
    return use.kind == "share" and not clustered and not covariates_in(use.metric, control.names)


def compare_within(use: MetricUse, strata: Pairs, level: float, by: str = "") -> Comparison:
    """The metric's difference, taken within each stratum and weighted by the units of both arms there.

    Args:
        use: The metric, resolved.
        strata: The two arms in each stratum; those in which an arm has too few units say nothing.
        level: Level of the intervals.
        by: What the strata are, such as `stage`; empty where there is one, of everybody.

    Assumes: As `weighted_levels`. The relative effect is of the weighted levels; it knows that both arms of a stratum
        share its covariates' means.
    """
    strata = strata_of_units_or_clusters(strata)
    if use.kind == "share" and not all(is_binary(arm, above(use.metric)) for pair in strata for arm in pair):
        return NOTHING
    units = [sum(arm.units for arm in pair) for pair in strata]
    used = [(found, n) for found, n in zip(adjusted_levels(use, strata), units, strict=True) if found is not None]
    if not used:
        return NOTHING
    whole = sum(n for _, n in used)
    levels = weighted_levels([found.levels for found, _ in used], [n / whole for _, n in used])
    first, _ = used[0]
    before = levels.squared_error(1, 1)
    if first.thetas and levels.clustered:
        levels = levels.after_fitting(len(first.thetas))
    compared = _compared(use, levels, level, _method(use, strata, bool(first.thetas), by))
    if not first.thetas or (by and use.adjustment == "lin"):
        return compared
    kept = None if by else first.kept * (levels.squared_error(1, 1) / before if before else 1.0)
    return replace(compared, thetas=first.thetas, control_thetas=first.control_thetas, kept=kept)


def _method(use: MetricUse, strata: Pairs, adjusted: bool, by: str) -> str:
    parts = [f"by {by}"] if by else []
    parts += ["Lin's regression adjustment" if use.adjustment == "lin" else "CUPED"] if adjusted else []
    parts += ["delta method"] if use.kind == "ratio" else []
    parts += ["weighted by units"] if by else []
    clustered = isinstance(strata[0][0], ClusterMoments)
    parts += ["clusters: CR2, Bell and McCaffrey's t" if clustered else "t" if by else "Welch's t"]
    parts += [f"winsorised at {use.winsorise.says()}"] if isinstance(use.winsorise, Winsorise) else []
    relative = {"delta": "relative by the delta method", "fieller": "relative by Fieller's interval"}
    parts += [relative[use.relative_method]] if use.relative_method in relative else []
    return ", ".join(parts)


def _compared(use: MetricUse, levels: TwoLevels, level: float, method: str) -> Comparison:
    absolute, control = levels.difference(level), levels.levels[1]
    if absolute.std_error == 0:
        # Values that do not vary say nothing of their error: the interval is unbounded, not a point.
        absolute = replace(absolute, low=-math.inf, high=math.inf, p_value=1.0)
        return Comparison(absolute=absolute, relative=None, control_level=control, method=method)
    relative = levels.relative(level, use.relative_method or "log")
    return Comparison(absolute=absolute, relative=relative, control_level=control, method=method)
