"""Lin's regression of clusters against R's estimatr, where its slopes of rows are those of clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.studies.experiments import Assignment, Experiment, Mean
from steelyard.studies.run import run

CASES = json.loads(Path(__file__).with_name("cluster_lin.json").read_text())


def rows(clusters: int) -> dict[str, Any]:
    """The rows of `cluster_lin.R`."""
    g = np.repeat(np.arange(1, clusters + 1), 5)
    k = np.arange(1, len(g) + 1)
    treated = (7 * g) % 10 < 3
    x = 10 + 4 * np.sin(2.7 * g)
    y = 50 + (2 + 1.5 * treated) * x + 3 * np.cos(1.9 * g) + 4 * np.sin(3.3 * k) + treated
    return {"g": g, "arm": np.where(treated, "b", "control"), "x": x, "y": y}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['clusters']} clusters")
def test_the_effect_of_lin_s_regression_of_clusters_is_r_s(case: dict[str, Any]) -> None:
    """Errors differ by what R takes as known, the covariate's mean over the sample, and by 1 / clusters."""
    study = Experiment(
        name="classes", question="Do they learn more?", arms={"control": 0.7, "b": 0.3}, table="data", cluster="g",
        assignment=Assignment(), primary=Mean("y", covariate="x", adjustment="lin"),
    )  # fmt: skip
    data = rows(case["clusters"])
    row = run(study, pa.table(data)).estimates[0]
    assert row.value == pytest.approx(case["value"], rel=1e-9)
    slopes = [
        np.polyfit(data["x"][data["arm"] == arm], data["y"][data["arm"] == arm], 1)[0] for arm in ("b", "control")
    ]
    of_the_mean = (slopes[0] - slopes[1]) ** 2 * data["x"].var() / case["clusters"]
    assert row.std_error == pytest.approx((case["std_error"] ** 2 + of_the_mean) ** 0.5, rel=4 / case["clusters"])
