"""Quantiles of rows in clusters against R's survey package, which takes Woodruff's interval of a clustered design."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.stats.quantile_ranks import design_effect, quantile_ranks

CASES = json.loads(Path(__file__).with_name("quantiles.json").read_text())


def rows() -> tuple[Any, Any]:
    """The rows of `quantiles.R`: units, and values that are alike within a unit."""
    owners = np.arange(1, 401)
    owner = np.repeat(owners, 1 + (7 * owners) % 9)
    k = np.arange(1, len(owner) + 1)
    return owner, 200 + 80 * np.sin(1.7 * owner) + 20 * np.sin(2.3 * k + owner)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"p{case['quantile'] * 100:g}")
def test_the_design_effect_and_the_ranks_are_those_of_r(case: dict[str, Any]) -> None:
    owner, value = rows()
    found = np.quantile(value, case["quantile"])
    assert (len(value), found) == (case["n"], pytest.approx(case["value"], rel=1e-9))
    below = np.bincount(owner, value <= found)[1:]
    effect = design_effect(below.tolist(), np.bincount(owner)[1:].tolist())
    assert effect == pytest.approx(case["effect"], rel=1e-6)
    ranks, ordered = quantile_ranks(len(value), case["quantile"], effect=effect), np.sort(value)
    # Ours are whole ranks, rounded outwards; R's lie at most two ranks within.
    bounds = [np.searchsorted(ordered, case[end] - 1e-9) + 1 for end in ("low", "high")]
    assert 0 <= bounds[0] - ranks.low <= 2
    assert 0 <= ranks.high - bounds[1] <= 2
    plain = quantile_ranks(len(value), case["quantile"])
    assert (plain.low, plain.high) == (case["rank_low"], case["rank_high"])
