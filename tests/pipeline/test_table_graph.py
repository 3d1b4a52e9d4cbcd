"""What reads what: order, cycles, unknown names, selection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.pipeline.table_definition import parse_table
from steelyard.pipeline.table_graph import table_graph


def tables(**sql: str):
    return [parse_table(name, text, path=f"tables/{name}.sql") for name, text in sql.items()]


SHOP = tables(
    daily="SELECT * FROM orders JOIN people USING (id)", orders="SELECT * FROM raw", people="SELECT * FROM raw_people",
    top="SELECT * FROM daily",
)  # fmt: skip


def test_the_order_has_inputs_first_and_is_the_same_however_files_are_listed():
    graph = table_graph(SHOP, ["raw", "raw_people"])
    assert list(graph.definitions) == ["orders", "people", "daily", "top"]
    assert list(table_graph(SHOP[::-1], ["raw_people", "raw"]).definitions) == list(graph.definitions)
    assert graph.sources == ("raw", "raw_people")


def test_selection_reaches_up_and_down():
    graph = table_graph(SHOP, ["raw", "raw_people"])
    assert graph.select(["+daily"]) == ("orders", "people", "daily")
    assert graph.select(["orders+"]) == ("orders", "daily", "top")
    assert graph.select(["raw_people+"]) == ("people", "daily", "top")
    assert graph.select(["raw"]) == ()
    with pytest.raises(UnknownNameError, match="'orders'"):
        graph.select(["order"])


def test_a_cycle_is_named_with_files_and_lines():
    with pytest.raises(DefinitionError) as caught:
        table_graph(
            tables(a="SELECT *\nFROM b", b="SELECT * FROM c", c="SELECT 1 AS x\n\nFROM a", d="SELECT * FROM a"), []
        )
    assert "a -> b -> c -> a" in caught.value.problem
    assert caught.value.where == "tables/a.sql:2 reads 'b'; tables/b.sql:1 reads 'c'; tables/c.sql:3 reads 'a'"


def test_data_tests_that_wait_for_each_other_are_a_cycle_too():
    foreign = "-- tests: [{{foreign_key: {{columns: id, table: {0}}}}}]\nSELECT * FROM raw"
    with pytest.raises(DefinitionError, match="data test"):
        table_graph(tables(a=foreign.format("b"), b=foreign.format("a")), ["raw"])


def test_an_unknown_reference_names_the_line_and_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        table_graph(tables(t="SELECT 1 AS x\nFROM ordrs"), ["orders"])
    assert caught.value.where == "tables/t.sql:2"
    assert caught.value.hint == "did you mean 'orders'?"


def test_a_table_named_like_a_source_or_like_another_is_refused():
    with pytest.raises(DefinitionError, match="as a source"):
        table_graph(tables(Raw="SELECT 1 AS a"), ["raw"])
    with pytest.raises(DefinitionError, match="defined twice"):
        table_graph([*tables(a="SELECT 1 AS a"), *tables(A="SELECT 1 AS a")], [])


def test_a_name_is_found_whatever_its_case():
    graph = table_graph(tables(t="SELECT * FROM RAW"), ["raw"])
    assert graph.inputs["t"] == ("raw",)


def test_a_test_that_names_an_unknown_table_or_is_no_sql_is_refused_at_its_line():
    with pytest.raises(UnknownNameError) as caught:
        table_graph(
            tables(t="-- owner: me\n-- tests:\n-- - foreign_key: {columns: a, table: peple}\nSELECT 1 AS a"), ["people"]
        )
    assert caught.value.where == "tables/t.sql:3"
    with pytest.raises(DefinitionError, match="does not parse"):
        table_graph(tables(t="-- tests: [{sql: SELECT FROM WHERE}]\nSELECT 1 AS a"), [])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_every_table_comes_after_all_that_it_reads(edges):
    reads = {n: sorted({low for low, high in edges if high == n and low < n}) for n in range(10)}
    made = tables(**{f"t{n}": f"SELECT * FROM {', '.join(['raw', *(f't{m}' for m in reads[n])])}" for n in reads})
    order = list(table_graph(made, ["raw"]).definitions)
    assert all(order.index(f"t{m}") < order.index(f"t{n}") for n in reads for m in reads[n])
