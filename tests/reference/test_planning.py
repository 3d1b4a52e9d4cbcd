"""Sample sizes of non-inferiority and of clusters against rpact and the published formula."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.stats.intraclass import planned_design_effect
from steelyard.stats.non_inferiority import power_of_non_inferior_shares, units_for_non_inferior_shares
from steelyard.stats.power import units_for_means

OWN = json.loads(Path(__file__).with_name("planning.json").read_text())


def test_units_for_non_inferiority_equal_rpact(peers: dict[str, Any]) -> None:
    units = 2 * units_for_non_inferior_shares(0.1, 0.1, 0.01)
    assert units == pytest.approx(peers["ni.samplesize.rates.diff_margin01"]["n"], rel=1e-6)
    for case in OWN:
        truth = case["control"], case["treated"], case["margin"]
        n = units_for_non_inferior_shares(*truth, ratio=case["ratio"])
        assert n * (1 + case["ratio"]) == pytest.approx(case["units"], rel=1e-6), case
        assert power_of_non_inferior_shares(*truth, n, ratio=case["ratio"]) == pytest.approx(0.8, abs=1e-12)


def test_units_for_non_inferior_means_are_those_of_an_effect_of_the_margin(peers: dict[str, Any]) -> None:
    units = 2 * units_for_means(0.05, 1.0, one_sided=True)
    # rpact solves the noncentral t to about 2e-6.
    assert units == pytest.approx(peers["ni.samplesize.means.t"]["n"], rel=1e-5)


def test_units_in_clusters_equal_eldridge_s_formula(peers: dict[str, Any]) -> None:
    entries = [name for name in peers if name.startswith("power.cluster.")]
    assert len(entries) == 3
    for name in entries:
        size, icc, variation = name.removeprefix("power.cluster.m").replace(".icc", " ").replace(".cv", " ").split()
        effect = planned_design_effect(float(size), float(icc), size_variation=float(variation))
        assert effect == pytest.approx(peers[name]["design_effect"], rel=1e-9)
        plain = peers[name]["n_individuals_per_arm_d0.1"] / peers[name]["design_effect"]
        assert units_for_means(0.1, 1.0) == pytest.approx(plain, rel=1e-3)  # it takes the normal law, ours is t
