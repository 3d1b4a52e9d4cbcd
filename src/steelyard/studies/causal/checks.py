"""Whether the panel is whole, and whether the groups moved alike before the treatment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from steelyard.result import Check
from steelyard.studies.study import Findings

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.stats.difference import Wald
    from steelyard.studies.causal.difference_in_differences import DifferenceInDifferences

__all__ = ["checks"]


def checks(study: DifferenceInDifferences, data: Mapping[str, pa.Table], findings: Findings) -> tuple[Check, ...]:
    """Every check of the study, the blocking ones first."""
    first: Any = study.between[0] if study.between else None
    paths = [row for row in data["paths"].to_pylist() if first is None or row["period"] >= first]
    found = [
        _two_groups(findings),
        _one_row_each(paths),
        _values_there(paths),
        _named(paths),
        _whole(paths, findings),
        _both_sides(findings),
    ]
    if findings.facts["usable"]:
        found += [*_parallel(study, findings), *_steady(findings), _alike(findings)]
    return tuple(found)


def _check(
    name: str, holds: bool, severity: str, says: str, value: float | None = None, limit: float | None = None
) -> Check:
    status = "passed" if holds else "failed"
    number = value if value is not None and math.isfinite(value) else None
    return Check(name=name, status=status, severity=severity, value=number, limit=limit, says=says)  # type: ignore[arg-type]


def _two_groups(findings: Findings) -> Check:
    treated, control = findings.facts["treated"], findings.facts["control"]
    least = min(treated, control)
    says = f"{treated:,} treated units and {control:,} controls."
    if least < 2:
        says += " An error needs at least two on each side."
    return _check("units_on_both_sides", least >= 2, "blocking", says, least, 2)


def _one_row_each(paths: list[dict[str, Any]]) -> Check:
    extra = sum(row["rows"] - row["units"] for row in paths)
    says = f"{extra:,} rows beyond one a unit and period." if extra else "One row a unit and period."
    return _check("one_row_a_unit_and_period", extra == 0, "blocking", says, extra, 0)


def _values_there(paths: list[dict[str, Any]]) -> Check:
    missing = {1: 0, 0: 0}
    nan = 0
    for row in paths:
        missing[row["treated"]] += row["rows"] - row["filled"]
        nan += row["mean"] is not None and not math.isfinite(row["mean"])
    total = sum(missing.values())
    says = f"The outcome is missing in {missing[1]:,} rows of the treated and {missing[0]:,} of the controls."
    if nan:
        says += f" It is not a finite number somewhere in {nan} group-periods."
    return _check("outcome_is_there", total == 0 and nan == 0, "blocking", says, float(total), 0)


def _named(paths: list[dict[str, Any]]) -> Check:
    nameless = max((row.get("nameless", 0) for row in paths), default=0)
    says = f"{nameless:,} rows do not say of which unit or period they are." if nameless else "Every row says its unit."
    return _check("rows_have_a_unit", nameless == 0, "blocking", says, nameless, 0)


def _whole(paths: list[dict[str, Any]], findings: Findings) -> Check:
    # Units of the whole panel, since each may lack another period: then every period has the same number.
    known = {0: findings.facts["control"], 1: findings.facts["treated"]}
    most = {group: max((known[group], *(row["units"] for row in paths if row["treated"] == group))) for group in (0, 1)}
    count = len({row["period"] for row in paths})
    seen = {group: sum(row["units"] for row in paths if row["treated"] == group) for group in (0, 1)}
    lacking = sum(most[group] * count - seen[group] for group in (0, 1))
    says = (
        f"Every unit is there in all {count} periods."
        if lacking == 0
        else f"{lacking:,} unit-periods are not there: the groups are not the same units throughout."
    )
    return _check("balanced_panel", lacking == 0, "blocking", says, lacking, 0)


def _both_sides(findings: Findings) -> Check:
    usable = findings.facts["usable"]
    before, after = findings.facts.get("periods", (0, 0))
    says = f"{before} periods before and {after} after." if usable else "There is no period before, or none after."
    return _check("before_and_after", usable, "blocking", says)


def _parallel(study: DifferenceInDifferences, findings: Findings) -> Iterator[Check]:
    leads: Wald = findings.facts["leads"]
    alpha = 1 - study.level
    if math.isnan(leads.p_value):
        says = "There are too few periods before, or too few units, to test whether the groups moved alike."
        yield Check(name="parallel_before", status="not_run", severity="doubt", says=says)
    else:
        holds = leads.p_value >= alpha
        verb = "could be" if holds else "are not"
        test = f"F({leads.df}, {leads.df_residual:.0f}) = {leads.statistic:.2f}, p = {leads.p_value:.2g}"
        says = f"The differences before the treatment {verb} all zero: {test}."
        yield _check("parallel_before", holds, "doubt", says, leads.p_value, alpha)
    placebos = findings.facts["placebos"]
    if placebos:
        yield _placebo(findings, placebos)


def _placebo(findings: Findings, placebos: list[tuple[Any, Any]]) -> Check:
    at, largest = max(placebos, key=lambda pair: abs(pair[1].value))
    false = [pair for pair in placebos if pair[1].low > 0 or pair[1].high < 0]
    main = findings.facts["main"]
    bounds = f"[{largest.low:.3g}, {largest.high:.3g}]"
    says = f"The largest placebo, at {at}, is {largest.value:+.3g} {bounds} beside an estimate of {main.value:+.3g}."
    if false:
        says += f" {len(false)} of {len(placebos)} dates on which nothing happened show an effect."
    ratio = abs(largest.value / main.value) if main.value else None
    return _check("placebo_date", not false, "doubt", says, ratio, 1.0)


def _steady(findings: Findings) -> Iterator[Check]:
    without = findings.facts["without_one"]
    if not without:
        return
    value = findings.facts["main"].value
    low, high = min(without.values()), max(without.values())
    flips = [period for period, other in without.items() if other * value < 0]
    says = f"Without any one period the estimate stays between {low:.3g} and {high:.3g}."
    if flips:
        says = (
            f"Without {', '.join(flips[:3])} the estimate changes its sign: it lies between {low:.3g} and {high:.3g}."
        )
    excludes = findings.facts["main"].low > 0 or findings.facts["main"].high < 0
    yield _check("leave_one_out", not (flips and excludes), "doubt", says, len(flips), 0)


def _alike(findings: Findings) -> Check:
    treated, control = findings.facts["means_before"]
    gap = findings.facts["gap_before"]
    says = f"Before the treatment the treated had {treated:.4g} and the controls {control:.4g} a period."
    if control and treated:
        says += f" That is {treated / control:.2f} times as much: the further apart, the less likely to move alike."
    return _check("alike_before", abs(gap) <= 0.25 * abs(control) if control else gap == 0, "note", says, gap)
