"""Whether an effect differs between segments, and what is left of each when chance is taken out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import DataError

__all__ = ["Heterogeneity", "heterogeneity"]


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
