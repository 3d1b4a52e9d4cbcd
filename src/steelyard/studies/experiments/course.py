"""How an experiment came to its numbers, day by day: its effect and its split, with bounds that hold on all days."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from steelyard.stats.always_valid import over_looks
from steelyard.stats.moments import Moments, merged
from steelyard.stats.sequential_ratio import sequential_ratio
from steelyard.studies.experiments.comparison import Comparison, compare, compare_within
from steelyard.studies.experiments.estimation import contrast
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.exact_look import at_any_look, bounded, shares_seen
from steelyard.studies.experiments.guardrail_bounds import TUNED_FOR
from steelyard.studies.experiments.look_bounds import LookBounds
from steelyard.studies.experiments.stage_comparison import pairs_of
from steelyard.studies.experiments.stage_information import information_of

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["COURSE", "SPLIT", "course_tables"]

COURSE, SPLIT = "course", "split_by_day"
Strata = dict[int, dict[str, Moments]]


def course_tables(study: Experiment, evidence: Evidence) -> dict[str, pa.Table]:
    """The first primary's effect and the split's evidence, of all units that came in until each day.

    Args:
        study: The experiment.
        evidence: What came back.

    Returns:
        `course`, with intervals that hold on all days at once, and `split_by_day`, whose p-values do; without days, or
        where stages had different splits, what cannot be said is left out.

    Assumes: As `always_valid` and `sequential_ratio`. The intervals of an experiment that plans one look are shown so
        that nobody reads a fixed interval every day; they are wider than the one that decides.
    """
    import pyarrow as pa

    found: dict[str, pa.Table] = {}
    if rows := list(_effects(study, evidence)):
        kinds: dict[str, pa.DataType] = {"day": pa.date32(), "metric": pa.string(), "contrast": pa.string()}
        kinds |= {"scale": pa.string(), "n": pa.int64()}
        kinds |= dict.fromkeys(("value", "low", "high", "level"), pa.float64())
        found[COURSE] = pa.Table.from_pylist(rows, schema=pa.schema(kinds))
    if evidence.days and not evidence.splits:
        kinds = {"day": pa.date32(), "units": pa.int64(), "log10_evidence": pa.float64(), "p_value": pa.float64()}
        found[SPLIT] = pa.Table.from_pylist(list(_split(study, evidence)), schema=pa.schema(kinds))
    return found


def _effects(study: Experiment, evidence: Evidence) -> Iterator[dict[str, Any]]:
    so_far: Strata = {}
    for day, strata in evidence.course.items():
        _add(so_far, strata)
        for arm in study.treated:
            yield from _row(study, evidence, so_far, day, arm)


def _add(so_far: Strata, strata: Mapping[int, Mapping[str, Moments]]) -> None:
    for stage, arms in strata.items():
        known = so_far.setdefault(stage, {})
        for arm, moments in arms.items():
            known[arm] = known[arm].merge(moments) if arm in known else moments


def _row(study: Experiment, evidence: Evidence, so_far: Strata, day: date, arm: str) -> Iterator[dict[str, Any]]:
    use = evidence.resolved(study.main)
    pairs = pairs_of(so_far, arm, study.control)
    units = sum(treated.rows + control.rows for treated, control in pairs)
    # Days are not cut by strata: a course that compared over them would differ from the result.
    if not pairs or study.strata:
        return

    whole = merged(pair[0] for pair in pairs), merged(pair[1] for pair in pairs)

    def made(level: float) -> Comparison:
        if evidence.splits:
            return compare_within(use, pairs, level, "stage")
        return compare(use, *whole, level)

    level, sign = study.primary_level, -1 if use.better == "down" else 1
    planned = evidence.looks.planned_units if evidence.looks else TUNED_FOR
    known = _known(study, evidence, so_far, arm) if evidence.splits else units
    bounds = LookBounds.of(at_any_look(study), (known / planned,), level, last=False, over=False)
    shares = None if evidence.splits else shares_seen(study, evidence, use, arm, *whole)
    found = bounded(bounds, made, shares, level, sign, tested=False)
    for scale, interval in (("absolute", found.absolute), ("relative", found.relative)):
        if interval is None:
            continue
        low, high = (end if math.isfinite(end) else None for end in (interval.low, interval.high))
        yield {
            "day": day, "metric": use.metric, "contrast": contrast(arm, study.control), "scale": scale, "n": units,
            "value": interval.value, "low": low, "high": high, "level": level,
        }  # fmt: skip


def _known(study: Experiment, evidence: Evidence, so_far: Strata, arm: str) -> float:
    both = {stage: arms for stage, arms in so_far.items() if arm in arms and study.control in arms}
    units = {stage: arms[arm].rows + arms[study.control].rows for stage, arms in both.items()}
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
