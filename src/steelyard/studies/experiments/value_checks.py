"""Whether the metrics' values can carry what is said of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from steelyard.studies.experiments.adjusting import arm_sample
from steelyard.studies.experiments.columns import above, below, columns_in
from steelyard.studies.experiments.comparison import compare
from steelyard.studies.experiments.estimation import contrast
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.measured import Found, Measured
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.shares import is_binary

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "denominators_known",
    "denominators_positive",
    "enough_units",
    "outliers",
    "quantiles_bounded",
    "relative_scale",
    "shares_are_binary",
    "values_present",
    "values_vary",
    "winsorised",
]

FEWEST_UNITS = 30
FEWEST_FOR_A_COVARIATE = 20
"""More units of an arm for each covariate: with fewer, A/A tests of CUPED at 5 % reject 6 % and more."""
FEWEST_OF_A_KIND = 5
LARGEST_DENOMINATOR_ERROR = 0.1
LARGE_TAIL = 0.2
DECISIVE_TAIL = 0.5


def values_present(study: Experiment, evidence: Evidence) -> Found:
    """NULL, NaN and infinite values, by arm."""
    bad = _missing(study, evidence)
    yield Measured(
        holds=not bad,
        value=float(len(bad)),
        limit=0.0,
        says=f"Values cannot be used: {'; '.join(bad)}. Nothing is estimated from a column with gaps, since who has a "
        "value may depend on the arm: fill them where the meaning is known (0 for no purchase), or take another."
        if bad
        else "Every unit has a finite value of every metric and covariate.",
    )


def _missing(study: Experiment, evidence: Evidence) -> list[str]:
    found: list[str] = []
    for row in evidence.unusable:
        places = [key.removeprefix("value_") for key in row if key.startswith("value_")]
        for place in places:
            nulls, strange = int(row[f"null_{place}"] or 0), int(row[f"not_finite_{place}"] or 0)
            if nulls or strange:
                found.append(f"{row[f'value_{place}']!r} in {row['arm']!r}: {_unusable(nulls, strange, row['n'])}")
    for (metric, segment, arm, _), item in evidence.quantiles.items():
        gaps, strange = item.values.rows - item.values.values, item.values.not_finite
        if segment == "all" and not item.values.usable:
            what = f"{'rows of ' if item.of_rows else ''}{metric!r} in {arm!r}"
            found.append(f"{what}: {_unusable(gaps, strange, item.values.rows)}")
    if found:
        return sorted(set(found))
    return [
        f"{name!r} in {arm!r}: sums are not finite (values too large to be squared)"
        for arm, moments in evidence.arms.items()
        for use in study.uses
        for name in columns_in(use.metric, moments.names)
        if moments.rows and not math.isfinite(float(moments.cross[moments.place(name), moments.place(name)]))
    ]


def _unusable(nulls: int, strange: int, rows: int) -> str:
    parts = [f"{nulls:,} NULL" if nulls else "", f"{strange:,} NaN or infinite" if strange else ""]
    return f"{' and '.join(part for part in parts if part)} of {rows:,}"


def shares_are_binary(study: Experiment, evidence: Evidence) -> Found:
    """Shares with values other than 0 and 1."""
    for use in map(evidence.resolved, study.uses):
        if use.kind != "share":
            continue
        column = above(use.metric)
        usable = {arm: group for arm, group in evidence.arms.items() if math.isfinite(group.offset_of(column))}
        other = sorted(arm for arm, group in usable.items() if not is_binary(group, column))
        if other:
            yield Measured(
                holds=False,
                says=f"{use.metric!r} is used as a share and has values other than 0 and 1 in "
                f"{', '.join(map(repr, other))}: use `kind: mean`, or a column of 0 and 1.",
            )


def _denominators(study: Experiment, evidence: Evidence) -> list[tuple[MetricUse, str, float, float]]:
    """Each ratio in each arm that can be computed, with its denominator's mean and error."""
    found: list[tuple[MetricUse, str, float, float]] = []
    for use in map(evidence.resolved, study.uses):
        for arm in (study.control, *study.treated) if use.kind == "ratio" else ():
            moments = evidence.arms.get(arm)
            if moments is not None and moments.rows >= 2 and math.isfinite(moments.mean(below(use.metric))):
                error = math.sqrt(moments.variance(below(use.metric)) / moments.rows)
                found.append((use, arm, moments.mean(below(use.metric)), error))
    return found


def denominators_positive(study: Experiment, evidence: Evidence) -> Found:
    """Ratios over nothing, or over a negative."""
    for use, arm, mean, _ in _denominators(study, evidence):
        if mean <= 0:
            yield Measured(
                holds=False,
                value=mean,
                limit=0.0,
                says=f"The denominator of {use.metric!r} has a mean of {mean:.4g} in {arm!r}: "
                "a ratio over nothing, or over a negative, is no number.",
            )


def denominators_known(study: Experiment, evidence: Evidence) -> Found:
    """Ratios whose denominators are not known well enough for the delta method."""
    for use, arm, mean, error in _denominators(study, evidence):
        if mean > 0 and error > LARGEST_DENOMINATOR_ERROR * mean:
            yield Measured(
                holds=False,
                value=error / mean,
                limit=LARGEST_DENOMINATOR_ERROR,
                says=f"The denominator of {use.metric!r} is known only to {error / mean:.0%} in {arm!r}: "
                "the delta method leans on more units than there are.",
            )


def enough_units(study: Experiment, evidence: Evidence) -> Found:
    """Units by arm, and those of the rarer kind of a share; shares that are compared as counts need neither."""
    few: list[str] = []
    whole = not (study.strata or evidence.splits or study.cluster)
    uses = [
        use for use in map(evidence.resolved, study.uses) if not (whole and use.kind == "share" and not use.covariates)
    ]
    for arm in (study.control, *study.treated):
        moments = evidence.arms.get(arm)
        if moments is None:
            continue
        if uses and moments.units < FEWEST_UNITS:
            few.append(f"{arm!r} has {moments.units:,} units")
        few += _few_for_covariates(study, evidence, arm)
        for use in uses:
            if use.kind == "share" and math.isfinite(moments.offset_of(above(use.metric))):
                ones = round(moments.mean(above(use.metric)) * moments.units)
                least = min(ones, moments.units - ones)
                if least < FEWEST_OF_A_KIND:
                    few.append(f"{use.metric!r} is rare in {arm!r}: {least} of {moments.units:,} differ from the rest")
    yield Measured(
        holds=not few,
        limit=float(FEWEST_UNITS),
        says=f"Too few for the methods used: {'; '.join(few)}." if few else "There are units enough for these methods.",
    )


def _few_for_covariates(study: Experiment, evidence: Evidence, arm: str) -> Iterator[str]:
    """Metrics whose covariates' coefficients are fitted to few units of an arm; Lin's, to those of a stratum."""
    whole = evidence.randomised(arm) if study.cluster else evidence.arms[arm].units
    strata = [arms[arm].rows for arms in evidence.within().values() if arm in arms]
    for use in study.uses:
        k, what = len(use.covariates), "clusters" if study.cluster else "units"
        units = min([whole, *strata]) if use.adjustment == "lin" else whole
        if k and whole >= FEWEST_UNITS and units < FEWEST_UNITS + k * FEWEST_FOR_A_COVARIATE:
            yield (
                f"{use.metric!r} has {k} {'covariate' if k == 1 else 'covariates'} and {units:,} {what} in {arm!r}"
                + (" of a stratum" if units < whole else "")
            )


def values_vary(study: Experiment, evidence: Evidence) -> Found:
    """Metrics that are the same in every unit."""
    still: list[str] = []
    for use in map(evidence.resolved, study.uses):
        if use.kind in ("share", "quantile"):
            continue
        samples = [arm_sample(use, evidence.arms[arm]) for arm in study.arms if arm in evidence.arms]
        known = [sample for sample in samples if sample is not None]
        if len(known) > 1 and all(sample.variance == 0 for sample in known):
            still.append(repr(use.metric))
    if still:
        yield Measured(
            holds=False,
            says=f"{', '.join(still)} has one and the same value in every unit: nothing here tells its error.",
        )


def relative_scale(study: Experiment, evidence: Evidence) -> Found:
    """Levels that are not positive: a share of nothing is no number."""
    for use in map(evidence.resolved, study.uses):
        wanted = [effect for effect in (use.min_effect, use.margin) if effect and effect.scale == "relative"]
        for arm in (study.control, *study.treated):
            level = _least_level(use, evidence, arm)
            # A share of 0 in a treated arm is a relative effect of -100 %.
            none = use.kind == "share" and arm != study.control and not use.covariates
            if level is not None and level <= 0 and not none:
                yield Measured(
                    holds=False,
                    severity="doubt" if wanted else "note",
                    value=level,
                    limit=0.0,
                    says=f"{use.metric!r} {'may be' if use.kind == 'quantile' else 'is'} {level:.4g} in {arm!r}: "
                    "no relative effect of it is given"
                    f"{', and its relative threshold decides nothing: state it as absolute' if wanted else ''}.",
                )


def _least_level(use: MetricUse, evidence: Evidence, arm: str) -> float | None:
    """The level that a logarithm is taken of; of a quantile, the lower of the values that bound it."""
    if use.kind == "quantile":
        found = [item.sample.low for item in evidence.quantiles_in(use.metric, arm) if item.sample]
        return min(found, default=None)
    sample = arm_sample(use, evidence.arms[arm]) if arm in evidence.arms else None
    return None if sample is None else sample.level


def quantiles_bounded(study: Experiment, evidence: Evidence) -> Found:
    """Quantiles with too few values beyond them, or whose bounds are ties: their error is not known."""
    wanted = [use.metric for use in map(evidence.resolved, study.uses) if use.kind == "quantile"]
    trouble: list[str] = []
    for metric in wanted:
        for arm in (study.control, *study.treated):
            trouble += _unbounded(metric, arm, evidence)
    if wanted and evidence.quantiles:
        yield Measured(
            holds=not trouble,
            value=float(len(trouble)),
            limit=0.0,
            says=f"The error of a quantile is not known: {'; '.join(trouble)}. Take another quantile, or the share of "
            "units above a limit."
            if trouble
            else "Every quantile has values enough on both sides, and is not among equal ones.",
        )


def _unbounded(metric: str, arm: str, evidence: Evidence) -> Iterator[str]:
    for item in evidence.quantiles_in(metric, arm):
        found = item.sample
        if item.values.usable and (found is None or math.isnan(found.std_error)):
            yield f"{metric!r} in {arm!r} has too few values beyond it ({item.values.values:,} in all)"
        elif found is not None and found.value in (found.low, found.high):
            yield f"{metric!r} in {arm!r} lies among equal values ({found.value:.6g})"


def outliers(study: Experiment, evidence: Evidence) -> Found:
    """What the largest 0.1 % of units hold by arm, and whether the difference is theirs: bots, or a few customers."""
    for tail in evidence.tails:
        shares = {arm: found.share for arm, found in tail.arms.items()}
        shown = ", ".join(f"{arm!r} {share:.1%} ({tail.arms[arm].units:,} units)" for arm, share in shares.items())
        where = f"above {tail.cut:.4g}, the largest 0.1 % of {tail.metric!r}: {shown}"
        decided = [arm for arm in study.treated if _decides(study, evidence, tail.metric, arm) > DECISIVE_TAIL]
        if decided:
            names = ", ".join(contrast(arm, study.control) for arm in decided)
            says = (
                f"More than half of the difference {names} lies {where}. Look at these units, or winsorise the metric."
            )
            yield Measured(holds=False, severity="doubt", value=max(shares.values()), limit=DECISIVE_TAIL, says=says)
        else:
            large = max(shares.values(), default=0.0) > LARGE_TAIL
            advice = ". A few units make the metric noisy: winsorising would help" if large else ""
            yield Measured(
                holds=not large, value=max(shares.values(), default=0.0), limit=LARGE_TAIL,
                says=f"Shares {where}{advice}.",
            )  # fmt: skip


def winsorised(study: Experiment, evidence: Evidence) -> Found:
    """Units whose values were cut off, by arm."""
    for place, (metric, cap) in enumerate(evidence.caps.items()):
        by_arm = {row["arm"]: (int(row[f"beyond_{place}"] or 0), row["n"]) for row in evidence.beyond}
        shown = ", ".join(f"{arm!r} {count:,} of {n:,}" for arm, (count, n) in by_arm.items())
        yield Measured(
            holds=True, value=cap,
            says=f"Values of {metric!r} above {cap:.6g} count as {cap:.6g}, as was said beforehand: {shown}.",
        )  # fmt: skip


def _decides(study: Experiment, evidence: Evidence, metric: str, arm: str) -> float:
    """The part of a difference that is told from zero which lies beyond the cut; 0 where nothing is told."""
    tail = next(found for found in evidence.tails if found.metric == metric)
    use = evidence.resolved(next(found for found in study.uses if found.metric == metric))
    treated, control = evidence.arms.get(arm), evidence.arms.get(study.control)
    if treated is None or control is None or not {arm, study.control} <= set(tail.arms):
        return 0.0
    found = compare(use, treated, control, study.level).absolute
    if found is None or found.low <= 0 <= found.high:
        return 0.0
    beyond = tail.arms[arm].excess - tail.arms[study.control].excess
    whole = treated.mean(above(metric)) - control.mean(above(metric))
    return beyond / whole if whole else 0.0
