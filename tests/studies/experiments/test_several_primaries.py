"""Several primaries: the error that they share, what ships, and what it takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.errors import DefinitionError
from steelyard.stats.holm import holm
from steelyard.studies.experiments import Baseline, Effect, Mean, Share
from steelyard.studies.run import plan

Make = Callable[..., Any]
BOTH = (Mean("spend"), Share("converted"))


def test_two_primaries_need_a_correction_and_one_needs_none(study: Make) -> None:
    with pytest.raises(DefinitionError, match="2 primaries and no correction"):
        study(primary=BOTH)
    with pytest.raises(DefinitionError, match="'holmes'"):
        study(primary=BOTH, correction="holmes")
    with pytest.raises(DefinitionError, match="nothing to correct"):
        study(primary="spend", correction="holm")
    assert study(primary=("spend",)).definition() == study(primary="spend").definition()


@pytest.mark.parametrize("correction", ["holm", "bonferroni"])
def test_p_values_are_shared_over_metrics_and_arms(correction: str, units: Make, answered: Make) -> None:
    columns = units(3_000, arms=("control", "a", "b"), lift=0.1)
    shares = {"control": 0.4, "a": 0.3, "b": 0.3}
    result = answered(columns, primary=BOTH, correction=correction, arms=shares)
    rows = [row for row in result.estimates if row.role == "primary" and row.scale == "absolute"]
    assert len(rows) == 4
    assert {row.level for row in rows} == {1 - 0.05 / 4}
    raw = [row.p_value for row in rows]
    expected = holm(raw) if correction == "holm" else [min(1.0, 4 * p) for p in raw]
    for row, p_value in zip(rows, expected, strict=True):
        arm = row.contrast.removesuffix(" - control")
        clause = next(c for c in result.verdict.clauses if c.name == f"{arm}: primary_excludes_zero_{row.metric}")
        assert f"adjusted p = {p_value:.3g}" in clause.says
        assert clause.holds == (p_value <= 0.05 and row.value > 0)


def test_any_better_primary_ships_and_all_asks_for_each(units: Make, answered: Make) -> None:
    columns = units(4_000, lift=0.5)
    flat = np.random.default_rng(9).permutation(columns["converted"])
    columns["converted"] = flat
    one, every = (answered(columns, primary=BOTH, correction=how).verdict for how in ("holm", "all"))
    assert (one.answer, one.action) == ("yes", "ship")
    assert (every.answer, every.action) == ("unclear", "hold")
    assert "none of the primaries is worse" in one.rule
    assert [clause.name for clause in one.clauses] == ["primary_excludes_zero_spend", "primary_excludes_zero_converted"]


def test_nothing_ships_while_another_primary_is_worse_for_sure(units: Make, answered: Make) -> None:
    columns = units(4_000, lift=0.5)
    columns["converted"] = 1 - columns["converted"]
    verdict = answered(columns, primary=BOTH, correction="holm").verdict
    assert verdict.action == "rollback"
    assert "'converted'" in verdict.says


def test_arms_that_win_different_primaries_are_not_compared_by_size(units: Make, answered: Make) -> None:
    columns = units(6_000, arms=("control", "a", "b"), lift=0.0)
    arm, random = columns["arm"], np.random.default_rng(3)
    columns["spend"] = columns["spend"] + 1.0 * (arm == "a")
    columns["points"] = 1_000 + 10 * random.normal(size=6_000) + 50 * (arm == "b")
    words: dict[str, Any] = {"correction": "holm", "arms": dict.fromkeys(("control", "a", "b"), 1 / 3)}
    first, other = (answered(columns, primary=use, **words).verdict
                    for use in ((Mean("spend"), Mean("points")), (Mean("points"), Mean("spend"))))  # fmt: skip
    assert first.says.startswith("Ship 'a'"), "50 points are no more than 1 dollar"
    assert other.says.startswith("Ship 'b'")
    assert "on the first of the primaries that any arm wins" in first.rule


def test_all_primaries_at_once_need_no_sharing(units: Make, answered: Make) -> None:
    result = answered(units(4_000, lift=0.5), primary=BOTH, correction="all")
    assert {row.level for row in result.estimates if row.role == "primary"} == {0.95}
    assert result.verdict.action == "ship"


@pytest.mark.parametrize("correction", ["holm", "bonferroni"])
def test_of_two_that_do_nothing_one_ships_at_most_as_often_as_one_would(correction: str, study: Make) -> None:
    random = np.random.default_rng(4)
    table = pa.table({"user_id": range(2_000), "spend": random.gamma(2.0, 2.0, 2_000),
                      "converted": (random.random(2_000) < 0.3).astype(int)})  # fmt: skip
    found = plan(study(primary=BOTH, correction=correction, assignment="steelyard"), table, replays=600)
    (title,) = [name for name in found.tables if name.startswith("A/A")]
    ships = next(row for row in found.tables[title].to_pylist() if row["what"] == "ship")
    assert ships["rate"] < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)


def test_all_must_be_planned_for_and_any_is_planned_by_the_first(units: Make, study: Make) -> None:
    first = Mean("spend", baseline=Baseline(level=7.7, std_dev=10.4), expected_effect=Effect(relative=0.05))
    second = Share("converted", baseline=Baseline(level=0.2), expected_effect=Effect(absolute=0.01))
    alone, every, some = (
        plan(study(**words), pa.table(units(20)))
        for words in (
            {"primary": first}, {"primary": (first, second), "correction": "all"},
            {"primary": (first, second), "correction": "holm"},
        )
    )  # fmt: skip
    assert every.sample["units needed"] > alone.sample["units needed"]
    assert every.sample["chance that the rule ships it"] == pytest.approx(0.8, abs=1e-3)
    assert some.sample["level of the interval"] == 0.975
    assert any("alone" in warning for warning in some.warnings)
