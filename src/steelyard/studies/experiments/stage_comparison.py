"""Two arms within the stages of a ramp whose splits differ: pairs to compare, how alike they are, and their levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.stats.heterogeneity import heterogeneity
from steelyard.stats.moments import Moments
from steelyard.studies.experiments.adjusting import adjusted_levels, arm_sample
from steelyard.studies.experiments.comparison import Pairs
from steelyard.studies.experiments.metric_use import MetricUse

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.evidence import Evidence
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["AcrossStrata", "across_strata", "pairs_of", "stages_table"]


def pairs_of(strata: Mapping[Any, Mapping[str, Moments]], arm: str, control: str) -> Pairs:
    """The two arms in the strata that have both, in order."""
    return [(arms[arm], arms[control]) for arms in strata.values() if arm in arms and control in arms]


@dataclass(frozen=True, kw_only=True)
class AcrossStrata:
    """How much of a comparison within strata can be used, and whether the effect is alike in all.

    Args:
        used: Strata with units enough in both arms.
        left_out: Units of both arms that stand in others, and say nothing.
        p_value: Of one effect in all strata (Cochran's Q); 1 where that cannot be tested, None of a quantile, of which
            no effects by stratum are made.
    """

    used: int
    left_out: int
    p_value: float | None


def across_strata(
    use: MetricUse, strata: Mapping[Any, Mapping[str, Moments]], arm: str, control: str
) -> AcrossStrata | None:
    """How the comparison of two arms goes over strata; None where no stratum can be compared."""
    units = sum(arms[name].units for arms in strata.values() for name in (arm, control) if name in arms)
    pairs = pairs_of(strata, arm, control)
    rows = [sum(one.units for one in pair) for pair in pairs]
    if use.kind == "quantile":
        enough = [n for n, pair in zip(rows, pairs, strict=True) if min(one.units for one in pair) >= 2]
        return AcrossStrata(used=len(enough), left_out=units - sum(enough), p_value=None) if enough else None
    made = zip(adjusted_levels(use, pairs), rows, strict=True)
    used = [(found.levels.difference(), n) for found, n in made if found is not None]
    if not used:
        return None
    known = [gap for gap, _ in used if gap.std_error > 0]
    alike = heterogeneity([gap.value for gap in known], [gap.std_error for gap in known]) if known else None
    return AcrossStrata(
        used=len(used), left_out=units - sum(n for _, n in used), p_value=alike.p_value if alike else 1.0
    )


def stages_table(study: Experiment, evidence: Evidence) -> dict[str, pa.Table]:
    """The primary's level by stage and arm; nothing where all stages had one split."""
    import pyarrow as pa

    if not evidence.splits:
        return {}
    use = evidence.resolved(study.main)
    rows = []
    for stage, arms in evidence.strata().items():
        for arm in (study.control, *study.treated):
            sample = arm_sample(use, arms[arm]) if arm in arms and use.kind != "quantile" else None
            rows.append(
                {
                    "stage": stage,
                    "arm": arm,
                    "share": evidence.splits[stage].get(arm, 0.0),
                    "units": evidence.units_by_stage(stage, arm),
                    "analysed": arms[arm].units if arm in arms else 0,
                    "level": sample.level if sample else None,
                    "std_error": sample.squared_error**0.5 if sample else None,
                }
            )
    kinds: dict[str, pa.DataType] = {"stage": pa.int64(), "arm": pa.string(), "share": pa.float64()}
    kinds |= {"units": pa.int64(), "analysed": pa.int64(), "level": pa.float64(), "std_error": pa.float64()}
    return {"stages": pa.Table.from_pylist(rows, schema=pa.schema(kinds))}
