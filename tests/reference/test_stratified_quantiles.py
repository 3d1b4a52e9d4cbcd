"""Quantiles of a weighted, stratified arm against R's survey package: the value, the error of its share, the bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.stats.stratified_quantile import quantile_levels
from steelyard.warehouse import connect
from steelyard.warehouse.stratified_counts import counts_by_group, stratified_counts
from steelyard.warehouse.weighted_cells import WeightedCells
from steelyard.warehouse.weighted_order_statistics import weighted_order_statistics, weighted_values_by_group

CASES = json.loads(Path(__file__).with_name("stratified_quantiles.json").read_text())
OWN, ALL = (40, 300, 120), (300, 500, 200)


def tables(kind: str) -> dict[str, pa.Table]:
    """The arm of the script, beside another whose units make the stages' shares three, five and two in ten."""
    unit, stage = np.arange(1, 461), np.repeat((1, 2, 3), OWN)
    value = 100 * stage**0.7 + 60 * np.sin(1.7 * unit) + 0.01 * unit
    units, own = {"unit": unit, "arm": ["a"] * 460, "stage": stage}, value
    owner, k = unit, np.arange(1, 461)
    if kind == "rows":
        count = (7 * unit) % 9
        owner = np.repeat(unit, np.maximum(count, 1))
        k = np.arange(1, len(owner) + 1)
        own = np.repeat(value, np.maximum(count, 1)) + 20 * np.sin(2.3 * k + owner)
        there = np.repeat(count, np.maximum(count, 1)) > 0
        owner, own = owner[there], own[there]
    others = np.repeat((1, 2, 3), [whole - part for whole, part in zip(ALL, OWN, strict=True)])
    more = pa.table({"unit": 1_000 + np.arange(540), "arm": ["b"] * 540, "stage": others})
    rows = {"unit": owner, "arm": ["a"] * len(owner), "stage": np.repeat((1, 2, 3), OWN)[owner - 1], "value": own}
    values = pa.table({**more.to_pydict(), "value": np.sin(np.arange(540))})
    return {
        "units": pa.concat_tables([pa.table(units), more]),
        "rows": pa.concat_tables([pa.table(rows), values]),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}, p{case['quantile'] * 100:g}")
def test_value_error_and_bounds_are_those_of_r(case: dict[str, Any]) -> None:
    share, of_units = case["quantile"], case["kind"] == "units"
    warehouse = connect(tables(case["kind"]))
    cells = WeightedCells(
        relation='"rows"', units='"units"', group="arm", against="b", within=(), strata=("stage",), columns=("value",)
    )
    counted = warehouse.fetch(stratified_counts(cells, [(0, share)], "" if of_units else "unit"))
    groups = {group.address: group for group in counts_by_group(counted, (), one_value_each=of_units)}
    (strata,) = groups["a", "b"].strata
    whole = sum(one.weight * one.sizes / one.units for one in strata)
    assert sum(one.weight * one.below / one.units for one in strata) / whole == pytest.approx(case["share"], rel=1e-12)
    found = quantile_levels(strata, share)
    assert found is not None
    assert found.n == case["n"]
    assert (found.effect * share * (1 - share) / found.n) ** 0.5 == pytest.approx(case["error"], rel=1e-9)
    levels = {groups["a", "b"].place: [(found.low, share, found.high)]}
    fetched = weighted_values_by_group(warehouse.fetch(weighted_order_statistics(cells, [0], levels)), ())
    (values,) = fetched["a", "b"]
    assert (values.value, values.low, values.high) == pytest.approx(
        (case["value"], case["low"], case["high"]), rel=1e-12
    )
