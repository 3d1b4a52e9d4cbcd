"""How many more units a study takes because it is read before its end."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from steelyard.stats.sequential_power import sequential_power
from steelyard.studies.experiments.look_bounds import LookBounds
from steelyard.studies.experiments.sources import Stopping

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["TAKEN", "inflation_of_looks", "looks_planned"]

TAKEN = 20
MOST = 60
FURTHEST = 8.0


def looks_planned(study: Experiment) -> int | None:
    """How many looks there will be: what is said, or follows from their rhythm and the days; None where not known."""
    schedule = study.schedule
    if schedule is None:
        return 1
    if schedule.planned is not None:
        return schedule.planned
    if not schedule.every or study.between is None:
        return None
    first, last = study.between
    days = ((schedule.until or last) - first).days + 1
    return max(1, days if schedule.every == "daily" else math.ceil(days / 7))


def inflation_of_looks(study: Experiment) -> float:
    """The factor on the units of one look with which the rule for success keeps the study's power.

    Of looks that are not known in number, 20 are taken, and 60 at most: more looks at the same bounds add hardly any
    power. Clauses other than the primary's are taken to need the same factor.

    Assumes: Looks evenly spaced in units; nothing stops the study on the other side.

    Source: Jennison and Turnbull (2000), section 2.2 (the factor R); `sequential_power`, compared with rpact 3.3.4.
    """
    rules = study.stopping
    assert isinstance(rules, Stopping)  # noqa: S101 - made so by the experiment
    if study.schedule is None or rules.success == "fixed":
        return 1.0
    looks = min(looks_planned(study) or TAKEN, MOST)
    return _inflation(rules, looks, study.primary_level, study.power)


@lru_cache(maxsize=64)
def _inflation(rules: Stopping, looks: int, level: float, power: float) -> float:
    fractions = tuple((k + 1) / looks for k in range(looks))
    bounds = [
        LookBounds.of(rules, fractions[:done], level, last=done == looks, over=False).success.critical
        for done in range(1, looks + 1)
    ]
    upper = [min(bound, FURTHEST) for bound in bounds]
    return sequential_power(fractions, upper, power=power, alpha=(1 - level) / 2).inflation
