"""Ranges of different length: what grows with days is compared per day, what does not is not, and what mixes both is
refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from steelyard.definition_file import build
from steelyard.errors import DefinitionError
from steelyard.metrics import Metric, MetricCatalog, explain
from steelyard.metrics.root_cause.growth import growth
from steelyard.warehouse import TableDeclaration, Warehouse, connect

START = date(2026, 1, 5)
MONTH = (START, START + timedelta(days=27))
WEEK = (START + timedelta(days=28), START + timedelta(days=34))
SAID: dict[str, tuple[dict[str, Any], int | None]] = {
    "gross": ({"sum": "sales.gross"}, 1),
    "back": ({"sum": "sales.back"}, 1),
    "sales": ({"count": "sales"}, 1),
    "each": ({"mean": "sales.gross"}, 0),
    "middle": ({"quantile": {"of": "sales.gross", "share": 0.5}}, 0),
    "seven": ({"rolling": {"of": "gross", "days": 7}}, 0),
    "so_far": ({"cumulative": "gross"}, 0),
    "stock": ({"balance": {"of": "sales.gross", "policy": "end_of_period"}}, 0),
    "of_all": ({"share": {"of": "gross"}}, 0),
    "net": ({"derived": "gross - back"}, 1),
    "twice": ({"derived": "2 * (net + coalesce(back, 0))"}, 1),
    "net_each": ({"derived": "net / sales"}, 0),
    "kept": ({"derived": "1 - back / gross"}, 0),
    "squared": ({"derived": "gross * sales"}, 2),
    "mixed": ({"derived": "gross - each"}, None),
    "less": ({"derived": "gross - 100"}, None),
}


@pytest.fixture(scope="module")
def catalog() -> MetricCatalog:
    return MetricCatalog.of(
        tables=[TableDeclaration(name="sales", key=("id",), time="day", dimensions=("kind",))],
        metrics=[build(Metric, {"name": name, **said}, at=("metrics",)) for name, (said, _) in SAID.items()],
        trees={"twice": "net + back"},
    )


@pytest.fixture(scope="module")
def sales() -> Iterator[Warehouse]:
    """Every day alike: whatever is said to have changed is an artefact of the lengths."""
    numbers = range(35 * 4)
    rows = {
        "id": list(numbers),
        "day": [START + timedelta(days=number // 4) for number in numbers],
        "kind": ["ab"[number % 2] for number in numbers],
        "gross": [10 + number % 4 for number in numbers],
        "back": [number % 2 for number in numbers],
    }
    with connect({"sales": pa.table(rows)}) as warehouse:
        yield warehouse


@pytest.mark.parametrize(("name", "power"), [(name, power) for name, (_, power) in SAID.items()])
def test_the_power_of_days_follows_from_the_formula(catalog: MetricCatalog, name: str, power: int | None) -> None:
    assert growth(catalog.formula(name)) == power


@pytest.mark.parametrize("name", [name for name, (_, power) in SAID.items() if power in (0, 1) and name != "so_far"])
def test_where_every_day_is_alike_ranges_of_any_length_show_no_change(
    catalog: MetricCatalog, sales: Warehouse, name: str
) -> None:
    found = explain(catalog, sales, name, MONTH, WEEK)
    assert found.change == pytest.approx(0, abs=1e-9)
    assert found.basis == ("per day" if SAID[name][1] == 1 else "value")


def test_the_branches_of_a_tree_are_per_day_too(catalog: MetricCatalog, sales: Warehouse) -> None:
    tree = explain(catalog, sales, "twice", MONTH, WEEK).tree
    assert tree is not None
    assert {factor.name: (factor.before, factor.after) for factor in tree.factors if factor.before is not None} == {
        "net": (44.0, 44.0),
        "back": (2.0, 2.0),
    }


@pytest.mark.parametrize("name", ["squared", "mixed", "less"])
def test_what_neither_grows_evenly_nor_not_at_all_needs_ranges_of_one_length(
    catalog: MetricCatalog, sales: Warehouse, name: str
) -> None:
    with pytest.raises(DefinitionError, match="28 and 7 days") as caught:
        explain(catalog, sales, name, MONTH, WEEK)
    assert caught.value.hint == "give two ranges of one length"
    assert explain(catalog, sales, name, (MONTH[0], MONTH[0] + timedelta(days=6)), WEEK).change == 0
