from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.dashboards import Filters
from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.warehouse import TableDeclaration, connect

CATALOG = MetricCatalog.of(
    metrics=[Metric(name="rows", count="facts")],
    tables=[TableDeclaration(name="facts", key=("id",), dimensions=("place",))],
)
VALUES = st.one_of(
    st.lists(st.one_of(st.none(), st.text(max_size=8)), min_size=1, max_size=6),
    st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9)), min_size=1, max_size=6),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=1, max_size=6),
)


@given(VALUES, st.data())
@settings(max_examples=40, deadline=None)
def test_a_chosen_value_keeps_its_rows_whatever_is_in_it(values: list[Any], data: st.DataObject) -> None:
    values = [value for value in values if value is None or (value != "" and "\x00" not in str(value))] or ["a"]
    table = pa.table({"id": range(len(values)), "place": pa.array(values)})
    if pa.types.is_null(table.schema.field("place").type):
        return
    chosen = data.draw(st.sampled_from(values))
    name = "(unknown)" if chosen is None else str(chosen).lower() if isinstance(chosen, bool) else str(chosen)
    condition = Filters(only={"place": name}).condition({"place": values})
    with connect({"facts": table}) as warehouse:
        answer = query(CATALOG, warehouse, "rows", where=condition).rows()
    assert answer == [{"rows": values.count(chosen)}]


@pytest.mark.parametrize("value", ["DE' OR '1'='1", "<script>alert(1)</script>", "ZZ", "NULL"])
def test_a_value_that_is_not_there_is_refused(value: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        Filters(only={"country": value}).condition({"country": ["DE", "AT", None]})
    assert refused.value.where == "?country"


def test_a_filter_that_is_not_there_is_refused_and_an_empty_one_was_not_given() -> None:
    with pytest.raises(UnknownNameError, match="no filter named 'region'"):
        Filters(only={"region": "x"}).condition({"country": ["DE"]})
    assert Filters(only={"country": ""}).condition({"country": ["DE"]}) == ""


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(DefinitionError, match="before it begins"):
        Filters(since=date(2026, 2, 1), until=date(2026, 1, 1))
