"""What the words of an experiment can say and no method here carries out yet: refused, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.families import DUNNETT
from steelyard.studies.experiments.sources import EXACT, Assignment, Holdout

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["refuse_what_is_not_offered"]


def _layer(study: Experiment) -> str:
    if not study.layer or not isinstance(study.assignment, Assignment):
        return ""
    return f"the layer {study.layer!r}, and another system assigned: nothing here keeps its experiments apart"


def _holdout(study: Experiment) -> str:
    if study.holdout == Holdout():
        return ""
    if isinstance(study.assignment, Assignment):
        return "a holdout, and another system assigned: nothing here holds units out"
    if study.holdout.layer and not study.layer:
        return f"a layer's holdout of {study.holdout.layer:.4g}, and names no layer"
    return ""


def _has_own_splits(study: Experiment) -> bool:
    """Whether a stage of the ramp has another split than the study."""
    return any(
        abs(stage.arms.get(arm, 0.0) - share) > 1e-9 for stage in study.stages for arm, share in study.arms.items()
    )


def _cluster(study: Experiment) -> str:
    if not study.cluster:
        return ""
    priors = [use.metric for use in study.uses if use.prior and use.prior.shapes]
    quantiles = [use.metric for use in study.uses if use.kind == "quantile"]
    if priors:
        return f"the cluster {study.cluster!r} and a beta prior of {priors[0]!r}, whose counts are not independent"
    if quantiles and (study.strata or _has_own_splits(study)):
        return (
            f"the cluster {study.cluster!r} and the quantile {quantiles[0]!r} within strata or stages with splits of "
            "their own, whose error over clusters is not made"
        )
    return ""


def _looks(study: Experiment) -> str:
    if study.schedule is None or set(study.stopping_rules) != {"fixed"}:
        return ""
    return f"{study.schedule.in_words}: more than one look needs a stopping rule that pays for it"


def _correction(study: Experiment) -> str:
    """Corrections that lean on how tests are correlated, where looks make that another law."""
    success, harm = study.stopping_rules
    if study.schedule is None:
        return ""
    if study.correction == DUNNETT:
        return "Dunnett's correction at several looks, whose joint law with the control's it does not know: say `holm`"
    if study.correction == "sidak" and success != harm:
        return f"Sidak's correction with {success!r} for success and {harm!r} for harm, two laws: say `holm`"
    return ""


def _stopping(study: Experiment) -> str:
    rules = set(study.stopping_rules)
    if rules != {"fixed"} and study.schedule is None:
        return f"the stopping rules {sorted(rules)!r} with one look: say `looks: daily`, or how many"
    return _exact(study) if EXACT in rules else ""


def _exact(study: Experiment) -> str:
    """Exact bounds are of units by themselves, of which each has it or has it not."""
    for use in study.primaries:
        if use.kind not in ("", "share") or use.covariates:
            what = "with a covariate" if use.covariates else f"which is a {use.kind}"
            return f"the exact stopping of {use.metric!r}, {what}: say `always_valid`"
    within = (
        (study.strata, "within strata"),
        (study.cluster, "of clusters"),
        (_has_own_splits(study), "over stages with splits of their own"),
    )
    return next((f"exact stopping {where}: say `always_valid`" for given, where in within if given), "")


REFUSED: tuple[tuple[str, Callable[[Experiment], str]], ...] = (
    ("layer", _layer),
    ("holdout", _holdout),
    ("cluster", _cluster),
    ("correction", _correction),
    ("looks", _looks),
    ("stopping", _stopping),
)


def refuse_what_is_not_offered(study: Experiment) -> None:
    """Raises for the first thing that is written and would not be done.

    Raises:
        DefinitionError: The study asks for something that is not offered yet.
    """
    for field, reason in REFUSED:
        if says := reason(study):
            raise DefinitionError(
                f"the experiment {study.name!r} asks for {says}",
                where=f"{study.name}.{field}",
                hint=f"leave `{field}:` out",
            )
