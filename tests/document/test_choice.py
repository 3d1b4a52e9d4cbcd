from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.document import (
    BarChart,
    BoxChart,
    FunnelChart,
    HeatMap,
    Histogram,
    IntervalChart,
    LineChart,
    Task,
    chart_for,
)
from steelyard.errors import DefinitionError, UnknownNameError

WEEKS = [date(2026, 9, 7), date(2026, 9, 14)]
ROWS: list[dict[str, Any]] = [
    {"week": week, "country": country, "device": device, "orders": number, "low": number - 1, "high": number + 1}
    for number, (week, country, device) in enumerate(
        [(WEEKS[0], "NO", "mobile"), (WEEKS[1], "DE", "mobile"), (WEEKS[0], "DE", "desktop"), (WEEKS[1], None, "tv")]
    )
]


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (Task(value="orders", over="week", by=["country"]), LineChart),
        (Task(value="orders", by=["country", "device"]), HeatMap),
        (Task(value="orders", by=["device"]), BarChart),
        (Task(value="orders", by=["device"], ordered=True), FunnelChart),
        (Task(value="orders", by=["device"], low="low", high="high"), IntervalChart),
        (Task(value="orders"), Histogram),
    ],
)
def test_each_task_has_its_chart(task: Task, kind: type) -> None:
    chart = chart_for("Orders", ROWS, task)
    assert type(chart) is kind
    assert chart.table().rows


def test_the_kind_can_be_another() -> None:
    by_device = Task(value="orders", by=["device"])
    assert type(chart_for("Orders", ROWS, by_device, kind="box")) is BoxChart
    assert type(chart_for("Orders", ROWS, by_device, kind="funnel")) is FunnelChart


def test_several_lines_meet_at_the_same_places_and_unknown_groups_are_named() -> None:
    chart = chart_for("Orders", ROWS, Task(value="orders", over="week", by=["country"]))
    assert isinstance(chart, LineChart)
    assert list(chart.x) == WEEKS
    assert {one.name: one.values for one in chart.series} == {
        "NO": (0.0, None),
        "DE": (2.0, 1.0),
        "(unknown)": (None, 3.0),
    }


def test_two_rows_at_one_place_of_a_line_are_refused() -> None:
    with pytest.raises(DefinitionError, match="two rows"):
        chart_for("Orders", ROWS, Task(value="orders", over="week"))


def test_of_many_groups_the_largest_are_drawn_and_the_title_says_so() -> None:
    rows = [{"shop": f"s{number}", "orders": number} for number in range(30)]
    bars = chart_for("Orders", rows, Task(value="orders", by=["shop"]))
    assert bars.title == "Orders: the 20 largest of 30"
    assert bars.table().rows[0] == ("s29", 29)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_boxes_have_the_quantiles_that_numpy_gives(values: list[float]) -> None:
    rows = [{"group": "a", "value": value} for value in values]
    chart = chart_for("Values", rows, Task(value="value", by=["group"]), kind="box")
    assert isinstance(chart, BoxChart)
    five = chart.rows[0].five()
    assert five == pytest.approx(np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("task", "kind", "says"),
    [
        (Task(value="orders", by=["country"]), "line", "something to run over"),
        (Task(value="orders", by=["country"]), "dots", "bounds"),
        (Task(value="orders", by=["country"]), "heat_map", "by 2 columns, not by 1"),
        (Task(value="orders", by=["country", "device"]), "bar", "by 1 column, not by 2"),
        (Task(value="orders"), "box", "by 1 column, not by 0"),
    ],
)
def test_a_kind_that_lacks_its_columns_is_refused(task: Task, kind: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        chart_for("Orders", ROWS, task, kind=kind)


def test_unknown_kinds_and_columns_are_named() -> None:
    with pytest.raises(UnknownNameError, match="no chart named 'pie'"):
        chart_for("Orders", ROWS, Task(value="orders", by=["device"]), kind="pie")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="no column named 'order'"):
        chart_for("Orders", ROWS, Task(value="order", by=["device"]))
