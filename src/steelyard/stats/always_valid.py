"""Intervals and p-values that hold at every moment, however often one looks and whenever one stops."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.stats.normal_mixture import Side, best_ratio, critical_value, log_evidence

__all__ = ["AlwaysValid", "always_valid", "always_valid_bounds", "over_looks", "ratio_for_effects", "ratio_for_units"]

Bound = Literal["both", "above", "below"]


@dataclass(frozen=True, kw_only=True)
class AlwaysValid:
    """What one look may say under a rule that allows any number of looks.

    Args:
        value: The estimate.
        low: Lower bound; minus infinity where only an upper one was asked for.
        high: Upper bound; infinity where only a lower one was asked for.
        level: The chance that the bounds of all looks hold the effect.
        p_value: One over the evidence of this look, at most 1; the least over the looks is valid at every moment.
        log_evidence: Logarithm of the evidence against the null value.
        width_ratio: Distance of the bounds as a multiple of that of a test with one look: what the adjustment costs.
    """

    value: float
    low: float
    high: float
    level: float
    p_value: float
    log_evidence: float
    width_ratio: float

    @property
    def units_ratio(self) -> float:
        """How many times the units of a test with one look it takes to have that test's width."""
        return self.width_ratio**2


def ratio_for_units(units: float, tuned_for: float, *, level: float = 0.95, bound: Bound = "both") -> float:
    """The mixture's variance ratio when the bounds are to be narrowest at `tuned_for` units.

    Args:
        units: Units so far, of all arms.
        tuned_for: Units at which the decision is expected, settled before the first look.
        level: Confidence level.
        bound: Which bounds there are.

    Raises:
        DefinitionError: Either number is not above 0.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Annals of Statistics 52, appendix B.2.

    >>> round(ratio_for_units(5_000, 5_000), 5)
    7.93615
    """
    if not (units > 0 and tuned_for > 0):
        raise DefinitionError(f"{units!r} units, tuned for {tuned_for!r}", hint="both must be above 0")
    return best_ratio(1 - level, _side(bound)) * units / tuned_for


def ratio_for_effects(std_error: float, std_dev_of_effects: float) -> float:
    """The mixture's variance ratio when effects of past experiments have this standard deviation (tau of the mSPRT).

    >>> ratio_for_effects(0.5, 1.0)
    4.0
    """
    return (std_dev_of_effects / std_error) ** 2 if std_error > 0 else math.inf


def always_valid(
    estimate: float,
    std_error: float,
    ratio: float,
    *,
    level: float = 0.95,
    bound: Bound = "both",
    null: float = 0.0,
) -> AlwaysValid:
    """The normal-mixture confidence sequence and e-value at one look.

    With `ratio_for_units` it is the asymptotic confidence sequence (the standard error estimated anew at each look, the
    mixture tuned by units); with `ratio_for_effects` it is the mixture sequential probability ratio test.

    Args:
        estimate: A difference of means, or anything with a normal error.
        std_error: Its standard error from all units so far; 0 gives bounds without width.
        ratio: Variance of the mixture divided by the squared standard error.
        level: Confidence level of all looks together.
        bound: `both`; `above` gives a lower bound and evidence for an effect above `null`; `below` the mirror image. A
            guardrail that must not fall by more than a margin asks `above` with `null` minus the margin.
        null: The value that the evidence speaks against.

    Returns:
        Unbounded and without evidence where the ratio is 0 or the standard error is not a number.

    Raises:
        DefinitionError: An unknown bound, or a level outside 0 to 1.

    Assumes: Independent units; enough of them at the first look that the estimated error is close to the true one (some
        hundreds an arm; more with heavy tails). The effect is the same throughout.

    Source: As `log_evidence`; Waudby-Smith et al. (2024), theorem 2.2; compared with GrowthBook and confseq. The
        one-sided form solves the half-normal mixture exactly; their closed form, which bounds it, is a little wider.

    >>> found = always_valid(1.0, 0.25, ratio_for_units(4_000, 5_000))
    >>> round(found.low, 4), round(found.high, 4), round(found.p_value, 4)
    (0.2399, 1.7601, 0.0027)
    """
    if bound not in {"both", "above", "below"}:
        raise DefinitionError(f"no bound {bound!r}", hint="both, above or below")
    from scipy.special import ndtri

    side, alpha = _side(bound), 1 - level
    fixed = -float(ndtri(alpha / 2 if side == "both" else alpha))
    if math.isnan(std_error) or not ratio > 0:
        return _unknown(estimate, level)
    critical = critical_value(ratio, alpha, side) if math.isfinite(ratio) else math.inf
    reach = critical * std_error if std_error > 0 else 0.0
    evidence = _evidence(estimate - null, std_error, ratio, bound)
    return AlwaysValid(
        value=estimate,
        low=-math.inf if bound == "below" else estimate - reach,
        high=math.inf if bound == "above" else estimate + reach,
        level=level,
        p_value=min(1.0, math.exp(-evidence)) if evidence > 0 else 1.0,
        log_evidence=evidence,
        width_ratio=critical / fixed,
    )


def _evidence(gap: float, std_error: float, ratio: float, bound: Bound) -> float:
    signed = -gap if bound == "below" else gap
    if std_error == 0:
        against = signed > 0 if bound != "both" else gap != 0
        return math.inf if against else 0.0
    return log_evidence(signed / std_error, ratio, _side(bound))


def _unknown(estimate: float, level: float) -> AlwaysValid:
    return AlwaysValid(
        value=estimate, low=-math.inf, high=math.inf, level=level, p_value=1.0, log_evidence=0.0, width_ratio=math.inf
    )


def _side(bound: Bound) -> Side:
    return "both" if bound == "both" else "above"


def over_looks(p_values: Iterable[float]) -> tuple[float, ...]:
    """The always-valid p-value at each look: the least so far.

    Source: Johari, Koomen, Pekelis and Walsh (2022), Operations Research 70, section 4.

    >>> over_looks([0.8, 0.03, 0.2])
    (0.8, 0.03, 0.03)
    """
    least, found = 1.0, []
    for p_value in p_values:
        least = min(least, p_value)
        found.append(least)
    return tuple(found)


def always_valid_bounds(
    fractions: Sequence[float], *, tuned_at: float = 1.0, level: float = 0.95, bound: Bound = "both"
) -> tuple[float, ...]:
    """The critical z at looks with these shares of the planned information, as `crossings` takes them.

    Args:
        fractions: Information at each look.
        tuned_at: The share at which the bounds are narrowest.
        level: Confidence level.
        bound: Which bounds there are.

    >>> [round(z, 3) for z in always_valid_bounds([0.25, 0.5, 1.0])]
    [3.264, 3.084, 3.035]
    """
    side = _side(bound)
    best = best_ratio(1 - level, side)
    return tuple(critical_value(best * fraction / tuned_at, 1 - level, side) for fraction in fractions)
