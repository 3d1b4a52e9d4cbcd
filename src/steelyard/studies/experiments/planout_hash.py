"""PlanOut's own assignment, bit for bit, for companies that assign with it."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.many_buckets import as_texts

__all__ = ["PlanOutSplit", "planout_hash", "planout_place"]

SCALE = float(0xFFFFFFFFFFFFFFF)


def planout_hash(salt: str, unit: str | int) -> int:
    """The whole number that PlanOut draws for a unit: the first 60 bits of `sha1(salt.unit)`.

    Args:
        salt: The salts of the experiment and the parameter, as `experiment.parameter`; or PlanOut's `full_salt`.
        unit: The unit's id.

    Source: facebookarchive/planout, python/planout/ops/random.py, and its tests' published choices.

    >>> planout_hash("test_salt.foo", 4) % 8
    7
    """
    return int(hashlib.sha1(f"{salt}.{unit}".encode(), usedforsecurity=False).hexdigest()[:15], 16)


def planout_place(salt: str, unit: str | int) -> float:
    """Where PlanOut puts a unit between 0 and 1, as its `RandomFloat` does; arguments as `planout_hash`.

    >>> round(planout_place("exp.param", "u000000"), 6)
    0.055745
    """
    return planout_hash(salt, unit) / SCALE


@dataclass(frozen=True, kw_only=True)
class PlanOutSplit:
    """A parameter that PlanOut assigns, as this side of it can tell who was given what.

    Args:
        salt: The salts of the experiment and the parameter, as `experiment.parameter`.
        arms: The choices, in PlanOut's order.
        weights: Those of a `WeightedChoice`; none is a `UniformChoice`, which takes the number modulo the choices, and
            so gives other arms than equal weights do.

    Raises:
        DefinitionError: No arms, or weights that are not one an arm, of 0 or more.

    >>> PlanOutSplit(salt="test_salt.foo", arms=("a", "b")).assign([4])
    ('b',)
    """

    salt: str
    arms: tuple[str, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        weights = self.weights or (1.0,) * len(self.arms)
        whole = all(math.isfinite(weight) and weight >= 0 for weight in weights) and sum(weights) > 0
        if not self.arms or len(weights) != len(self.arms) or not whole:
            raise DefinitionError(
                f"the arms {list(self.arms)!r} and the weights {list(self.weights)!r} split nothing",
                where=f"planout {self.salt!r}",
                hint="one weight an arm, of 0 or more; or none, for a UniformChoice",
            )

    def assign(self, ids: Any) -> tuple[str, ...]:
        """The arm of each id."""
        return tuple(self._arm(str(unit)) for unit in as_texts(ids).to_pylist())

    def _arm(self, unit: str) -> str:
        if not self.weights:
            return self.arms[planout_hash(self.salt, unit) % len(self.arms)]
        ends = list(accumulate(self.weights))
        return self.arms[bisect_left(ends, planout_place(self.salt, unit) * ends[-1])]
