"""Run rules: how often chance breaks them, by published values and by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest

from steelyard.errors import UnknownNameError
from steelyard.stats.control_chart import RULES, named_rules


@pytest.mark.parametrize(
    ("name", "points", "chance"),
    [
        # One-sided chances at the lines of Western Electric's zones, from the binomial and the normal table.
        ("beyond_3_sigma", [3.0], 0.00135),
        ("2_of_3_beyond_2_sigma", [2.0, 0.0, 2.0], 3 * 0.02275**2 - 2 * 0.02275**3),
        ("4_of_5_beyond_1_sigma", [1.0, 1.0, 0.0, 1.0, 1.0], 5 * 0.158655**4 - 4 * 0.158655**5),
        ("8_on_one_side", [0.0] * 8, 1 / 256),
        ("9_on_one_side", [0.0] * 9, 1 / 512),
    ],
)
def test_a_rule_at_its_line_has_the_chance_that_the_tables_give(name: str, points: list[float], chance: float) -> None:
    assert RULES[name].p_value(points) == pytest.approx(chance, rel=2e-3)


@pytest.mark.parametrize("name", list(RULES))
@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_the_p_value_is_how_often_simulated_points_of_that_correlation_go_as_far(name: str, correlation: float) -> None:
    rule, random = RULES[name], np.random.default_rng(7)
    points = np.sqrt(correlation) * random.normal(size=(200_000, 1)) + np.sqrt(1 - correlation) * random.normal(
        size=(200_000, rule.points)
    )
    statistic = np.sort(points, axis=1)[:, -rule.least]
    for line in (rule.sigma - 0.5, rule.sigma):
        seen = float((statistic >= line).mean())
        said = rule.p_value([line] * rule.points, correlation)
        assert said == pytest.approx(seen, abs=4 * math.sqrt(seen / 200_000) + 1e-5)


def test_a_rule_is_broken_only_while_the_last_point_lies_beyond_its_line() -> None:
    rule = RULES["2_of_3_beyond_2_sigma"]
    assert rule.met([2.5, 0.0, 2.5])
    assert not rule.met([2.5, 2.5, 0.0])
    assert not rule.met([-2.5, 0.0, -2.5])


def test_a_point_that_is_not_there_breaks_nothing() -> None:
    assert not RULES["8_on_one_side"].met([1.0] * 7 + [math.nan])
    assert not RULES["8_on_one_side"].met([math.nan] + [1.0] * 7)
    assert RULES["4_of_5_beyond_1_sigma"].met([1.5, math.nan, 1.5, 1.5, 1.5])
    assert RULES["8_on_one_side"].p_value([1.0] * 7) == 1.0


def test_a_rule_that_is_not_known_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        named_rules(["beyond_3_sigmas"], where="metrics/a.yml:3")
    assert "'beyond_3_sigma'" in caught.value.hint
    assert caught.value.where == "metrics/a.yml:3"
    assert len(named_rules(["western_electric", "beyond_3_sigma"])) == 4
