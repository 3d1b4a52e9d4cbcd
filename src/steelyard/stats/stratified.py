"""An effect put together from strata: segments, platforms, or the stages of a ramp."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DataError, DefinitionError
from steelyard.stats.interval import Interval
from steelyard.stats.sample import Sample

__all__ = ["Heterogeneity", "StratumWeights", "heterogeneity", "stratified"]

StratumWeights = Literal["population", "mantel_haenszel", "precision"]


def stratified(
    strata: Sequence[tuple[Sample, Sample]], *, weights: StratumWeights = "population", level: float = 0.95
) -> Interval:
    """The mean over strata of the difference within each, so that no mixture of strata between arms enters it.

    Pooling over a ramp compares arms of different mixtures of days and can turn the sign round; this does not.

    Args:
        strata: Treated arm and control of each stratum; those in which an arm has fewer than two units must be left out
            or merged beforehand, and said.
        weights: `population`: units of both arms, the effect on all who took part. `mantel_haenszel`: n1 * n2 by
            n1 + n2, close to the least variance when variances are alike. `precision`: one over the squared error, the
            least variance, the effect if it is the same in all strata.
        level: Confidence level.

    Raises:
        DataError: No strata, or one with an arm that has fewer than two units.
        DefinitionError: Other weights.

    Assumes: Assignment was random within strata, which were fixed before it. The error is that of the strata as they
        are.

    Source: Miratrix, Sekhon and Yu (2013), JRSS B 75; Cochran (1954); Crook, Frasca, Kohavi and Longbotham (2009), KDD,
        for the ramp; compared with the closed forms.

    >>> calm = Sample(n=990_000, mean=0.0202, variance=0.0198), Sample(n=10_000, mean=0.02, variance=0.0196)
    >>> busy = Sample(n=500_000, mean=0.012, variance=0.0119), Sample(n=500_000, mean=0.01, variance=0.0099)
    >>> round(stratified([calm, busy]).value, 6)
    0.0011
    """
    from scipy.special import stdtr, stdtrit

    gaps, variances, dfs = _gaps(strata)
    shares = _shares(strata, variances, weights)
    value = sum(share * gap for share, gap in zip(shares, gaps, strict=True))
    parts = [share**2 * variance for share, variance in zip(shares, variances, strict=True)]
    error = math.sqrt(sum(parts))
    spread = sum(part**2 / df for part, df in zip(parts, dfs, strict=True))
    df = sum(parts) ** 2 / spread if spread > 0 else float(sum(dfs))
    reach = float(stdtrit(df, (1 + level) / 2)) * error
    p_value = 2 * float(stdtr(df, -abs(value) / error)) if error else float(value == 0)
    return Interval(
        value=value, std_error=error, low=value - reach, high=value + reach, level=level, p_value=p_value, df=df
    )


def _gaps(strata: Sequence[tuple[Sample, Sample]]) -> tuple[list[float], list[float], list[float]]:
    from steelyard.stats.welch import welch

    if not strata:
        raise DataError("no strata to put together", hint="give one or more")
    for place, (treated, control) in enumerate(strata):
        if not (treated.usable and control.usable):
            raise DataError(
                f"an arm of stratum {place} has {min(treated.n, control.n)} units or no finite numbers",
                hint="merge the stratum with another, or leave it out and say so",
            )
    found = [welch(treated, control) for treated, control in strata]
    return [one.value for one in found], [one.std_error**2 for one in found], [one.df for one in found]


def _shares(
    strata: Sequence[tuple[Sample, Sample]], variances: Sequence[float], weights: StratumWeights
) -> list[float]:
    if weights == "population":
        raw = [float(treated.n + control.n) for treated, control in strata]
    elif weights == "mantel_haenszel":
        raw = [treated.n * control.n / (treated.n + control.n) for treated, control in strata]
    elif weights == "precision":
        if min(variances) <= 0:
            raise DataError("a stratum without variance has no precision", hint="use population weights")
        raw = [1 / variance for variance in variances]
    else:
        raise DefinitionError(f"no weights {weights!r}", hint="population, mantel_haenszel or precision")
    return [one / sum(raw) for one in raw]


@dataclass(frozen=True, kw_only=True)
class Heterogeneity:
    """Whether the effect differs between segments, and what is left of each when chance is taken out.

    Args:
        statistic: Cochran's Q.
        df: Its degrees of freedom.
        p_value: Of one effect in all segments.
        between: Variance of the true effects between segments (DerSimonian and Laird), 0 or more.
        effect: The precision-weighted effect.
        shrunk: Each segment's effect drawn towards it, as far as its error asks.
        shrunk_errors: Standard error of each shrunk effect about the segment's truth.
    """

    statistic: float
    df: int
    p_value: float
    between: float
    effect: float
    shrunk: tuple[float, ...]
    shrunk_errors: tuple[float, ...]


def heterogeneity(effects: Sequence[float], std_errors: Sequence[float]) -> Heterogeneity:
    """The interaction test of segments, and effects shrunk by empirical Bayes.

    Args:
        effects: Each segment's effect.
        std_errors: Their standard errors, above 0.

    Raises:
        DataError: No segments, or an error that is not above 0.

    Assumes: Segments do not overlap; effects are normal about segment truths that are normal about one mean.

    Source: Cochran (1954), Biometrics 10; DerSimonian and Laird (1986), Controlled Clinical Trials 7; Morris (1983),
        JASA 78.

    >>> found = heterogeneity([0.0, 4.0], [1.0, 1.0])
    >>> found.statistic, found.between, found.shrunk
    (8.0, 7.0, (0.25, 3.75))
    """
    from scipy.special import chdtrc

    if not effects or not all(error > 0 for error in std_errors):
        raise DataError(f"{len(effects)} segments with errors {list(std_errors)!r}", hint="each error must be above 0")
    precisions = [1 / error**2 for error in std_errors]
    whole = sum(precisions)
    effect = sum(p * value for p, value in zip(precisions, effects, strict=True)) / whole
    statistic = sum(p * (value - effect) ** 2 for p, value in zip(precisions, effects, strict=True))
    df = len(effects) - 1
    scale = whole - sum(p * p for p in precisions) / whole
    between = max((statistic - df) / scale, 0.0) if df else 0.0
    kept = [between / (between + error**2) for error in std_errors]
    middle = sum(value / (between + e**2) for value, e in zip(effects, std_errors, strict=True)) / sum(
        1 / (between + e**2) for e in std_errors
    )
    of_middle = 1 / sum(1 / (between + e**2) for e in std_errors)
    return Heterogeneity(
        statistic=statistic,
        df=df,
        p_value=float(chdtrc(df, statistic)) if df else 1.0,
        between=between,
        effect=effect,
        shrunk=tuple(middle + k * (value - middle) for k, value in zip(kept, effects, strict=True)),
        shrunk_errors=tuple(
            math.sqrt(k * e**2 + (1 - k) ** 2 * of_middle) for k, e in zip(kept, std_errors, strict=True)
        ),
    )
