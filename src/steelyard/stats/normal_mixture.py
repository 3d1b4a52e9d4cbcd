"""The normal mixture: evidence against no effect that may be looked at whenever one likes."""

from __future__ import annotations

import math
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = ["Side", "best_ratio", "critical_value", "log_evidence"]

Side = Literal["both", "above"]


def log_evidence(z: float, ratio: float, side: Side = "both") -> float:
    """The logarithm of the likelihood of z, averaged over a normal law of effects, against that of no effect.

    It is an e-process: however often one looks, the chance that it ever passes `-log(alpha)` without an effect is at
    most alpha.

    Args:
        z: Estimate divided by its standard error.
        ratio: Variance of the law of effects divided by the squared standard error; it grows as the information does.
        side: `both` averages over a normal law about zero, `above` over its upper half: evidence that the effect is
            above zero, valid against every effect of zero or less.

    Assumes: Estimates have independent normal increments (in large samples, means of all units so far have them).

    Source: Robbins (1970), Annals of Mathematical Statistics 41; Howard, Ramdas, McAuliffe and Sekhon (2021), Annals of
        Statistics 49, propositions 5 and 6; compared with confseq. With `both` it is the mixture sequential probability
        ratio test of Johari, Koomen, Pekelis and Walsh (2022), Operations Research 70.

    >>> round(log_evidence(10 / math.sqrt(100), 100 / 12.6005), 3), round(log_evidence(3.0, 8.0), 3)
    (-0.651, 2.901)
    """
    if not ratio > 0:
        return 0.0
    share = ratio / (1 + ratio)
    both = -0.5 * math.log1p(ratio) + 0.5 * z * z * share
    if side == "both":
        return both
    from scipy.special import log_ndtr

    return math.log(2) + both + float(log_ndtr(z * math.sqrt(share)))


def critical_value(ratio: float, alpha: float = 0.05, side: Side = "both") -> float:
    """The z at which the evidence reaches 1 / alpha: the always-valid counterpart of 1.96.

    Args:
        ratio: As `log_evidence`; infinity comes out at 0, where nothing can be said.
        alpha: The chance of ever passing it without an effect.
        side: As `log_evidence`.

    Raises:
        DefinitionError: alpha is not between 0 and 1, or the ratio is below 0.

    >>> round(critical_value(7.936, 0.05), 4), round(critical_value(6.329, 0.05, "above"), 4)
    (3.0352, 2.7661)
    """
    if not 0 < alpha < 1 or not ratio >= 0:
        raise DefinitionError(
            f"alpha {alpha!r} with a variance ratio of {ratio!r}", hint="0 < alpha < 1, ratio 0 or more"
        )
    if ratio == 0:
        return math.inf
    target = -2 * math.log(alpha)
    both = math.sqrt((1 + ratio) / ratio * (math.log1p(ratio) + target))
    if side == "both":
        return both
    from scipy.optimize import brentq

    return float(
        brentq(lambda z: log_evidence(z, ratio, "above") - target / 2, -8.0, both + 1e-9, xtol=1e-13, rtol=1e-14)
    )


def best_ratio(alpha: float = 0.05, side: Side = "both") -> float:
    """The ratio at which the bound is narrowest, so that it can be placed at the sample size that one cares for.

    Args:
        alpha: As `critical_value`.
        side: With `above` it is that of both sides at twice alpha, as peers have it.

    Source: Howard et al. (2021), equation 3.14 (their approximation, which confseq, GrowthBook and Waudby-Smith et al.
        use; the bound at the exact minimum is shorter by less than a thousandth).

    >>> round(best_ratio(0.05), 5)
    7.93615
    """
    target = -2 * math.log(alpha if side == "both" else min(2 * alpha, 1.0))
    return target + math.log1p(target)
