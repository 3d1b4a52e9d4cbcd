"""Checks of a comparison within strata: which units it leaves out, and whether the effect is alike in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.document import number_of
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.measured import Found, Measured
from steelyard.studies.experiments.stage_comparison import across_strata

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["strata_compared"]

LEFT_OUT_DOUBTS = 0.01
UNLIKE = 0.05


def strata_compared(study: Experiment, evidence: Evidence) -> Found:
    """Units of strata in which an arm has too few, by arm: the effect is that of the others."""
    use, within = evidence.resolved(study.main), evidence.within()
    for arm in study.treated if within else ():
        units = sum(arms[name].units for arms in within.values() for name in (arm, study.control) if name in arms)
        found = across_strata(use, within, arm, study.control)
        if found is None:
            both = f"{arm!r} and {study.control!r}"
            says = f"Nothing is compared: no stratum has units enough of {both}, or {use.metric!r} has gaps."
            yield Measured(holds=None, says=says)
            continue
        by = " and ".join([*(["stage"] if evidence.by_stage else []), *study.strata])
        unlike, left = found.p_value is not None and found.p_value < UNLIKE, found.left_out
        yield Measured(
            holds=not (left or unlike),
            severity="doubt" if left > LEFT_OUT_DOUBTS * units else "note",
            value=float(left),
            limit=0.0,
            says=f"{arm!r} is compared with {study.control!r} within "
            f"{number_of(found.used, 'stratum', 'strata')} (by {by}), weighted by their "
            f"units{f'; {left:,} of {units:,} units, of strata with too few in one arm, say nothing' if left else ''}; "
            f"{_alike(use.metric, found.p_value, unlike=unlike)}.",
        )


def _alike(metric: str, p_value: float | None, *, unlike: bool) -> str:
    if p_value is None:
        return f"whether the effect on {metric!r} is alike in them is not tested, since it is a quantile"
    return f"the effect on {metric!r} {'differs' if unlike else 'is alike'} between strata (p = {p_value:.2g})"
