"""The rule of a causal study: written beforehand, then applied clause by clause."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from steelyard.result import Clause, Verdict
from steelyard.studies.study import Findings

if TYPE_CHECKING:
    from steelyard.stats.interval import Interval
    from steelyard.studies.causal.difference_in_differences import DifferenceInDifferences

__all__ = ["answer", "rule_of", "says_of"]

POWER_Z = 0.8416212335729143


def says_of(study: DifferenceInDifferences) -> str:
    """What is compared with what, in words."""
    who = (
        f"{study.treated.table or study.panel} where {study.treated.where}"
        if study.treated.where
        else study.treated.table
    )
    others = "everybody else" if study.controls is None else (study.controls.where or study.controls.table)
    window = f" between {study.between[0]} and {study.between[1]}" if study.between else ""
    return (
        f"Mean {study.outcome} a {study.unit} and {study.period}{window}: how much more it changed from before to "
        f"after {study.treated_from} for the treated ({who}) than for {others}."
    )


def rule_of(study: DifferenceInDifferences) -> str:
    """The rule in words."""
    side = "above" if study.better == "up" else "below"
    least = f"{study.min_effect:g}" if study.min_effect else "zero"
    sign = "" if study.better == "up" or not study.min_effect else "minus "
    return (
        f"Yes if the {study.level * 100:g} % interval of the difference-in-differences lies {side} {sign}{least}; "
        f"no if it lies on the other side of {sign}{least}; else unclear. Invalid if a blocking check does not hold; "
        f"at most unclear if the groups did not move alike before, a placebo date shows an effect, or one period "
        f"carries the sign."
    )


def answer(study: DifferenceInDifferences, findings: Findings) -> Verdict:
    """What the rule says of the findings."""
    rule = rule_of(study)
    if not findings.facts["usable"] or math.isnan(findings.facts["main"].std_error):
        says = "There is nothing to compare, or no error to judge it by."
        return Verdict(answer="unclear", says=says, rule=rule)
    main: Interval = findings.facts["main"]
    sign = 1.0 if study.better == "up" else -1.0
    low, high = sorted((sign * main.low, sign * main.high))
    beyond, short = low > study.min_effect, high < study.min_effect
    clauses = (
        Clause(name="better_than_needed", holds=beyond, says=f"lower bound {low:.4g} against {study.min_effect:g}"),
        Clause(name="worse_than_needed", holds=short, says=f"upper bound {high:.4g} against {study.min_effect:g}"),
    )
    unit = f"{study.measured_in} " if study.measured_in else ""
    number = f"{main.value:+.3g} [{main.low:.3g}, {main.high:.3g}] {unit}per {study.unit} and {study.period}"
    found = "yes" if beyond else "no" if short else "unclear"
    words = {
        "yes": f"The treated changed more for the better than the others: {number}.",
        "no": f"The treated did not change enough for the better: {number}.",
        "unclear": f"The interval holds both too little and enough: {number}.",
    }
    return Verdict(
        answer=found,  # type: ignore[arg-type]
        says=words[found],
        rule=rule,
        clauses=clauses,
        settle=(_holdout(study, findings),),
    )


def _holdout(study: DifferenceInDifferences, findings: Findings) -> str:
    from scipy.special import ndtri

    main: Interval = findings.facts["main"]
    effect = max(study.min_effect, abs(main.value))
    spread = findings.facts["unit_spread"]
    if not effect or not math.isfinite(spread) or spread == 0:
        return "A randomised holdout: leave a random share untreated next time."
    reach = float(ndtri(0.5 + study.level / 2)) + POWER_Z
    needed = math.ceil(2 * (reach * spread / effect) ** 2)
    return (
        f"A randomised holdout next time: {needed:,} units on each side would show a change of {effect:.3g} "
        f"with 80 % power, without assuming that the groups move alike."
    )
