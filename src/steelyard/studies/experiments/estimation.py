"""Every metric in every arm against control: the estimates, and the tables behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from steelyard.result import Estimate
from steelyard.stats.interval import Interval
from steelyard.stats.moments import Moments
from steelyard.studies.experiments.adjusting import arm_sample
from steelyard.studies.experiments.bootstrapping import compare_by_bootstrap, unequal
from steelyard.studies.experiments.cluster_table import clusters_table
from steelyard.studies.experiments.coefficients import coefficients_table
from steelyard.studies.experiments.comparison import NOTHING, Comparison, Pairs, compare, compare_within
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.exact_look import SharesSeen, bounded, shares_seen
from steelyard.studies.experiments.families import adjusted_primaries, families_table
from steelyard.studies.experiments.guardrail_bounds import guardrail_table
from steelyard.studies.experiments.interactions import interaction_tables
from steelyard.studies.experiments.look_findings import bounds_of, look_findings
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.posteriors import posterior_table
from steelyard.studies.experiments.quantile_comparison import compare_quantiles, quantiles_table
from steelyard.studies.experiments.stage_comparison import pairs_of, stages_table
from steelyard.studies.study import Findings

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Line", "by_of", "contrast", "find", "lines", "method_of", "roles"]

Role = Literal["primary", "secondary", "guardrail", "exploratory"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric of one arm against control.

    Args:
        use: The metric, resolved.
        role: What it is for.
        arm: The arm that is judged.
        segment: The part of the population.
        units: Units of both arms.
        level: Level of its intervals.
        found: Its numbers.
        at: Its numbers with intervals of another level.
        made: The same as if it were looked at once, from moments alone: it reaches any level.
        shares: The counts, where they are compared exactly at every look.
    """

    use: MetricUse
    role: Role
    arm: str
    segment: str
    units: int
    level: float
    found: Comparison
    at: Callable[[float], Comparison]
    made: Callable[[float], Comparison]
    shares: SharesSeen | None


def contrast(arm: str, control: str) -> str:
    """How a comparison is named.

    >>> contrast("one_page", "control")
    'one_page - control'
    """
    return f"{arm} - {control}"


def roles(study: Experiment) -> Iterator[tuple[Role, MetricUse, float]]:
    """Every metric with its role and the level of its intervals, primaries first."""
    yield from (("primary", use, study.primary_level) for use in study.primaries)
    yield from (("secondary", use, study.level) for use in study.secondary_uses)
    yield from (("guardrail", use, study.level) for use in study.guardrail_uses)


def lines(study: Experiment, evidence: Evidence) -> Iterator[Line]:
    """Every comparison that can be tried: of everybody first, then by segment, as exploration."""
    yield from _compared(study, evidence, evidence.arms, "all", evidence.within())
    for place, column in enumerate(evidence.segments):
        cells = evidence.segment(place)
        for value in sorted({value for value, _ in cells}):
            arms = {arm: moments for (segment, arm), moments in cells.items() if segment == value}
            yield from _compared(study, evidence, arms, f"{column} = {value}", evidence.within(place, value))


def _compared(
    study: Experiment,
    evidence: Evidence,
    arms: Mapping[str, Moments],
    segment: str,
    strata: Mapping[Any, Mapping[str, Moments]],
) -> Iterator[Line]:
    control, by = arms.get(study.control), by_of(study, evidence)
    for role, use, level in roles(study):
        resolved = evidence.resolved(use)
        for arm in study.treated:
            treated = arms.get(arm)
            everybody, shares = segment == "all", None
            made: Callable[[float], Comparison] = _nothing
            at: Callable[[float], Comparison] = _nothing
            if treated is not None and control is not None:
                pairs = pairs_of(strata, arm, study.control) if strata else None
                made = method_of(resolved, treated, control, pairs, by)
                if resolved.kind == "quantile":
                    made = _of_quantiles(resolved, evidence, arm, study.control, segment, by=by)
                best = _bootstrapped(study, evidence, use.metric, arm, made) if everybody else made
                shares = None if strata else shares_seen(study, evidence, resolved, arm, treated, control)
                at = partial(_looked, study, evidence, resolved, best, shares, arm=arm, tested=everybody)
            yield Line(
                use=resolved,
                role=role if everybody else "exploratory",
                arm=arm,
                segment=segment,
                units=sum(group.units for group in (treated, control) if group is not None),
                level=level,
                found=at(level),
                at=at,
                made=made,
                shares=shares,
            )


def _looked(
    study: Experiment,
    evidence: Evidence,
    use: MetricUse,
    made: Callable[[float], Comparison],
    shares: SharesSeen | None,
    level: float,
    *,
    arm: str,
    tested: bool,
) -> Comparison:
    """The comparison as one look, or as one of several."""
    bounds = bounds_of(study, evidence, arm, level)
    if bounds is None:
        return made(level)
    sign = -1 if use.better == "down" else 1
    return bounded(bounds, made, shares, level, sign, tested=tested)


def method_of(
    use: MetricUse, treated: Moments, control: Moments, strata: Pairs | None, by: str
) -> Callable[[float], Comparison]:
    """Makes the comparison at a level: within strata where there are any, else of all units."""
    if strata is None:
        return lambda level: compare(use, treated, control, level)
    return lambda level: compare_within(use, strata, level, by)


def _bootstrapped(
    study: Experiment, evidence: Evidence, metric: str, arm: str, plain: Callable[[float], Comparison]
) -> Callable[[float], Comparison]:
    """The bootstrap where its sums were asked for and the arms are unequal; else the comparison as it is."""
    one, other = (evidence.buckets.get((metric, name)) for name in (arm, study.control))
    if one is None or other is None or not unequal(study, arm):
        return plain
    return lambda level: compare_by_bootstrap(one, other, level) or plain(level)


def _of_quantiles(
    use: MetricUse, evidence: Evidence, arm: str, control: str, segment: str, *, by: str
) -> Callable[[float], Comparison]:
    treated = evidence.quantile(use.metric, arm, control, segment)
    other = evidence.quantile(use.metric, control, arm, segment)
    return lambda level: compare_quantiles(treated, other, level, by)


def _nothing(level: float) -> Comparison:
    return NOTHING


def by_of(study: Experiment, evidence: Evidence) -> str:
    """What comparisons are made within, in words."""
    return " and ".join([*(["stage"] if evidence.by_stage else []), *study.strata])


def find(study: Experiment, evidence: Evidence) -> Findings:
    """The estimates, their tables, and the facts that the rule needs."""
    found = list(lines(study, evidence))
    estimates = tuple(row for line in found for row in _rows(study, line))
    looked = look_findings(
        study, evidence, [line for line in found if line.role == "primary" and line.use.metric == study.main.metric]
    )
    return Findings(
        estimates=estimates,
        tables={
            "arms": _arms(study, evidence),
            "methods": _methods(study, found),
            "p_values": families_table(study, found, study.control),
            **coefficients_table(found, study.control),
            **guardrail_table(study, evidence, found),
            **interaction_tables(study, found, study.control),
            **posterior_table(study, evidence, found),
            **looked.tables,
            **stages_table(study, evidence),
            **quantiles_table(evidence),
            **clusters_table(study, evidence),
            **_more(evidence),
        },
        facts={
            "metrics": {
                use.metric: {"better": use.better, "measured_in": use.measured_in, "kind": use.kind}
                for use in (evidence.resolved(item) for item in study.uses)
            },
            "units": {arm: evidence.units(arm) for arm in study.arms},
            "adjusted": adjusted_primaries(study, found),
            **looked.facts,
        },
    )


def _more(evidence: Evidence) -> dict[str, pa.Table]:
    """Units by day, and what the largest hold, as far as they are known."""
    import pyarrow as pa

    days = [
        {"day": day, "arm": arm, "units": n} for day, arms in sorted(evidence.days.items()) for arm, n in arms.items()
    ]
    tails = [
        {"metric": tail.metric, "arm": arm, "above": tail.cut, "units": found.units, "share_of_metric": found.share}
        for tail in evidence.tails
        for arm, found in tail.arms.items()
    ]
    return {name: pa.Table.from_pylist(rows) for name, rows in (("entries", days), ("largest", tails)) if rows}


def _rows(study: Experiment, line: Line) -> Iterator[Estimate]:
    scales: tuple[tuple[Literal["absolute", "relative"], Interval | None, str], ...] = (
        ("absolute", line.found.absolute, line.use.measured_in),
        ("relative", line.found.relative, "fraction"),
    )
    for scale, interval, measured_in in scales:
        yield Estimate(
            metric=line.use.metric,
            role=line.role,
            contrast=contrast(line.arm, study.control),
            segment=line.segment,
            value=interval.value if interval else None,
            std_error=interval.std_error if interval and not math.isnan(interval.std_error) else None,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            level=line.level,
            p_value=interval.p_value if interval and not math.isnan(interval.p_value) else None,
            n=line.units,
            scale=scale,
            measured_in=measured_in,
        )


def _arms(study: Experiment, evidence: Evidence) -> pa.Table:
    """Units and levels by arm, before any covariate."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for arm in (study.control, *study.treated):
        for use in map(evidence.resolved, study.uses):
            moments = evidence.arms.get(arm)
            level, error = _level(use, evidence, arm)
            rows.append(
                {
                    "arm": arm,
                    "share": study.arms[arm],
                    "units": evidence.units(arm),
                    "analysed": moments.units if moments is not None else 0,
                    "metric": use.metric,
                    "level": level,
                    "std_error": error,
                    "measured_in": use.measured_in,
                }
            )
    columns: dict[str, pa.DataType] = {
        "arm": pa.string(),
        "share": pa.float64(),
        "units": pa.int64(),
        "analysed": pa.int64(),
        "metric": pa.string(),
        "level": pa.float64(),
        "std_error": pa.float64(),
        "measured_in": pa.string(),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _level(use: MetricUse, evidence: Evidence, arm: str) -> tuple[float | None, float | None]:
    """A metric's level in an arm, with its error."""
    if use.kind == "quantile":
        found = next((item.sample for item in evidence.quantiles_in(use.metric, arm)), None)
        error = found.std_error if found is not None else math.nan
        return (None if found is None else found.value), (None if math.isnan(error) else error)
    moments = evidence.arms.get(arm)
    sample = arm_sample(use, moments) if moments is not None else None
    return (sample.level, sample.squared_error**0.5) if sample else (None, None)


def _methods(study: Experiment, found: list[Line]) -> pa.Table:
    """How each comparison was made, and what its covariate took out."""
    import pyarrow as pa

    rows = [
        {
            "metric": line.use.metric,
            "contrast": contrast(line.arm, study.control),
            "kind": line.use.kind,
            "method": line.found.method,
            "theta": line.found.thetas[0] if len(line.found.thetas) == 1 else None,
            "variance_kept": line.found.kept,
        }
        for line in found
        if line.segment == "all"
    ]
    columns: dict[str, pa.DataType] = {
        "metric": pa.string(),
        "contrast": pa.string(),
        "kind": pa.string(),
        "method": pa.string(),
        "theta": pa.float64(),
        "variance_kept": pa.float64(),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))
