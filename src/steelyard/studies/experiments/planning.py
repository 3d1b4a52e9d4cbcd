"""The plan: what is compared, the rule, the SQL, and how many units and days it takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from steelyard.document import number_of
from steelyard.errors import DefinitionError, SteelyardError
from steelyard.studies.experiments.certificate import certificate_of
from steelyard.studies.experiments.cluster_plan import clusters_needed, clusters_planned, few_clusters
from steelyard.studies.experiments.design import Design, design_of
from steelyard.studies.experiments.design_table import design_chart, design_table
from steelyard.studies.experiments.enrolment import as_if_begun
from steelyard.studies.experiments.families import CORRECTIONS
from steelyard.studies.experiments.history import History, history_of
from steelyard.studies.experiments.hurdles import std_dev_of
from steelyard.studies.experiments.look_inflation import MOST, TAKEN, inflation_of_looks, looks_planned
from steelyard.studies.experiments.look_words import looks_in_words
from steelyard.studies.experiments.looks import unplanned_looks
from steelyard.studies.experiments.questions import first_questions
from steelyard.studies.experiments.rule import rule_of
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.study import Context, Plan

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.document import Chart
    from steelyard.result import Check
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["planned"]


def planned(study: Experiment, context: Context) -> Plan:
    """The plan of an experiment."""
    warnings: list[str] = []
    history = history_of(study, context)
    sized = _Sized(study, history, warnings)
    tables = dict(sized.tables)
    checks: tuple[Check, ...] = ()
    if context.replays:
        certificate = certificate_of(study, context, history)
        tables |= certificate.tables
        checks = certificate.checks
    return Plan(
        says=_says(study),
        rule=rule_of(study),
        queries=first_questions(study, as_if_begun(study, context)),
        sample=sized.facts,
        warnings=tuple(warnings),
        tables=tables,
        charts=sized.charts,
        checks=checks,
        unready=unplanned_looks(study, sized.facts),
    )


def _says(study: Experiment) -> str:
    secondary = number_of(len(study.secondary_uses), "secondary metric")
    guardrails = number_of(len(study.guardrail_uses), "guardrail")
    split = ", ".join(f"{arm} {study.arms[arm]:.4g}" for arm in (study.control, *study.treated))
    hashed = f"by hash of the {'cluster' if study.cluster else 'unit'}'s id"
    within = f"compared within {', '.join(study.strata)}; " if study.strata else ""
    segments = f"; segments by {', '.join(study.segments)}" if study.segments else ""
    made = hashed if not isinstance(study.assignment, Assignment) else "as another system wrote them"
    return (
        f"Compare {', '.join(map(repr, study.treated))} with {study.control!r} on "
        f"{', '.join(repr(use.metric) for use in study.primaries)}; "
        f"split {split}; assignments {made}; {within}{secondary}, "
        f"{guardrails}{segments}; intervals at {study.level * 100:.4g} %; {looks_in_words(study)}."
    )


class _Sized:
    """Facts, tables and charts of a design, with what is doubtful about it; empty where nothing is known."""

    def __init__(self, study: Experiment, history: History, warnings: list[str]) -> None:
        self.study = study
        self.facts: dict[str, Any] = {}
        self.tables: dict[str, pa.Table] = {}
        self.charts: tuple[Chart, ...] = ()
        try:
            design = design_of(study, history, inflation=inflation_of_looks(study))
            if design is None:
                warnings.append(
                    f"No baseline of {study.main.metric!r} is known, so the units needed are not: "
                    "give `baseline: {level: ..., std_dev: ...}`, or `between:` in a project that has a past."
                )
                return
            doubts = _doubts(design)
            self._fill(design)
            warnings += doubts
        except SteelyardError as error:
            warnings.append(f"{error.problem}: {error.hint}" if error.hint else error.problem)

    def _fill(self, design: Design) -> None:
        self.facts = _facts(design)
        self.tables = {"What each effect takes": design_table(design)}
        chart = design_chart(design)
        self.charts = (chart,) if chart is not None else ()


def _doubts(design: Design) -> list[str]:
    use, study = design.primary.use, design.study
    found: list[str] = []
    if use.expected_effect is None:
        found.append(f"No `expected_effect` of {use.metric!r} is given, so there is no size to plan for.")
    else:
        _refuse_within(design)
    found += [
        f"{point.use.metric!r} is taken to vary as a Poisson count does; most counts vary more: give `std_dev:`."
        for point in (design.primary, *design.others, *design.guardrails)
        if point.use.kind == "count" and point.baseline.std_dev is None
    ]
    found += _looks_taken(design)
    if len(study.primaries) > 1 and study.correction in CORRECTIONS:
        found.append(f"The plan is that of {use.metric!r} alone; another primary that is better ships as well.")
    if design.unplanned:
        found.append(
            f"No baseline of {', '.join(map(repr, design.unplanned))} or no expected effect is known: the chances "
            "given are those of the other clauses, and the whole rule's are lower."
        )
    if (design.others or design.guardrails) and design.correlation is None:
        found.append(
            "How the metrics move together is not known: the chances given hold whatever it is, at the most units."
        )
    found += few_clusters(design)
    if design.history.unexposed and use.baseline is None:
        found.append(
            "Nobody was exposed before the study, so that its past is that of all units: those who will be may differ."
        )
    if design.history.accrual is None:
        found.append("How many units come in a day is not known, so days are not: give `baseline: {daily: ...}`.")
    return found


def _looks_taken(design: Design) -> list[str]:
    """What was taken of looks whose number is not known, or too large to plan one by one."""
    if design.inflation == 1:
        return []
    looks = looks_planned(design.study)
    if looks is None:
        return [f"How many looks there will be is not known: {TAKEN} are taken. Give `looks: {{planned: ...}}`."]
    return (
        [f"Of {looks} looks, {MOST} are taken; more at the same rule take hardly more units."] if looks > MOST else []
    )


def _refuse_within(design: Design) -> None:
    """An expected effect that is no better than what the rule asks for finds no number of units."""
    use, level = design.primary.use, design.primary.baseline.level
    expected = use.expected_effect
    assert expected is not None  # noqa: S101 - asked for with one only
    least = use.min_effect
    gaps = [hurdle.gap for hurdle in design.hurdles(expected, 1.0) if hurdle.metric == use.metric]
    if min(gaps) <= 0:
        limit = "towards better" if least is None else f"beyond its min_effect, {least.on(abs(level)):.4g}"
        raise DefinitionError(
            f"the expected effect of {use.metric!r}, {design.primary.moved(expected) - level:.4g}, is not {limit}",
            where=f"{use.metric}.expected_effect",
            hint="expect more, or ask for less",
        )
    for point in design.guardrails:
        worst = [h.gap for h in design.hurdles(expected, 1.0) if h.metric == point.use.metric]
        if min(worst) <= 0:
            raise DefinitionError(
                f"the guardrail {point.use.metric!r} is expected to break its margin",
                where=f"{point.use.metric}.expected_effect",
                hint="expect less, or allow more",
            )


def _facts(design: Design) -> dict[str, Any]:
    """Units by arm, days and chances for the expected effect, and the smallest effect that shows."""
    study, point = design.study, design.primary
    facts: dict[str, Any] = {
        "baseline": point.baseline.level,
        "standard deviation": float(f"{std_dev_of(point.use, point.baseline):.10g}"),
        "level of the interval": round(study.primary_level, 6),
        "power": study.power,
    }
    if design.inflation != 1:
        facts["units, as a multiple of those of one look"] = round(design.inflation, 4)
    if point.use.covariates:
        facts["variance left by the covariate"] = 1 - point.baseline.correlation**2
    facts |= clusters_planned(point.baseline)
    if point.use.expected_effect is not None:
        facts |= _for_expected(design)
    if point.baseline.units is not None:
        smallest = design.smallest(point.baseline.units, whole_rule=False)
        facts["units to be had"] = point.baseline.units
        facts["smallest effect that shows"] = smallest if math.isfinite(smallest) else "none, however large"
        if point.baseline.level and math.isfinite(smallest):
            facts["smallest effect that shows, relative"] = smallest / abs(point.baseline.level)
    return facts


def _for_expected(design: Design) -> dict[str, Any]:
    point = design.primary
    expected = point.use.expected_effect
    assert expected is not None  # noqa: S101 - asked for with one only
    control = design.control_units(expected)
    if not math.isfinite(control):
        raise DefinitionError(
            f"the expected effect of {point.use.metric!r} is too near to what the rule asks for: no number of units "
            "finds it",
            where=f"{point.use.metric}.expected_effect",
            hint="expect more, or ask for less",
        )
    units = design.by_arm(control)
    whole = sum(units.values())
    facts: dict[str, Any] = {"expected effect": expected.says(point.use.shown_in)}
    facts |= {f"units needed in {arm}": n for arm, n in units.items()}
    facts |= clusters_needed(point.baseline, units)
    facts |= {"units needed": whole, "chance that the rule ships it": round(design.chance(expected, whole), 4)}
    accrual = design.history.accrual
    if accrual is not None and (days := accrual.days(whole)) is not None:
        facts |= {"days needed": days, "days, in whole weeks": accrual.whole_weeks(days)}
    return facts
