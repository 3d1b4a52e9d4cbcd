"""What the page of an experiment shows of its newest result."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

import steelyard as sy
from steelyard.document import Section, Table
from steelyard.project.experiment_evidence import effect_blocks
from steelyard.studies.experiments import Assignment, Effect, Mean, Quantile


def test_each_arm_s_quantiles_stand_beside_the_effects() -> None:
    draws = np.random.default_rng(2)
    arm = np.array(["control", "short"])[draws.integers(0, 2, 2_000)]
    units = pa.table({"arm": arm, "spend": draws.gamma(2.0, 5.0, 2_000), "ms": draws.lognormal(5.0, 0.5, 2_000)})
    study = sy.Experiment(
        name="short",
        question="Is a shorter form better?",
        table="data",
        arms={"control": 0.5, "short": 0.5},
        assignment=Assignment(arm="arm"),
        primary=Mean("spend"),
        guardrails=Quantile("ms", 0.9, better="down", margin=Effect(relative=0.2)),
    )
    *_, last = effect_blocks(sy.run(study, units))
    assert isinstance(last, Section)
    assert (last.title, last.open) == ("Quantiles of each arm", False)
    (table,) = last.blocks
    assert isinstance(table, Table)
    shown = {str(row[1]): (row[2], row[5]) for row in table.rows}
    assert set(shown) == {"control", "short"}
    for name, (value, values) in shown.items():
        of_arm = units["ms"].to_numpy()[arm == name]
        assert values == len(of_arm)
        assert abs(np.mean(of_arm <= value) - 0.9) <= 1 / len(of_arm)
