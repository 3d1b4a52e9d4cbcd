"""A difference between two arms that never compares units of different strata, such as the stages of a ramp."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.stats.interval import Interval
from steelyard.stats.sample import Sample
from steelyard.stats.welch import degrees_of_freedom

__all__ = ["Stratified", "stratified_difference"]

Weights = Literal["population", "inverse_variance", "mantel_haenszel"]


@dataclass(frozen=True, kw_only=True)
class Stratified:
    """A difference over strata.

    Args:
        interval: The weighted difference `treated - control`.
        treated: The weighted mean of the treated arm with its error, as if of one sample: for a relative effect,
            `log_relative(treated, control)`.
        control: The same of the control.
        weights: The weight of each stratum that was used, in the order given; they add up to 1.
        used: Places of the strata that have two units or more in both arms.
        left_out: Units of both arms that stand in the other strata: they say nothing of the effect, and are counted.
        heterogeneity: Cochran's Q of the strata's differences.
        heterogeneity_p: Its upper tail; 1 with one stratum.
    """

    interval: Interval
    treated: Sample
    control: Sample
    weights: tuple[float, ...]
    used: tuple[int, ...]
    left_out: int
    heterogeneity: float
    heterogeneity_p: float


def stratified_difference(
    strata: Sequence[tuple[Sample, Sample]], level: float = 0.95, *, weights: Weights = "population"
) -> Stratified | None:
    """The difference of two arms, taken within each stratum and then weighted.

    Pooling instead compares mixtures: where an arm has a larger part of the stratum with the lower level, the pooled
    difference can have the other sign than every stratum's (Simpson's paradox).

    Args:
        strata: The treated and the control sample of each stratum, means about one origin for all.
        level: Confidence level, above 0 and below 1.
        weights: `population`: units of both arms, the effect on the units that took part; `inverse_variance`: the least
            error, the right one only where the effect is the same in all strata; `mantel_haenszel`: n1 n0 / (n1 + n0),
            nearly the least error and steady in small strata.

    Returns:
        The difference with a t interval whose degrees of freedom are Welch and Satterthwaite's over all samples; None
        where no stratum has two units or more in both arms.

    Raises:
        DefinitionError: Origins differ, or the weights are not known.

    Assumes: Within a stratum units were given to arms at random with constant chances; strata were fixed before the
        outcome. With `inverse_variance`, one effect in all strata.

    Source: Crook, Frasca, Kohavi and Longbotham (2009), Seven pitfalls to avoid when running controlled experiments on
        the web, KDD, section 5; Miratrix, Sekhon and Yu (2013), JRSS B 75 (post-stratification); Cochran (1954).

    >>> def share(x, n):
    ...     return Sample(n=n, mean=x / n, variance=x / n * (1 - x / n) * n / (n - 1))
    >>> friday, saturday = (share(230, 10_000), share(20_000, 990_000)), (share(6_000, 500_000), share(5_000, 500_000))
    >>> found = stratified_difference([friday, saturday])
    >>> round(found.interval.value, 6), round((230 + 6_000) / 510_000 - 25_000 / 1_490_000, 6)
    (0.002399, -0.004563)
    """
    _refuse_other_origins(strata)
    used = tuple(place for place, (treated, control) in enumerate(strata) if treated.usable and control.usable)
    if not used:
        return None
    pairs = [strata[place] for place in used]
    shares = _weights(pairs, weights)
    value = sum(weight * (t.mean - c.mean) for weight, (t, c) in zip(shares, pairs, strict=True))
    parts = [
        (weight**2 * sample.squared_error, sample.n - 1)
        for weight, pair in zip(shares, pairs, strict=True)
        for sample in pair
    ]
    statistic, p_value = _heterogeneity(pairs)
    left_out = sum(t.n + c.n for place, (t, c) in enumerate(strata) if place not in used)
    return Stratified(
        interval=_interval(value, parts, level, pairs),
        treated=_combined([t for t, _ in pairs], shares),
        control=_combined([c for _, c in pairs], shares),
        weights=shares,
        used=used,
        left_out=left_out,
        heterogeneity=statistic,
        heterogeneity_p=p_value,
    )


def _refuse_other_origins(strata: Sequence[tuple[Sample, Sample]]) -> None:
    origins = {sample.origin for pair in strata for sample in pair}
    if len(origins) > 1:
        raise DefinitionError(f"samples about the origins {sorted(origins)!r} cannot be compared", where="strata")


def _weights(pairs: Sequence[tuple[Sample, Sample]], weights: Weights) -> tuple[float, ...]:
    if weights == "population":
        raw = [float(t.n + c.n) for t, c in pairs]
    elif weights == "mantel_haenszel":
        raw = [t.n * c.n / (t.n + c.n) for t, c in pairs]
    elif weights == "inverse_variance":
        errors = [t.squared_error + c.squared_error for t, c in pairs]
        # A stratum without variance has all the weight; several share it.
        raw = [1 / error for error in errors] if all(errors) else [float(error == 0) for error in errors]
    else:
        raise DefinitionError(
            f"no weights {weights!r}", where="strata", hint="population, inverse_variance or mantel_haenszel"
        )
    whole = sum(raw)
    return tuple(item / whole for item in raw)


def _combined(samples: Sequence[Sample], shares: Sequence[float]) -> Sample:
    """The weighted mean of an arm over its strata, with the variance that gives its error."""
    n = sum(sample.n for sample in samples)
    squared = sum(share**2 * sample.squared_error for share, sample in zip(shares, samples, strict=True))
    mean = sum(share * sample.mean for share, sample in zip(shares, samples, strict=True))
    return Sample(n=n, mean=mean, variance=squared * n, origin=samples[0].origin)


def _interval(
    value: float, parts: Sequence[tuple[float, int]], level: float, pairs: Sequence[tuple[Sample, Sample]]
) -> Interval:
    from scipy.special import stdtr, stdtrit

    squared = sum(part for part, _ in parts)
    error = math.sqrt(squared)
    if len(pairs) == 1:
        df = degrees_of_freedom(*pairs[0])
    elif squared:
        df = 1 / sum((part / squared) ** 2 / free for part, free in parts)
    else:
        df = float(sum(free for _, free in parts))
    reach = float(stdtrit(df, (1 + level) / 2)) * error
    p_value = 2 * float(stdtr(df, -abs(value) / error)) if error else float(value == 0)
    return Interval(
        value=value, std_error=error, low=value - reach, high=value + reach, level=level, p_value=p_value, df=df
    )


def _heterogeneity(pairs: Sequence[tuple[Sample, Sample]]) -> tuple[float, float]:
    """Cochran's Q about the inverse-variance mean, and its upper tail; nothing can be said without variances."""
    from scipy.special import chdtrc

    errors = [t.squared_error + c.squared_error for t, c in pairs]
    if len(pairs) < 2 or not all(errors):
        return 0.0, 1.0
    gaps = [t.mean - c.mean for t, c in pairs]
    middle = sum(gap / error for gap, error in zip(gaps, errors, strict=True)) / sum(1 / error for error in errors)
    statistic = sum((gap - middle) ** 2 / error for gap, error in zip(gaps, errors, strict=True))
    return statistic, float(chdtrc(len(pairs) - 1, statistic))
