"""What one look may say of a comparison: exactly of shares where that is asked for, else by the bounds of its rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steelyard.stats.interval import Interval
from steelyard.stats.moments import Moments
from steelyard.stats.shares_sequence import SharesSequence, shares_sequence
from steelyard.studies.experiments.comparison import Comparison, as_counts
from steelyard.studies.experiments.look_bounds import LookBounds, at_look
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.shares import Counts, share_counts
from steelyard.studies.experiments.sources import EXACT, Stopping

if TYPE_CHECKING:
    from steelyard.studies.experiments.evidence import Evidence
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["SharesSeen", "at_any_look", "bounded", "shares_seen"]


@dataclass(frozen=True, kw_only=True)
class SharesSeen:
    """A share in two arms as an exact look needs it.

    Args:
        counts: Units that have it and units, of the treated arm and of control.
        tuned_for: Units of either that are planned, at which the bounds are narrowest.
    """

    counts: Counts
    tuned_for: tuple[float, float]


def shares_seen(
    study: Experiment, evidence: Evidence, use: MetricUse, arm: str, treated: Moments, control: Moments
) -> SharesSeen | None:
    """The counts with the units that are planned; None where nothing is to be exact, or no share is compared.

    Args:
        study: The experiment.
        evidence: What came back.
        use: The metric, resolved.
        arm: The arm that is compared with control.
        treated: Its moments.
        control: Control's.
    """
    if evidence.looks is None or EXACT not in study.stopping_rules or not as_counts(use, control):
        return None
    counts = share_counts(use, treated, control)
    if counts is None:
        return None
    planned = evidence.looks.planned_units
    return SharesSeen(counts=counts, tuned_for=(planned * study.arms[arm], planned * study.arms[study.control]))


def at_any_look(study: Experiment) -> Stopping:
    """The rule of bounds that are looked at whenever one likes, whatever the study's looks: of ramps and of charts."""
    rule = EXACT if EXACT in study.stopping_rules else "always_valid"
    return Stopping(success=rule, harm=rule)


def bounded(
    bounds: LookBounds,
    made: Callable[[float], Comparison],
    shares: SharesSeen | None,
    level: float,
    sign: int,
    *,
    tested: bool,
) -> Comparison:
    """A comparison with the intervals and p-values of a look.

    Args:
        bounds: The bounds of the look.
        made: Makes the comparison at a level.
        shares: The counts, where they are to be exact.
        level: The level of one look's interval.
        sign: 1 where more is better, -1 where less is.
        tested: Whether p-values are wanted; without, they are not a number.
    """
    found = at_look(bounds.in_large_samples(), made, level, sign, tested=tested)
    exact = [side for side in (bounds.success, bounds.harm) if side.rule == EXACT]
    if shares is None or not exact or found.absolute is None:
        return found
    region = shares_sequence(*shares.counts, shares.tuned_for, level=1 - exact[0].region_error)
    below, above = (bounds.success, bounds.harm) if sign > 0 else (bounds.harm, bounds.success)
    ends = below.rule == EXACT, above.rule == EXACT
    # An end alone has half of the error: evidence against both sides counts for it half.
    towards = bounds.success if sign * found.absolute.value > 0 else bounds.harm
    p_value = min(1.0, region.p_value * (1 if towards.shared else 2)) if towards.rule == EXACT else None
    return replace(
        found,
        absolute=_turned(found.absolute, region.low, region.high, ends, p_value if tested else None),
        relative=_relative(found.relative, region, ends, p_value if tested else None),
        method=_method(found, bounds, all(ends)),
    )


def _method(found: Comparison, bounds: LookBounds, wholly: bool) -> str:
    made = "beta mixtures of both shares" if wholly else found.method.split("; ", maxsplit=1)[0]
    return f"{made}; {bounds.in_words}"


def _relative(
    found: Interval | None, region: SharesSequence, ends: tuple[bool, bool], p_value: float | None
) -> Interval | None:
    return None if found is None else _turned(found, region.ratio_low - 1, region.ratio_high - 1, ends, p_value)


def _turned(found: Interval, low: float, high: float, ends: tuple[bool, bool], p_value: float | None) -> Interval:
    """The interval with the exact ends, and the exact p-value where that side is exact."""
    return replace(
        found,
        low=low if ends[0] else found.low,
        high=high if ends[1] else found.high,
        p_value=found.p_value if p_value is None else p_value,
    )
