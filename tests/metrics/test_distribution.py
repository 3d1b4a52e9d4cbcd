"""How values are spread, against numpy on the same rows."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, Quantile, Ratio
from steelyard.metrics.distribution import bin_edges, distribution, distribution_per
from steelyard.warehouse import TableDeclaration, connect

RANDOM = np.random.default_rng(11)
AMOUNTS = np.round(RANDOM.gamma(2.0, 15.0, 5000), 2)
BUYERS = RANDOM.integers(0, 400, 5000)
DAYS = [date(2026, 1, 1) + timedelta(days=int(n) % 60) for n in range(5000)]
ORDERS = pa.table(
    {
        "id": range(5000),
        "amount": pa.array([None if n % 250 == 0 else float(a) for n, a in enumerate(AMOUNTS)]),
        "buyer": BUYERS,
        "day": DAYS,
        "channel": ["web" if n % 3 else "app" for n in range(5000)],
    }
)
DECLARED = TableDeclaration(
    name="orders", key=("id",), time="day", entities={"customer": ("buyer",)}, dimensions=("channel",)
)
METRICS = [
    Metric(name="revenue", sum="orders.amount"),
    Metric(name="orders", count="orders"),
    Metric(name="median", quantile=Quantile(of="orders.amount")),
    Metric(name="average", ratio=Ratio(numerator="revenue", denominator="orders")),
]
CATALOG = MetricCatalog.of(metrics=METRICS, tables=[DECLARED])
KNOWN = np.array([a for n, a in enumerate(AMOUNTS) if n % 250])


def test_the_bins_hold_every_value_once_as_numpy_counts_them() -> None:
    with connect({"orders": ORDERS}) as warehouse:
        found = distribution(CATALOG, warehouse, "revenue")
    assert (found.values, found.missing) == (len(KNOWN), 20)
    assert sum(found.counts) + found.below + found.above == len(KNOWN)
    edges = np.array(found.edges)
    expected = np.histogram(KNOWN[(edges[0] <= KNOWN) & (edges[-1] > KNOWN)], bins=edges)[0]
    assert list(found.counts) == list(expected)
    assert found.mean == pytest.approx(KNOWN.mean())
    for share, value in found.quantiles.items():
        assert value == pytest.approx(np.quantile(KNOWN, share))
    assert (found.low, found.high) == (KNOWN.min(), KNOWN.max())


def test_the_values_of_things_are_the_metric_over_their_own_rows() -> None:
    with connect({"orders": ORDERS}) as warehouse:
        orders = distribution(CATALOG, warehouse, "orders", per="customer")
        spent = distribution(CATALOG, warehouse, "revenue", per="customer", where="channel = 'web'")
    counts = np.bincount(BUYERS)
    assert (orders.values, orders.low, orders.high) == ((counts > 0).sum(), counts[counts > 0].min(), counts.max())
    assert orders.mean == pytest.approx(counts[counts > 0].mean())
    web = np.array([n % 3 > 0 for n in range(5000)])
    there = np.array([n % 250 > 0 for n in range(5000)])
    by_buyer = np.bincount(BUYERS[web & there], weights=AMOUNTS[web & there], minlength=400)
    assert spent.high == pytest.approx(by_buyer.max())


def test_a_range_of_days_narrows_it() -> None:
    with connect({"orders": ORDERS}) as warehouse:
        found = distribution(CATALOG, warehouse, "revenue", since="2026-01-01", until="2026-01-02")
    kept = [n for n in range(5000) if n % 60 < 2]
    assert found.values + found.missing == len(kept)


def test_what_a_metric_can_be_spread_over() -> None:
    assert distribution_per(CATALOG, "revenue") == ("", "customer")
    assert distribution_per(CATALOG, "orders") == ("customer",)
    assert distribution_per(CATALOG, "median") == ("",)
    assert distribution_per(CATALOG, "average") == ()


def test_rows_that_are_counted_have_no_value_of_their_own() -> None:
    with connect({"orders": ORDERS}) as warehouse:
        with pytest.raises(DefinitionError, match="have no value"):
            distribution(CATALOG, warehouse, "orders")
        with pytest.raises(UnknownNameError, match="custmer"):
            distribution(CATALOG, warehouse, "orders", per="custmer")


def test_a_sensitive_entity_is_nothing_to_spread_over() -> None:
    closed = MetricCatalog.of(metrics=METRICS, tables=[DECLARED], sensitive=["buyer"])
    assert distribution_per(closed, "orders") == ()
    with connect({"orders": ORDERS}) as warehouse, pytest.raises(PolicyError, match="buyer"):
        distribution(closed, warehouse, "orders", per="customer")


def test_a_project_that_tells_of_no_small_groups_spreads_nothing() -> None:
    closed = MetricCatalog.of(metrics=METRICS, tables=[DECLARED], smallest_group=5)
    assert distribution_per(closed, "revenue") == ()
    with connect({"orders": ORDERS}) as warehouse, pytest.raises(PolicyError, match="fewer than 5"):
        distribution(closed, warehouse, "revenue")


def test_no_rows_are_no_bins() -> None:
    with connect({"orders": ORDERS.slice(0, 0)}) as warehouse:
        found = distribution(CATALOG, warehouse, "revenue")
    assert (found.values, found.edges, found.counts, found.mean) == (0, (), (), None)


@given(low=st.floats(-1e9, 1e9), width=st.floats(0, 1e9))
def test_edges_rise_by_one_width_and_reach_over_every_value(low: float, width: float) -> None:
    high = low + width
    edges = bin_edges(low, high, {})
    steps = np.diff(edges)
    assert len(edges) >= 2
    assert steps.min() > 0
    assert steps.max() <= steps.min() * (1 + 1e-3)
    slack = 1e-9 * max(abs(low), abs(high))
    assert edges[0] <= low + slack
    assert edges[-1] > high - slack


def test_a_long_tail_does_not_squeeze_the_rest_into_one_bar() -> None:
    values = {0.005: 1.0, 0.995: 50.0}
    edges = bin_edges(0.0, 1e6, values)
    assert edges[0] <= 1.0
    assert 50.0 < edges[-1] < 60.0
