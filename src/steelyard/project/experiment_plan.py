"""How an experiment was laid out, and whether units came in as it says: plan, assignment, split, exposure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from steelyard.document import Block, Cell, Column, Facts, Format, Paragraph, Section, Table, format_value
from steelyard.project.ramp_blocks import exposure_blocks, independence_block
from steelyard.result.charts import table_charts
from steelyard.result.check_blocks import SYMBOL

if TYPE_CHECKING:
    from steelyard.project.experiment_state import ExperimentState
    from steelyard.result import Check, Result
    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.experiments.metric_use import MetricUse

__all__ = ["assignment_blocks", "exposed_blocks", "planned_blocks", "split_blocks"]

IN_SHORT = (
    "units needed", "units needed before any is dropped", "clusters needed", "days needed", "days, in whole weeks",
    "smallest effect that shows", "smallest effect that shows, relative", "chance that the rule ships it", "power",
)  # fmt: skip
FRACTIONS = ("chance that the rule ships it", "power", "level of the interval")
OF_EXPOSURE = ("trigger_rate", "dilution", "exposed_after_assignment", "start_known", "windows_closed")


def planned_blocks(state: ExperimentState) -> list[Block]:
    """The plan in short, as it was registered: units, days, the effect that it counts on, and how far it is."""
    study, registration = state.study, state.registration
    facts: list[tuple[str, Cell]] = [("decides", " and ".join(_deciding(use) for use in study.primaries))]
    if study.between:
        facts.append(("days", f"{study.between[0]} to {study.between[1]}"))
    if registration is None:
        says = "It is not registered as it is now: no number of units was fixed beforehand."
        return [Facts(facts), Paragraph(says)]
    sample = registration.body["sample"]
    facts += [(label, _number(label, sample[label])) for label in IN_SHORT if label in sample]
    needed = sample.get("units needed")
    if needed and state.result is not None:
        seen = _units(state.result)
        facts.append(("units so far", f"{seen:,} ({seen / needed:.0%} of those needed)"))
    rest = [(label, _number(label, value)) for label, value in sample.items() if label not in IN_SHORT]
    more = [Section("What it rests on", [Paragraph(registration.body["says"]), Facts(rest)], open=False)]
    return [Facts(facts), *more]


def _deciding(use: MetricUse) -> str:
    said = []
    if use.min_effect is not None:
        said.append(f"must be above {use.min_effect.says(use.measured_in)}")
    if use.expected_effect is not None:
        said.append(f"{use.expected_effect.says(use.measured_in)} expected")
    return f"{use.metric}{' (' + ', '.join(said) + ')' if said else ''}"


def _number(label: str, value: Any) -> Cell:
    if isinstance(value, float) and (label in FRACTIONS or label.endswith("relative")):
        return format_value(value, Format.percent(1))
    return value if isinstance(value, str | int | float) or value is None else str(value)


def _units(result: Result) -> int:
    """Units of all arms that came in."""
    if "arms" not in result.tables:
        return max((row.n for row in result.estimates), default=0)
    return sum({row["arm"]: row["units"] for row in result.tables["arms"].to_pylist()}.values())


def assignment_blocks(state: ExperimentState) -> list[Block]:
    """Who was randomised, how, apart from whom; and whether the draw is independent of others."""
    study = state.study
    by = "Steelyard, by hash of the id" if study.assignment == "steelyard" else _elsewhere(study)
    facts: list[tuple[str, Cell]] = [
        ("unit", study.unit or "each row"),
        ("randomised", f"whole clusters: {study.cluster}" if study.cluster else "each unit by itself"),
        ("split", ", ".join(f"{arm} {share * 100:.4g} %" for arm, share in study.arms.items())),
        ("assigned by", by),
        *([("compared within", ", ".join(study.strata))] if study.strata else []),
        ("layer", study.layer or "none: units are shared with other experiments"),
        ("holdout", _holdout(study)),
    ]
    if study.interference:
        facts.append(("interference", study.interference))
    measured = [] if state.independence is None else [independence_block(state.independence)]
    return [Facts(facts), *measured]


def _elsewhere(study: Experiment) -> str:
    given = study.assignment
    if isinstance(given, str):
        return given
    where = f"table {given.table}" if given.table else "the unit table"
    return f"{given.system or 'another system'}, read from {where}"


def _holdout(study: Experiment) -> str:
    said = [
        f"{share * 100:.4g} % {words}"
        for share, words in (
            (study.holdout.everywhere, "of all units, kept out of every experiment"),
            (study.holdout.layer, "of the layer"),
        )
        if share
    ]
    return "; ".join(said) or "none"


def split_blocks(result: Result) -> list[Block]:
    """Units by arm beside those that the split lets expect, the checks of it, and its evidence day by day."""
    blocks: list[Block] = []
    if "arms" in result.tables:
        arms = {row["arm"]: row for row in result.tables["arms"].to_pylist()}
        whole = sum(row["units"] for row in arms.values())
        rows = [(arm, row["units"], row["share"] * whole, row["share"]) for arm, row in arms.items()]
        columns = [
            Column("arm"), Column("units", format=Format.integer(), align="right"),
            Column("expected", format=Format.integer(), align="right"),
            Column("share", "planned share", Format.percent(2), "right"),
        ]  # fmt: skip
        blocks.append(Table(columns, rows))
    blocks += _checked(check for check in result.checks if check.name.startswith("sample_ratio"))
    return [*blocks, *table_charts(result, "split_by_day")]


def exposed_blocks(state: ExperimentState) -> list[Block]:
    """With what a unit comes in, whether arms were exposed alike, and what the exposure log comes to."""
    exposure, blocks = state.study.exposure, list[Block]()
    if exposure is None:
        blocks.append(Paragraph("Every assigned unit counts: no event says who could see a difference."))
    else:
        where = f" where {exposure.where}" if exposure.where else ""
        blocks.append(Paragraph(f"A unit comes in with {exposure.event or exposure.table}{where}."))
    if state.result is not None:
        blocks += _checked(check for name in OF_EXPOSURE for check in state.result.checks if check.name == name)
    if state.exposures is not None and state.exposures.exposures:
        blocks.append(Section("Exposures logged", exposure_blocks(state.exposures), open=False))
    return blocks


def _checked(checks: Iterable[Check]) -> list[Block]:
    rows = [(SYMBOL[check.status], check.name.replace("_", " "), check.says) for check in checks]
    return [Table([Column("holds", ""), Column("check"), Column("says")], rows)] if rows else []
