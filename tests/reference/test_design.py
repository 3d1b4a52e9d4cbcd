"""Powers and sizes agree with R, rpact and the closed forms of the reference, for any allocation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.stats.decision_power import Hurdle, decision_power, units_for_decision
from steelyard.stats.intraclass import planned_design_effect
from steelyard.stats.normal_orthant import normal_below
from steelyard.studies.experiments import Baseline, Effect, Share
from steelyard.studies.experiments.hurdles import Endpoint, guardrail_hurdle

RATIOS = (1.0, 1 / 9, 1 / 19, 9.0)


@pytest.fixture(scope="module")
def r() -> dict[str, float]:
    return json.loads(Path(__file__).with_name("design.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def peers(shared: Path) -> dict[str, Any]:
    text = (shared / "reference" / "experiments" / "reference.json").read_text()
    return json.loads(text)["peer_values"]  # type: ignore[no-any-return]


def one(gap: float, *, normal: bool = False) -> list[Hurdle]:
    return [Hurdle(metric="m", gap=gap, std_dev=1.0, std_dev_treated=1.0, normal=normal)]


def test_one_clause_has_the_power_of_a_one_sided_t_test(r: dict[str, float]) -> None:
    for n in (20, 500):
        assert decision_power(one(0.3), n) == pytest.approx(r[f"t.power.n{n}"], abs=1e-9)
    assert units_for_decision(one(0.1)) == pytest.approx(r["t.n"], rel=1e-6)


@pytest.mark.parametrize("ratio", RATIOS)
def test_non_inferiority_of_means_takes_what_rpact_says(ratio: float, r: dict[str, float]) -> None:
    found = units_for_decision(one(0.05, normal=True), ratio=ratio)
    assert found == pytest.approx(r[f"means.noninferior.ratio{ratio:.6f}"], rel=1e-6)


@pytest.mark.parametrize("ratio", [1.0, 1 / 9, 9.0])
def test_non_inferiority_of_shares_is_close_to_farrington_and_manning(
    ratio: float, r: dict[str, float], study: Any
) -> None:
    """Ours is the power of Newcombe's interval; theirs that of the score test: they agree to a few in a thousand."""
    use = Share("kept", margin=Effect(absolute=0.02), better="up")
    one = study(primary="spend", guardrails=(use,))
    hurdle = guardrail_hurdle(one, Endpoint(use=use, baseline=Baseline(level=0.3)), ratio)
    found = units_for_decision([hurdle], ratio=ratio)
    assert found == pytest.approx(r[f"shares.noninferior.ratio{ratio:.6f}"], rel=5e-3)


@pytest.mark.parametrize("rho", [0.2, 0.6, 0.9])
def test_a_joint_chance_is_the_integral_over_what_is_common(rho: float, r: dict[str, float]) -> None:
    correlation = np.full((3, 3), rho) + (1 - rho) * np.eye(3)
    assert normal_below([1.2, 0.8, 2.0], correlation) == pytest.approx(r[f"orthant.rho{rho:.1f}"], abs=3e-5)


@pytest.mark.parametrize(
    ("size", "icc", "variation", "key"),
    [(20, 0.05, 0.0, "m20.icc0.05.cv0"), (20, 0.05, 0.5, "m20.icc0.05.cv0.5"), (50, 0.02, 0.4, "m50.icc0.02.cv0.4")],
)
def test_clusters_take_as_many_times_the_units(
    size: float, icc: float, variation: float, key: str, peers: dict[str, Any]
) -> None:
    value = peers[f"power.cluster.{key}"]["value"]
    found = planned_design_effect(size, icc, size_variation=variation)
    assert found == pytest.approx(value["design_effect"], rel=1e-12)
    spread = found**0.5
    hurdle = Hurdle(metric="m", gap=0.1, std_dev=spread, std_dev_treated=spread, normal=True)
    assert units_for_decision([hurdle]) == pytest.approx(value["n_individuals_per_arm_d0.1"], rel=1e-6)


@pytest.mark.parametrize(("shares", "ratio"), [((0.1, 0.11), 1.0), ((0.1, 0.11), 1 / 9), ((0.02, 0.022), 1 / 19)])
def test_shares_take_what_the_pooled_test_takes(
    shares: tuple[float, float], ratio: float, peers: dict[str, Any], study: Any
) -> None:
    from steelyard.studies.experiments.hurdles import primary_hurdles

    control, treated = shares
    key = f"power.prop.closed.{control}_{treated}.ratio{ratio:.6f}"
    use = Share("kept", better="up")
    hurdles = primary_hurdles(
        study(primary=use), Endpoint(use=use, baseline=Baseline(level=control)),
        Effect(absolute=treated - control), ratio,
    )  # fmt: skip
    found = units_for_decision(hurdles, ratio=ratio)
    assert found == pytest.approx(peers[key]["value"]["n_control_pooled_null"], rel=1e-6)
    assert found * ratio == pytest.approx(peers[key]["value"]["n_treat_pooled_null"], rel=1e-6)


@pytest.fixture
def study() -> Any:
    from steelyard.studies.experiments import Assignment, Experiment

    def make(**changes: Any) -> Experiment:
        words: dict[str, Any] = {"name": "test", "question": "Does it help?", "arms": {"control": 0.5, "b": 0.5},
                                 "table": "data", "unit": "id", "assignment": Assignment()}  # fmt: skip
        return Experiment(**{**words, **changes})

    return make
