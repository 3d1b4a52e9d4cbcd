"""What drives a metric adds up to its change, and is what `explain` says of the same two weeks."""

from __future__ import annotations

import math
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dashboards import driver_blocks, read_trends
from steelyard.dashboards.drivers import driver_contributions
from steelyard.document import Figure, Grid, Paragraph, to_text
from steelyard.metrics import Metric, MetricCatalog, Ratio, explain
from steelyard.metrics.tree import parse_tree
from steelyard.warehouse import TableDeclaration, connect

amounts = st.floats(0.01, 1e6)


@given(before=st.tuples(amounts, amounts, amounts), after=st.tuples(amounts, amounts, amounts))
def test_the_parts_of_a_product_add_up_to_its_change(before: tuple[float, ...], after: tuple[float, ...]) -> None:
    tree = parse_tree("whole", "a * b / c")
    found = driver_contributions(tree, dict(zip("abc", before, strict=True)), dict(zip("abc", after, strict=True)))
    assert found is not None
    change = after[0] * after[1] / after[2] - before[0] * before[1] / before[2]
    scale = max(abs(after[0] * after[1] / after[2]), abs(before[0] * before[1] / before[2]))
    assert math.fsum(found.values()) == pytest.approx(change, abs=1e-9 * scale)


def test_the_parts_of_a_sum_are_their_own_changes_and_what_is_taken_away_counts_the_other_way() -> None:
    tree = parse_tree("net", "sold - returned")
    found = driver_contributions(tree, {"sold": 10.0, "returned": 2.0}, {"sold": 13.0, "returned": 6.0})
    assert found == {"sold": 3.0, "returned": -4.0}


def test_a_part_that_is_undefined_leaves_nothing_to_say() -> None:
    tree = parse_tree("rate", "a / b")
    assert driver_contributions(tree, {"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 2.0}) is None
    assert driver_contributions(tree, {"a": None, "b": 1.0}, {"a": 1.0, "b": 2.0}) is None


def shop() -> tuple[MetricCatalog, pa.Table]:
    days = [date(2026, 1, 5 + n) for n in range(21)]
    rows = [(day, i, 10.0 + i % 5 + n) for n, day in enumerate(days) for i in range(20 + 3 * n)]
    table = pa.table({"day": [r[0] for r in rows], "id": range(len(rows)), "amount": [r[2] for r in rows]})
    metrics = [
        Metric(name="revenue", sum="orders.amount", better="up", measured_in="USD"),
        Metric(name="orders", count="orders", better="up"),
        Metric(name="average", ratio=Ratio(numerator="revenue", denominator="orders"), measured_in="USD"),
    ]
    declared = [TableDeclaration(name="orders", key=("id",), time="day")]
    return MetricCatalog.of(metrics=metrics, tables=declared, trees={"revenue": "orders * average"}), table


def test_the_first_page_and_an_explanation_of_the_same_weeks_agree() -> None:
    catalog, orders = shop()
    with connect({"orders": orders}) as warehouse:
        trends = read_trends(catalog, warehouse, ["revenue", "orders", "average"], grain="week").found
        weeks = (date(2026, 1, 12), date(2026, 1, 18)), (date(2026, 1, 19), date(2026, 1, 25))
        told = explain(catalog, warehouse, "revenue", before=weeks[0], after=weeks[1])
    values = [{name: float(trends[name].at(week[0])) for name in ("orders", "average")} for week in weeks]
    found = driver_contributions(catalog.trees["revenue"], *values)
    assert told.tree is not None
    assert found == pytest.approx({factor.name: factor.contribution for factor in told.tree.factors})


def test_a_tree_is_shown_as_its_formula_and_a_tile_a_part() -> None:
    catalog, orders = shop()
    with connect({"orders": orders}) as warehouse:
        trends = read_trends(catalog, warehouse, ["revenue", "orders", "average"], grain="week").found
    formula, tiles = driver_blocks(catalog, "revenue", trends, lambda name: f"/{name}")
    assert isinstance(formula, Paragraph)
    assert to_text([formula]).split(".")[0] == "Revenue = orders × average"
    assert "add up to the change" in to_text([formula])
    assert isinstance(tiles, Grid)
    assert [tile.href for tile in tiles.blocks if isinstance(tile, Figure)] == ["/orders", "/average"]


def test_a_metric_without_an_answer_does_not_take_the_others_with_it() -> None:
    catalog, orders = shop()
    broken = MetricCatalog.of(
        metrics=[*catalog.metrics.values(), Metric(name="gone", count="missing")],
        tables=[*catalog.tables.values(), TableDeclaration(name="missing", key=("id",), time="day")],
    )
    with connect({"orders": orders}) as warehouse:
        found = read_trends(broken, warehouse, ["revenue", "gone"], ["orders"], grain="week")
    assert set(found.found) == {"revenue", "orders"}
    assert set(found.failed) == {"gone"}
    assert found.through == date(2026, 1, 25)
