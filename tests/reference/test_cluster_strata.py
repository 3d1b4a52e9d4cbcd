"""Clusters compared within strata against R's clubSandwich on the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.studies.experiments import Assignment, Experiment, Mean
from steelyard.studies.run import run

CASES = json.loads(Path(__file__).with_name("cluster_strata.json").read_text())


def rows() -> dict[str, Any]:
    """The rows of `cluster_strata.R`."""
    stores = np.arange(1, 61)
    store = np.repeat(stores, 1 + (11 * stores) % 13)
    k = np.arange(1, len(store) + 1)
    stratum = 1 + (store % 3 == 0) + 2 * (store % 5 == 0)
    treated = ((5 * store) % 11) < 4 + 2 * (store % 3 == 0)
    y = 30 - 4 * stratum + 3 * np.sin(1.3 * store) + 2 * np.cos(2.1 * k) + 0.5 * treated
    return {"store": store, "stratum": stratum, "arm": np.where(treated, "b", "control"), "y": y}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['strata']} strata")
def test_the_interval_of_clusters_within_strata_is_r_s(case: dict[str, Any]) -> None:
    study = Experiment(
        name="stores", question="Do they sell more?", arms={"control": 0.5, "b": 0.5}, table="data", cluster="store",
        assignment=Assignment(), primary=Mean("y"), strata=("stratum",) if case["strata"] > 1 else (),
    )  # fmt: skip
    row = run(study, pa.table(rows())).estimates[0]
    ours = {"n": row.n, "value": row.value, "std_error": row.std_error, "p_value": row.p_value}
    ours |= {"low": row.low, "high": row.high}
    # The bounds tell the degrees of freedom too.
    assert ours == pytest.approx({name: case[name] for name in ours}, rel=1e-6)
