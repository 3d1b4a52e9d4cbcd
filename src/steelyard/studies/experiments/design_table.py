"""The design as a table of effects, units and days, and as a picture of the smallest effect against days."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from steelyard.document import Event, Format, LineChart, Series, Threshold
from steelyard.studies.experiments.design import Design
from steelyard.studies.experiments.effect import Effect

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["design_chart", "design_table"]

AROUND = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
RELATIVE = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
LEAST_DAYS, MOST_DAYS = 14, 84


def _effects(design: Design) -> list[Effect]:
    """Sizes around the expected effect; without one, round shares of the level."""
    expected = design.primary.use.expected_effect
    if expected is None:
        return (
            [Effect(relative=design.primary.sign * share) for share in RELATIVE]
            if design.primary.baseline.level > 0
            else []
        )
    if expected.scale == "relative":
        return [Effect(relative=expected.size * factor) for factor in AROUND]
    return [Effect(absolute=expected.size * factor) for factor in AROUND]


def design_table(design: Design) -> pa.Table:
    """One row for each effect: what it takes to find it with the study's power, and the chances that this gives.

    Columns: `effect` in the primary's unit, `relative`, `units` by arm and in all, `days`, `chance_at_expected` (that
    the whole rule ships if the expected effect is true, with the units of the row), and, where a metric has a
    covariate, units and days without it. An effect within the least that matters takes more than any number: null.
    """
    import pyarrow as pa

    plain = design.without_covariate() if _has_covariate(design) else None
    rows = [row for effect in _effects(design) if (row := _row(design, plain, effect)) is not None]
    arms = (design.study.control, *design.study.treated)
    columns: dict[str, pa.DataType] = {"effect": pa.float64(), "relative": pa.float64()}
    columns |= {f"units in {arm}": pa.int64() for arm in arms}
    columns |= {"units": pa.int64(), "days": pa.int64(), "chance_at_expected": pa.float64()}
    if plain is not None:
        columns |= {"units_without_covariate": pa.int64(), "days_without_covariate": pa.int64()}
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _has_covariate(design: Design) -> bool:
    return any(point.use.covariates for point in (design.primary, *design.others, *design.guardrails))


def _row(design: Design, plain: Design | None, effect: Effect) -> dict[str, Any] | None:
    level = design.primary.baseline.level
    if design.primary.use.kind == "share" and not 0 < design.primary.moved(effect) < 1:
        return None
    units = _units(design, effect)
    expected = design.primary.use.expected_effect
    by_arm = units or dict.fromkeys((design.study.control, *design.study.treated))
    return {
        "effect": effect.on(level),
        "relative": effect.on(level) / level if level else None,
        **{f"units in {arm}": n for arm, n in by_arm.items()},
        "units": sum(units.values()) if units else None,
        "days": _days(design, units),
        "chance_at_expected": design.chance(expected, sum(units.values())) if units and expected else None,
        "units_without_covariate": sum(found.values()) if plain and (found := _units(plain, effect)) else None,
        "days_without_covariate": _days(plain, _units(plain, effect)) if plain else None,
    }


def _units(design: Design, effect: Effect) -> dict[str, int] | None:
    control = design.control_units(effect)
    return design.by_arm(control) if math.isfinite(control) else None


def _days(design: Design, units: dict[str, int] | None) -> int | None:
    accrual = design.history.accrual
    return accrual.days(sum(units.values())) if accrual is not None and units else None


def design_chart(design: Design) -> LineChart | None:
    """The smallest effect that the whole rule finds with the study's power, day by day; None without traffic."""
    accrual, point = design.history.accrual, design.primary
    if accrual is None:
        return None
    expected, level = point.use.expected_effect, point.baseline.level
    end = _days(design, _units(design, expected)) if expected is not None else None
    last = min(max(2 * (end or 0), LEAST_DAYS) + accrual.window, MOST_DAYS + accrual.window)
    days = list(range(accrual.window + 1, last + 1))
    relative = level > 0
    designs = {"smallest effect": design}
    if _has_covariate(design):
        designs = {"with covariate": design, "without": design.without_covariate()}
    lines = [
        Series(name, [_shown(one.smallest(accrual.units(day)), level if relative else 1.0) for day in days])
        for name, one in designs.items()
    ]
    return LineChart(
        title=f"Smallest effect on {point.use.metric!r} that ships with a chance of {design.study.power:.0%}",
        x=days,
        series=lines,
        format=Format.percent(2) if relative else Format.decimal(4),
        events=[Event(end, "expected effect")] if end is not None and end <= last else [],
        thresholds=[]
        if expected is None
        else [Threshold("expected", abs(point.moved(expected) - level) / (level if relative else 1.0))],
        zero=True,
        x_label="day",
        description="The smallest effect falls as units come in and their windows close.",
    )


def _shown(effect: float, unit: float) -> float | None:
    return effect / unit if math.isfinite(effect) else None
