"""The rule, written beforehand: ship what is better, by enough, and harms no guardrail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steelyard.result import Clause, Estimate, Verdict
from steelyard.studies.experiments.effect import Effect
from steelyard.studies.experiments.estimation import contrast
from steelyard.studies.experiments.families import CORRECTIONS, DUNNETT
from steelyard.studies.experiments.look_words import cost_of_looking, has_ended, looks_rule, what_is_to_come
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.settling import what_would_settle
from steelyard.studies.study import Findings

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["ArmVerdict", "decide", "rule_of", "zero_clause"]


@dataclass(frozen=True, kw_only=True)
class ArmVerdict:
    """What the rule says of one arm.

    Args:
        arm: The arm.
        clauses: The rule, clause by clause.
        ships: Whether the rule holds: every clause, or, of several primaries, those of as many as it asks for.
        harmed: What it harms for sure: the primary, or guardrails beyond their margin.
        too_small: Whether even the better end of the primary's interval falls short of what matters.
        gain: The effect towards better on the primary that ships it, on its absolute scale; None where it was not
            computed.
        place: Which of the primaries that is; effects on different ones are not compared.
    """

    arm: str
    clauses: tuple[Clause, ...]
    ships: bool
    harmed: tuple[str, ...]
    too_small: bool
    gain: float | None
    place: int = 0


def rule_of(study: Experiment) -> str:
    """The rule in words; it depends on the definition alone."""
    several = len(study.treated) > 1
    parts = [_primaries(study)]
    parts += [
        f"the {_level(study)} interval of {use.metric!r} stays within {_margin(use)} of control on the worse side"
        for use in study.guardrail_uses
    ]
    on = " on the first of the primaries that any arm wins" if study.correction in CORRECTIONS else ""
    largest = f"the arm with the largest effect{on if len(study.primaries) > 1 else ''} among those of which"
    which = largest if several else "if"
    return (
        f"Ship {which} {'; and '.join(parts)}. Roll back if every arm is worse for sure: the primary's interval "
        "excludes zero on the worse side, or a guardrail's lies beyond its margin. Otherwise hold; the answer is no "
        "where even the better end of the primary's interval falls short of what matters, else unclear. A failed "
        "blocking check, the sample ratio among them, makes the answer invalid; a failed doubt, at most unclear."
        f"{looks_rule(study)}"
    )


def _level(study: Experiment) -> str:
    return f"{study.level * 100:.4g} %"


def _primaries(study: Experiment) -> str:
    """What the rule asks of the primaries."""
    each = [f"{_first_clause(study, use)}{_beyond(study, use)}" for use in study.primaries]
    if len(each) == 1:
        return each[0]
    if study.correction == "all":
        return "; and ".join(each)
    return f"{' or '.join(f'({one})' for one in each)}, while none of the primaries is worse for sure"


def _beyond(study: Experiment, use: MetricUse) -> str:
    if use.min_effect is None:
        return ""
    whose = study.correction.capitalize() if study.correction in ("sidak", DUNNETT) else "Bonferroni"
    level = f" (at level {study.primary_level:.4g}, {whose}'s over the {_tests(study)})" if study.family > 1 else ""
    return f"; and its interval{level} lies beyond {_size(use, use.min_effect)} towards better"


def _tests(study: Experiment) -> str:
    """The tests that share the error."""
    arms = len(study.treated)
    return "arms" if study.family == arms else "primaries" if arms == 1 else "primaries and arms"


def _first_clause(study: Experiment, use: MetricUse) -> str:
    if study.family == 1:
        return f"the {_level(study)} interval of {use.metric!r} excludes zero on the better side"
    method = (study.correction if study.correction in CORRECTIONS else "holm").capitalize()
    wants = ", which wants tests that depend positively," if method in ("Hochberg", "Hommel") else ""
    over = f"{study.family} {_tests(study)}" if study.family == len(study.treated) else f"{study.family} tests"
    return (
        f"the effect on {use.metric!r} is towards better and its p-value, adjusted over {over} "
        f"by {method}{wants or ','} is at most {1 - study.level:.4g}"
    )


def _held(study: Experiment) -> str:
    if study.correction in CORRECTIONS:
        return "a primary is better by the rule, none is worse for sure, and every guardrail holds"
    return "every clause of the rule holds"


def _margin(use: MetricUse) -> str:
    return _size(use, use.margin or Effect(absolute=0.0))


def _size(use: MetricUse, effect: Effect) -> str:
    return effect.says(use.shown_in).lstrip("+")


def decide(study: Experiment, findings: Findings) -> Verdict:
    """What the rule says of what was found; pure."""
    found = _decided(study, findings)
    look = findings.facts.get("look")
    if look is None:
        return found
    settle = what_is_to_come(look) if found.answer == "unclear" and not has_ended(look) else found.settle
    return replace(found, says=f"{found.says} {cost_of_looking(study, look)}", settle=settle)


def _decided(study: Experiment, findings: Findings) -> Verdict:
    arms = [_judge(study, findings, arm) for arm in study.treated]
    clauses = tuple(clause for arm in arms for clause in arm.clauses)
    settle = what_would_settle(study, findings)
    winners = sorted((arm for arm in arms if arm.ships), key=lambda arm: (arm.place, -(arm.gain or 0.0)))
    if winners:
        says = f"Ship {winners[0].arm!r}: {_held(study)}."
        return Verdict(answer="yes", action="ship", says=says, rule=rule_of(study), clauses=clauses)
    if all(arm.harmed for arm in arms):
        words = "; ".join(f"{arm.arm!r} is worse for sure on {', '.join(arm.harmed)}" for arm in arms)
        return Verdict(
            answer="no", action="rollback", says=f"Roll back: {words}.", rule=rule_of(study), clauses=clauses
        )
    if all(arm.harmed or arm.too_small for arm in arms):
        harmful = "".join(f" {arm.arm!r} is worse for sure on {', '.join(arm.harmed)}." for arm in arms if arm.harmed)
        rest = "" if not harmful else f" of {', '.join(repr(arm.arm) for arm in arms if not arm.harmed)}"
        says = f"Do not ship: the effect{rest}, if any, is smaller than what matters.{harmful}"
        return Verdict(answer="no", action="hold", says=says, rule=rule_of(study), clauses=clauses)
    failed = [clause for clause in clauses if not clause.holds]
    says = f"Hold: the rule is not met. {' '.join(clause.says for clause in failed)}"
    return Verdict(answer="unclear", action="hold", says=says, rule=rule_of(study), clauses=clauses, settle=settle)


def _judge(study: Experiment, findings: Findings, arm: str) -> ArmVerdict:
    prefix = f"{arm}: " if len(study.treated) > 1 else ""
    found = _Found(study, findings, arm)
    mains = [found.use(use) for use in study.primaries]
    by_main = [_of_primary(study, found, use) for use in mains]
    harmed = [repr(use.metric) for use in mains if found.significant(use, towards=-1)]
    worse = bool(harmed)
    clauses = [clause for own in by_main for clause in own]
    kept = True
    for use in map(found.use, study.guardrail_uses):
        clause, broken = _non_inferior(found, use)
        clauses.append(clause)
        kept = kept and bool(clause.holds)
        harmed += [repr(use.metric)] if broken else []
    won = [all(clause.holds for clause in own) for own in by_main]
    enough = any(won) and not worse if study.correction in CORRECTIONS else all(won)
    place = won.index(True) if any(won) else 0
    best = mains[place]
    row = found.row(best, "absolute")
    small = [_too_small(found, use) for use in mains]
    return ArmVerdict(
        arm=arm,
        clauses=tuple(replace(clause, name=prefix + clause.name, says=prefix + clause.says) for clause in clauses),
        ships=enough and kept,
        harmed=tuple(harmed),
        too_small=any(small) if study.correction == "all" else all(small),
        gain=None if row.value is None else _sign(best) * row.value,
        place=place,
    )


def _of_primary(study: Experiment, found: _Found, use: MetricUse) -> list[Clause]:
    """The clauses of one primary; of several, each says whose it is."""
    own = [_excludes_zero(found, use)]
    if use.min_effect is not None:
        own.append(_beats(found, use, use.min_effect))
    several = len(study.primaries) > 1
    return [replace(clause, name=f"{clause.name}_{use.metric}") for clause in own] if several else own


def zero_clause(study: Experiment, use: MetricUse, arm: str) -> str:
    """The name of the clause that a primary is better for sure, as a verdict has it."""
    prefix = f"{arm}: " if len(study.treated) > 1 else ""
    suffix = f"_{use.metric}" if len(study.primaries) > 1 else ""
    return f"{prefix}primary_excludes_zero{suffix}"


def _sign(use: MetricUse) -> int:
    return -1 if use.better == "down" else 1


class _Found:
    """The findings of one arm."""

    def __init__(self, study: Experiment, findings: Findings, arm: str) -> None:
        self.study, self.arm = study, arm
        self.several = study.family > 1
        self.adjusted: Mapping[str, Mapping[str, float]] = findings.facts["adjusted"]
        self.metrics: Mapping[str, Mapping[str, Any]] = findings.facts["metrics"]
        name = contrast(arm, study.control)
        self.rows: dict[tuple[str, str], Estimate] = {
            (row.metric, row.scale): row for row in findings.estimates if row.contrast == name and row.segment == "all"
        }

    def p_value(self, use: MetricUse) -> float | None:
        """The primary's p-value, adjusted over the tests that share the error; None where it was not tested."""
        return self.adjusted.get(use.metric, {}).get(self.arm)

    def use(self, use: MetricUse) -> MetricUse:
        """The metric, resolved as when the data was read."""
        return replace(use, **self.metrics[use.metric])

    def row(self, use: MetricUse, scale: str) -> Estimate:
        """The metric's estimate on a scale."""
        return self.rows[use.metric, scale]

    def bounds(self, use: MetricUse, scale: str) -> tuple[float | None, float | None]:
        """The interval's worse and better end, turned so that more is better."""
        row = self.row(use, scale)
        if row.value is None:
            return None, None
        if use.better != "down":
            return row.low, row.high
        return (None if row.high is None else -row.high, None if row.low is None else -row.low)

    def significant(self, use: MetricUse, *, towards: int) -> bool | None:
        """Whether the primary is told from zero on the better (1) or worse (-1) side; None if it was not tried."""
        row = self.row(use, "absolute")
        if row.value is None:
            return None
        if self.several:
            adjusted = self.p_value(use)
            found = adjusted is not None and adjusted <= 1 - self.study.level
            return found and towards * _sign(use) * row.value > 0
        worse, better = self.bounds(use, "absolute")
        return worse is not None and worse > 0 if towards > 0 else better is not None and better < 0


def _shown(row: Estimate) -> str:
    if row.value is None:
        return "was not computed"
    by, unit = 1, f" {row.measured_in}" if row.measured_in else ""
    if row.scale == "relative" or row.measured_in == "fraction":
        by, unit = 100, " %" if row.scale == "relative" else " pp"
    low = "-∞" if row.low is None else f"{row.low * by:+.4g}"
    high = "∞" if row.high is None else f"{row.high * by:+.4g}"
    return f"is {row.value * by:+.4g}{unit} ({low} to {high})"


def _excludes_zero(found: _Found, use: MetricUse) -> Clause:
    row = found.row(use, "absolute")
    holds = found.significant(use, towards=1)
    p_value = found.p_value(use)
    adjusted = f", adjusted p = {p_value:.3g}" if found.several and p_value is not None else ""
    words = "excludes zero towards better" if holds else "does not exclude zero towards better"
    return Clause(
        name="primary_excludes_zero",
        holds=holds,
        says=f"The effect on {use.metric!r} {_shown(row)}{adjusted}: it {words}.",
    )


def _beats(found: _Found, use: MetricUse, least: Effect) -> Clause:
    row = found.row(use, least.scale)
    worse, _ = found.bounds(use, least.scale)
    holds = None if row.value is None else worse is not None and worse > least.size
    size = _size(use, least)
    words = "lies" if holds else "does not lie"
    return Clause(
        name="primary_beats_min_effect",
        holds=holds,
        says=f"The effect on {use.metric!r} {_shown(row)}: the interval {words} beyond {size} towards better.",
    )


def _non_inferior(found: _Found, use: MetricUse) -> tuple[Clause, bool]:
    margin = use.margin or Effect(absolute=0.0)
    row = found.row(use, margin.scale)
    worse, better = found.bounds(use, margin.scale)
    holds = None if row.value is None else worse is not None and worse > -margin.size
    broken = better is not None and better < -margin.size
    words = "within" if holds else "beyond, for sure," if broken else "not surely within"
    clause = Clause(
        name=f"guardrail_{use.metric}",
        holds=holds,
        says=f"The guardrail {use.metric!r} {_shown(row)}: {words} the margin of {_margin(use)} for the worse.",
    )
    return clause, broken


def _too_small(found: _Found, use: MetricUse) -> bool:
    """Whether the better end of the interval falls short of the practical threshold, or of zero where there is none."""
    least = use.min_effect or Effect(absolute=0.0)
    _, better = found.bounds(use, least.scale)
    return better is not None and better < least.size
