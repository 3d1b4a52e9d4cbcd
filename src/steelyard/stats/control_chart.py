"""Run rules of a control chart: how many of the last points lie beyond a line, and how often chance does that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steelyard.errors import unknown_name

__all__ = ["RULES", "RULE_SETS", "RunRule", "named_rules"]


@dataclass(frozen=True, kw_only=True)
class RunRule:
    """At least `least` of the last `points` lie beyond `sigma` on one side.

    Args:
        name: As a definition writes it.
        least: How many.
        points: Of how many.
        sigma: Beyond how many standard deviations from what is expected.

    >>> RULES["2_of_3_beyond_2_sigma"].met([0.1, 2.2, 0.3, 2.5]), RULES["8_on_one_side"].met([1.0] * 7)
    (True, False)
    """

    name: str
    least: int
    points: int
    sigma: float

    def statistic(self, deviations: Sequence[float]) -> float | None:
        """The smallest of the `least` largest among the last points; None where there are too few.

        Args:
            deviations: Standard deviations from what is expected, in the direction that is looked for, oldest first;
                a NaN is a point that is not there.
        """
        last = sorted((value for value in deviations[-self.points :] if not math.isnan(value)), reverse=True)
        return last[self.least - 1] if len(last) >= self.least else None

    def met(self, deviations: Sequence[float]) -> bool:
        """Whether the last points break the rule, the last of all being one of those beyond the line."""
        found = self.statistic(deviations)
        return found is not None and found > self.sigma and deviations[-1] > self.sigma

    def p_value(self, deviations: Sequence[float], correlation: float = 0.0) -> float:
        """How often chance takes as many points as far to this side.

        Args:
            deviations: As in `statistic`, each standard normal where nothing happens.
            correlation: Between any two of the points.

        Assumes: Points of one correlation (equicorrelated normals): their mean pairwise correlation.

        Source: The binomial chance of `least` or more of `points`, averaged over the common part of the points
            (Gauss-Hermite); with no correlation the rules of Western Electric (1956) at their lines have .00135, .0015,
            .0027 and .0039.

        >>> round(RULES["8_on_one_side"].p_value([0.0] * 8), 6), round(RULES["beyond_3_sigma"].p_value([3.0]), 5)
        (0.003906, 0.00135)
        """
        found = self.statistic(deviations)
        if found is None:
            return 1.0
        from scipy.special import bdtrc, ndtr

        there = sum(not math.isnan(value) for value in deviations[-self.points :])
        if self.points == 1:
            return float(ndtr(-found))
        shared = min(max(correlation, 0.0), 0.99)
        nodes, weights = np.polynomial.hermite_e.hermegauss(64)
        chance = ndtr(-(found - math.sqrt(shared) * nodes) / math.sqrt(1.0 - shared))
        tails: npt.NDArray[np.float64] = np.asarray(bdtrc(self.least - 1, there, chance), dtype=np.float64)
        return float(min(np.dot(weights, tails) / weights.sum(), 1.0))


RULES = {
    rule.name: rule
    for rule in (
        RunRule(name="beyond_3_sigma", least=1, points=1, sigma=3.0),
        RunRule(name="2_of_3_beyond_2_sigma", least=2, points=3, sigma=2.0),
        RunRule(name="4_of_5_beyond_1_sigma", least=4, points=5, sigma=1.0),
        RunRule(name="8_on_one_side", least=8, points=8, sigma=0.0),
        RunRule(name="9_on_one_side", least=9, points=9, sigma=0.0),
    )
}
RULE_SETS = {
    "western_electric": ("beyond_3_sigma", "2_of_3_beyond_2_sigma", "4_of_5_beyond_1_sigma", "8_on_one_side"),
}


def named_rules(names: Sequence[str], *, where: str = "") -> tuple[RunRule, ...]:
    """The rules of these names, each once; a name may be that of a set.

    Raises:
        UnknownNameError: There is no such rule.

    >>> [rule.name for rule in named_rules(["western_electric"])][-1]
    '8_on_one_side'
    """
    found: dict[str, RunRule] = {}
    for name in names:
        if name not in RULES and name not in RULE_SETS:
            raise unknown_name("control-chart rule", name, [*RULES, *RULE_SETS], where=where)
        for each in RULE_SETS.get(name, (name,)):
            found[each] = RULES[each]
    return tuple(found.values())
