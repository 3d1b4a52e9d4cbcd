"""Bounds of looks that spend their error by another clock than their information, against R's multivariate normal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.stats.boundaries import boundaries
from steelyard.stats.spending import Spending

CASES = json.loads(Path(__file__).with_name("two_clocks.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bounds_by_two_clocks_are_those_of_the_multivariate_normal(case: dict[str, Any]) -> None:
    made = boundaries(
        case["information"], Spending(kind=case["kind"]), alpha=0.025, sides=1, clock=case["clock"]
    )  # fmt: skip
    assert made.upper == pytest.approx(case["upper"], abs=2e-6)
