"""Whether the words of an experiment fit together: refused where they do not, before any data is read."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, UnknownNameError, unknown_name
from steelyard.studies.experiments.families import CORRECTIONS, DUNNETT, FALSE_DISCOVERY
from steelyard.studies.experiments.sources import Assignment, Stage

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["check_words"]

ALL = "all"


def check_words(study: Experiment) -> None:
    """Raises for the first word that does not fit.

    Raises:
        DefinitionError: Words do not fit together.
        UnknownNameError: An arm or an assignment is not there.
    """
    for check in (_arms, _metrics, _correction, _numbers, _columns, _strata, _ramp):
        check(study)


def _arms(study: Experiment) -> None:
    where = f"{study.name}.arms"
    if len(study.arms) < 2:
        raise DefinitionError(f"the arms {dict(study.arms)!r} compare nothing", where=where, hint="give two or more")
    if not all(math.isfinite(share) and share > 0 for share in study.arms.values()):
        raise DefinitionError(
            f"the shares {dict(study.arms)!r} are not all above 0",
            where=where,
            hint="leave an arm without units out",
        )
    if abs(sum(study.arms.values()) - 1) > 1e-9:
        raise DefinitionError(
            f"the shares of the arms add up to {sum(study.arms.values()):.6g}, not 1",
            where=where,
            hint="the split is a whole; how many units are enrolled is `ramp`",
        )
    if study.control not in study.arms:
        raise unknown_name("arm", study.control, study.arms, where=f"{study.name}.control")
    labels = study.assignment.labels if isinstance(study.assignment, Assignment) else {}
    if strange := next((arm for arm in labels.values() if arm not in study.arms), None):
        raise unknown_name("arm", strange, study.arms, where=f"{study.name}.assignment.labels")


def _metrics(study: Experiment) -> None:
    if not study.primaries:
        raise DefinitionError(
            f"the experiment {study.name!r} has no primary", where=f"{study.name}.primary", hint="say what decides"
        )
    names = [use.metric for use in study.uses]
    for use in study.uses:
        if names.count(use.metric) > 1:
            raise DefinitionError(
                f"the metric {use.metric!r} is used twice", where=study.name, hint="give each metric one role"
            )
    for use in study.guardrail_uses:
        if use.margin is None:
            raise DefinitionError(
                f"the guardrail {use.metric!r} has no margin",
                where=f"{study.name}.guardrails",
                hint="say how much worse is tolerable: margin: {relative: 0.02}",
            )
    for use in (*study.primaries, *study.secondary_uses):
        if use.margin is not None:
            raise DefinitionError(
                f"{use.metric!r} has a margin and is no guardrail", where=study.name, hint="use `min_effect`"
            )


def _correction(study: Experiment) -> None:
    where, several = f"{study.name}.correction", len(study.primaries) > 1
    known = (*(word for word in CORRECTIONS if word != DUNNETT), ALL) if several else (*CORRECTIONS, "")
    if several and study.correction not in known:
        stated = f"and the correction {study.correction!r}" if study.correction else "and no correction"
        raise DefinitionError(
            f"{len(study.primaries)} primaries {stated}", where=where, hint=f"one of {', '.join(known)}"
        )
    if study.correction and not several and len(study.treated) > 1 and study.correction not in (*known, ALL):
        raise unknown_name("correction", study.correction, CORRECTIONS, where=where)
    if study.correction and not several and (len(study.treated) == 1 or study.correction not in known):
        raise DefinitionError(
            f"the correction {study.correction!r} has one primary, and nothing to correct",
            where=where,
            hint="leave it out: arms are corrected anyway",
        )


def _numbers(study: Experiment) -> None:
    for name, value in (("level", study.level), ("power", study.power)):
        if not 0.5 <= value < 1:
            raise DefinitionError(
                f"a {name} of {value!r}", where=f"{study.name}.{name}", hint="a fraction from 0.5 up to 1"
            )
    if isinstance(study.assignment, str) and study.assignment != "steelyard":
        raise UnknownNameError(
            f"no assignment named {study.assignment!r}",
            where=f"{study.name}.assignment",
            hint=f"`steelyard` draws by hash; arms that stand in a column are Assignment(arm={study.assignment!r}), "
            "and what another system exports Assignment(system=...)",
        )
    if study.between is not None and study.between[0] > study.between[1]:
        first, last = study.between
        raise DefinitionError(
            f"between {first} and {last} there is no day",
            where=f"{study.name}.between",
            hint="give the first day first",
        )


def _ramp(study: Experiment) -> None:
    shares = list(study.shares)
    if not all(0 < share <= 1 for share in shares) or shares != sorted(shares):
        raise DefinitionError(
            f"the ramp {shares!r} does not rise", where=f"{study.name}.ramp", hint="shares above 0, up to 1, rising"
        )
    for stage in study.ramp:
        for arm in stage.arms if isinstance(stage, Stage) else ():
            if arm not in study.arms:
                raise unknown_name("arm", arm, study.arms, where=f"{study.name}.ramp")
    if study.ramp and not isinstance(study.assignment, Assignment):
        _no_arm_shrinks(study)


def _no_arm_shrinks(study: Experiment) -> None:
    """Refuses a ramp that would take units which may have been exposed out of their arm."""
    for number, (before, after) in enumerate(pairwise(study.stages), start=2):
        for arm in study.arms:
            had, has = (stage.share * stage.arms.get(arm, 0.0) for stage in (before, after))
            if has < had - 1e-9:
                raise DefinitionError(
                    f"the arm {arm!r} would shrink from {had:.4g} to {has:.4g} of all units at stage {number}",
                    where=f"{study.name}.ramp",
                    hint="who was exposed stays in an arm: enrol more at that stage, or change the split less",
                )


def _columns(study: Experiment) -> None:
    """Refuses columns without a name, and the same one twice: its tests would stand twice in their family."""
    for field, names in (("segments", study.segments), ("strata", study.strata)):
        for name in names:
            if not name or names.count(name) > 1:
                twice = f"names {name!r} twice" if name else "names a column ''"
                raise DefinitionError(f"`{field}` {twice}", where=f"{study.name}.{field}", hint="leave it out")


def _strata(study: Experiment) -> None:
    if study.false_discovery not in FALSE_DISCOVERY:
        raise unknown_name(
            "false discovery rate", study.false_discovery, FALSE_DISCOVERY, where=f"{study.name}.false_discovery"
        )
    for use in study.uses if study.strata else ():
        if use.prior is not None and use.prior.shapes is not None:
            raise DefinitionError(
                f"the beta prior of {use.metric!r} is one of shares over all strata",
                where=f"{use.metric}.prior",
                hint="give a normal prior of the effect: {std_dev: 0.1}",
            )
