"""Weighted quantiles in SQL, of which only the values in the range that holds them are sorted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.stats.stratified_quantile import quantile_levels
from steelyard.warehouse import connect
from steelyard.warehouse.stratified_counts import counts_by_group, stratified_counts
from steelyard.warehouse.weighted_cells import FEWEST, WeightedCells
from steelyard.warehouse.weighted_order_statistics import weighted_order_statistics, weighted_values_by_group

SHARES = (0.25, 0.5, 0.99)


def table(n: int, slower: float, *, whole: bool = False) -> dict[str, Any]:
    random = np.random.default_rng(7)
    stage = np.repeat((0, 1), n // 2)
    treated = random.random(n) < np.where(stage == 0, 0.3, 0.6)
    value = random.lognormal(3.0, 0.5, n) * np.where(stage == 0, slower, 1.0)
    return {"arm": np.where(treated, "b", "a"), "stage": stage, "x": np.round(value) if whole else value}


@pytest.mark.parametrize("whole", [False, True], ids=["continuous", "whole numbers"])
@pytest.mark.parametrize("slower", [1.0, 4.0])
@pytest.mark.parametrize("n", [600, 8_000], ids=["few", "many"])
def test_values_and_counts_are_those_of_sorting_all(n: int, slower: float, whole: bool) -> None:
    columns = table(n, slower, whole=whole)
    arm, stage, x = columns["arm"], columns["stage"], columns["x"]
    least = min(int(((arm == name) & (stage == s)).sum()) for name in "ab" for s in (0, 1))
    assert (least >= FEWEST) == (n == 8_000)
    warehouse = connect({"t": pa.table(columns)})
    cells = WeightedCells(
        relation='"t"', units='"t"', group="arm", against="a", within=(), strata=("stage",), columns=("x",)
    )
    counted = warehouse.fetch(stratified_counts(cells, [(0, share) for share in SHARES]))
    groups = {group.address[0]: group for group in counts_by_group(counted, (), one_value_each=True)}
    levels = {}
    for name, group in groups.items():
        made = [quantile_levels(strata, share) for strata, share in zip(group.strata, SHARES, strict=True)]
        levels[name] = [(found.low, found.quantile, found.high) for found in made if found is not None]
    asked = {groups[name].place: own for name, own in levels.items()}
    found = weighted_values_by_group(warehouse.fetch(weighted_order_statistics(cells, [0, 0, 0], asked)), ())
    for name in "ab":
        own = arm == name
        weights = [float((stage == s).sum()) / float((own & (stage == s)).sum()) for s in (0, 1)]
        order = np.argsort(x[own], kind="stable")
        values, weight = x[own][order], np.array(weights)[stage[own][order]]
        upto = np.cumsum(weight) / weight.sum()
        for i, wanted in enumerate(levels[name]):
            hand = [values[min(int(np.searchsorted(upto, level - 1e-10)), len(values) - 1)] for level in wanted]
            got = found[name, "b" if name == "a" else "a"][i]
            assert (got.low, got.value, got.high) == tuple(hand)
            for one, s in zip(groups[name].strata[i], (0, 1), strict=True):
                assert one.below == int((own & (stage == s) & (x <= hand[1])).sum())
