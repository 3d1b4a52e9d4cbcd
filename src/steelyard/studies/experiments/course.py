"""How an experiment came to its numbers, day by day: its effect and its split, with bounds that hold on all days."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from steelyard.stats.always_valid import over_looks
from steelyard.stats.moments import Moments, merged
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.studies.experiments.columns import above
from steelyard.studies.experiments.estimation import by_of, contrast, method_of, roles
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.exact_look import at_any_look, bounded, shares_seen
from steelyard.studies.experiments.guardrail_bounds import TUNED_FOR
from steelyard.studies.experiments.look_bounds import LookBounds
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.stage_comparison import pairs_of
from steelyard.studies.experiments.stage_information import information_of

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["COURSE", "SPLIT", "course_tables"]

COURSE, SPLIT = "course", "split_by_day"
MOST = 600
"""Days times strata that a metric is compared in: beyond, evenly spaced days stand for all, the last among them."""
Strata = dict[tuple[Any, ...], dict[str, Moments]]


def course_tables(study: Experiment, evidence: Evidence) -> dict[str, pa.Table]:
    """Each metric's effect and the split's evidence, of all units (or clusters) that came in until each day.

    Args:
        study: The experiment.
        evidence: What came back.

    Returns:
        `course`, with intervals that hold on all days at once, the first primary first, and `split_by_day`, whose
        p-values do; without days, or where stages had different splits, what cannot be said is left out. Quantiles have
        no course.

    Assumes: As `always_valid` and `sequential_ratio`. The intervals of an experiment that plans one look are shown so
        that nobody reads a fixed interval every day; they are wider than the one that decides. A cluster counts whole
        from the day of its first unit on. Strata and stages are compared within, of each day's units so far.
    """
    import pyarrow as pa

    found: dict[str, pa.Table] = {}
    if rows := list(_effects(study, evidence)):
        kinds: dict[str, pa.DataType] = dict.fromkeys(("metric", "role", "contrast", "scale"), pa.string())
        kinds = {"day": pa.date32(), **kinds, "n": pa.int64()}
        kinds |= dict.fromkeys(("value", "low", "high", "level"), pa.float64())
        found[COURSE] = pa.Table.from_pylist(rows, schema=pa.schema(kinds))
    if evidence.days and not evidence.splits:
        kinds = {"day": pa.date32(), "units": pa.int64(), "log10_evidence": pa.float64(), "p_value": pa.float64()}
        found[SPLIT] = pa.Table.from_pylist(list(_split(study, evidence)), schema=pa.schema(kinds))
    return found


def _effects(study: Experiment, evidence: Evidence) -> Iterator[dict[str, Any]]:
    days = _spaced(list(_so_far(evidence)))
    names = {
        name for _, strata in days[:1] for arms in strata.values() for group in arms.values() for name in group.names
    }
    for role, given, level in roles(study):
        use = evidence.resolved(given)
        if above(use.metric) not in names:
            continue
        for day, strata in days:
            for arm in study.treated:
                yield from _rows(study, evidence, use, role, level, day, strata, arm)


def _so_far(evidence: Evidence) -> Iterator[tuple[date, Strata]]:
    """Each day with the moments of all who had come in by then, by stratum and arm."""
    so_far: Strata = {}
    for day, strata in evidence.course.items():
        for stratum, arms in strata.items():
            known = so_far.setdefault(stratum, {})
            for arm, moments in arms.items():
                known[arm] = known[arm].merge(moments) if arm in known else moments
        yield day, {stratum: dict(so_far[stratum]) for stratum in sorted(so_far)}


def _spaced(days: list[tuple[date, Strata]]) -> list[tuple[date, Strata]]:
    strata = len(days[-1][1]) if days else 0
    return days[::-1][:: max(1, math.ceil(len(days) * strata / MOST))][::-1]


def _rows(
    study: Experiment, evidence: Evidence, use: MetricUse, role: str, level: float, day: date, strata: Strata, arm: str
) -> Iterator[dict[str, Any]]:
    """One day of one metric in one arm, on both scales."""
    pairs = pairs_of(strata, arm, study.control)
    if not pairs:
        return
    units = sum(treated.units + control.units for treated, control in pairs)
    treated, control = (merged(pair[place] for pair in pairs) for place in (0, 1))
    within = pairs if evidence.splits or study.strata else None
    made = method_of(use, treated, control, within, by_of(study, evidence))
    planned = evidence.looks.planned_units if evidence.looks else TUNED_FOR
    known = _known(study, evidence, strata, arm) if evidence.splits else units
    bounds = LookBounds.of(at_any_look(study), (known / planned,), level, last=False, over=False)
    shares = None if within else shares_seen(study, evidence, use, arm, treated, control)
    found = bounded(bounds, made, shares, level, -1 if use.better == "down" else 1, tested=False)
    for scale, interval in (("absolute", found.absolute), ("relative", found.relative)):
        if interval is None:
            continue
        low, high = (end if math.isfinite(end) else None for end in (interval.low, interval.high))
        yield {
            "day": day, "metric": use.metric, "role": role, "contrast": contrast(arm, study.control), "scale": scale,
            "n": units, "value": interval.value, "low": low, "high": high, "level": level,
        }  # fmt: skip


def _known(study: Experiment, evidence: Evidence, strata: Strata, arm: str) -> float:
    units: dict[int, int] = {}
    for (stage, *_), arms in strata.items():
        if arm in arms and study.control in arms:
            units[stage] = units.get(stage, 0) + arms[arm].units + arms[study.control].units
    return information_of(study, evidence.splits, units, arm)


def _split(study: Experiment, evidence: Evidence) -> Iterator[dict[str, Any]]:
    arms = (study.control, *study.treated)
    shares, counts, seen = [study.arms[arm] for arm in arms], [0] * len(arms), []
    for day, entered in sorted(evidence.days.items()):
        counts = [before + entered.get(arm, 0) for before, arm in zip(counts, arms, strict=True)]
        seen.append((day, sum(counts), sequential_ratio([counts], [shares])))
    least = over_looks(found.p_value for _, _, found in seen)
    for (day, units, found), p_value in zip(seen, least, strict=True):
        evidence_10 = found.log_evidence / math.log(10)
        yield {"day": day, "units": units, "log10_evidence": evidence_10, "p_value": p_value}
