"""A clustered experiment against R (estimatr, clubSandwich) and statsmodels, on the numbers that it fetched."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.stats.cluster_moments import ClusterMoments, bell_mccaffrey
from steelyard.studies.experiments import Assignment, Experiment, Mean
from steelyard.studies.experiments.evidence import evidence_of
from steelyard.studies.run import read, run
from steelyard.studies.setting import setting_of

CLOSE = 1e-6
STUDY = Experiment(
    name="classes", question="Do pupils learn more?", arms={"0": 0.5, "1": 0.5}, control="0", table="data",
    cluster="cluster_id", assignment=Assignment(arm="variant"), primary=Mean("y"),
)  # fmt: skip


@pytest.fixture(scope="module")
def table(folder: Path) -> pa.Table:
    rows = list(csv.DictReader((folder / "data" / "clusters.csv").read_text().splitlines()))
    return pa.table(
        {
            "cluster_id": [row["cluster_id"] for row in rows],
            "variant": [row["variant"] for row in rows],
            "y": [float(row["y"]) for row in rows],
        }
    )


@pytest.fixture(scope="module")
def arms(table: pa.Table) -> dict[str, ClusterMoments]:
    """What the experiment fetched of each arm."""
    setting = setting_of(table)
    found = evidence_of(STUDY, dict(read(STUDY, setting.context(STUDY), setting).data)).arms
    return {arm: moments for arm, moments in found.items() if isinstance(moments, ClusterMoments)}


def test_the_experiment_s_interval_is_r_s(table: pa.Table, peers: dict[str, Any], arms: dict[str, Any]) -> None:
    row = run(STUDY, table).estimates[0]
    ours = {
        "est": row.value, "se": row.std_error, "t": row.value / row.std_error, "p": row.p_value,  # type: ignore[operator]
        "lo": row.low, "hi": row.high, "df": bell_mccaffrey([(arms["1"], 1.0), (arms["0"], -1.0)]),
    }  # fmt: skip
    assert ours == pytest.approx(peers["clusters.lm_robust.CR2.raw"], rel=CLOSE)


def test_what_was_fetched_tells_the_other_errors_too(peers: dict[str, Any], arms: dict[str, ClusterMoments]) -> None:
    """CR0 and CR1 need no more than the totals by size that CR2 is made of."""
    squared = sum(_plain(arm) for arm in arms.values())
    clusters, rows = sum(arm.rows for arm in arms.values()), sum(arm.units for arm in arms.values())
    stata = math.sqrt(squared * clusters / (clusters - 1) * (rows - 1) / (rows - 2))
    for error, entry in (
        (math.sqrt(squared), "clusters.lm_robust.CR0.raw"),
        (math.sqrt(squared), "sm.cluster.CR0"),
        (stata, "clusters.lm_robust.stata.raw"),
    ):
        assert error == pytest.approx(peers[entry]["se"], rel=CLOSE)
        assert arms["1"].mean("y") - arms["0"].mean("y") == pytest.approx(peers[entry]["est"], rel=CLOSE)


def _plain(arm: ClusterMoments) -> float:
    """CR0's squared error of an arm's mean: residual totals of all clusters, each once."""
    found = 0.0
    for size, group in arm.by_size.items():
        total = float((group.origin + group.offset)[0])
        residual = total - size * arm.offset_of("y")
        found += float(group.cross[0, 0]) + group.rows * residual**2
    return float(np.asarray(found / arm.units**2))
