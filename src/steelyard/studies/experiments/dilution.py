"""Units that were assigned and not exposed: the change cannot have reached them, so they may not differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from steelyard.studies.experiments.columns import above
from steelyard.studies.experiments.comparison import compare
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.measured import Found, Measured
from steelyard.studies.experiments.split_checks import RATIO_DOUBTS, RATIO_STOPS

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["diluted"]


def diluted(study: Experiment, evidence: Evidence) -> Found:
    """The effect over all assigned units is that on the exposed, thinned by their share: the others do not differ."""
    use = replace(evidence.resolved(study.main), covariate=None, adjustment="", prior=None)
    control = evidence.unexposed.get(study.control)
    for arm in study.treated:
        treated = evidence.unexposed.get(arm)
        if control is None or treated is None:
            continue
        found = compare(use, treated, control, study.level).absolute
        if found is None or not found.std_error > 0:
            continue
        failed, doubtful = found.p_value < RATIO_DOUBTS, RATIO_STOPS <= found.p_value < RATIO_DOUBTS
        whole = _whole(study, evidence, arm) if use.kind != "ratio" else ""
        yield Measured(
            holds=not failed,
            severity="doubt" if doubtful else "blocking",
            value=found.p_value,
            limit=RATIO_DOUBTS if doubtful else RATIO_STOPS,
            says=f"Assigned units that were not exposed {'differ' if failed else 'do not differ'} on {use.metric!r} "
            f"between {arm!r} and {study.control!r}: {found.value:+.4g} (standard error {found.std_error:.4g}, "
            f"p = {found.p_value:.2g}){whole}."
            f"{' The change reaches units that the exposure misses: analyse all assigned ones.' if failed else ''}",
        )


def _whole(study: Experiment, evidence: Evidence, arm: str) -> str:
    """Both sides of the identity: what is seen over all, and the effect on the exposed times their share."""
    name = above(study.main.metric)
    found = [_levels(evidence, each, name) for each in (arm, study.control)]
    if None in found:
        return ""
    (t_all, t_in, t_share), (c_all, c_in, c_share) = [one for one in found if one is not None]
    share = (t_share + c_share) / 2
    return (
        f"; over all assigned units the difference is {t_all - c_all:+.4g}, and that of the exposed, "
        f"{t_in - c_in:+.4g}, times their share of {share:.1%} is {(t_in - c_in) * share:+.4g}"
    )


def _levels(evidence: Evidence, arm: str, name: str) -> tuple[float, float, float] | None:
    inside, outside = evidence.arms.get(arm), evidence.unexposed.get(arm)
    if inside is None or outside is None:
        return None
    share = inside.rows / (inside.rows + outside.rows)
    return share * inside.mean(name) + (1 - share) * outside.mean(name), inside.mean(name), share
