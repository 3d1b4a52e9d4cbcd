"""Groups of fewer units than a project tells of leave by no way, and no total tells of them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import PolicyError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, Ratio, query
from steelyard.metrics.drill import drill
from steelyard.metrics.explain import explain
from steelyard.metrics.kinds import Rolling
from steelyard.metrics.product import Funnel, FunnelStep, run_funnel
from steelyard.metrics.small_groups import small_groups
from steelyard.metrics.streamed import stream
from steelyard.warehouse import TableDeclaration, Warehouse, connect

K = 10
# country -> (customers, orders of each); the one of CH orders often, so that rows alone would hide nobody.
SHOP = {"DE": (40, 1), "FR": (30, 1), "IT": (12, 1), "AT": (4, 1), "CH": (1, 50)}


def orders() -> pa.Table:
    found, person = [], 0
    for country, (people, each) in SHOP.items():
        for _ in range(people):
            person += 1
            found += [
                {"customer": person, "country": country, "day": f"2026-01-0{1 + (person + n) % 2}", "amount": person}
                for n in range(each)
            ]
    rows = [{"id": number, "back": number % 15 == 0, **row} for number, row in enumerate(found)]
    table = pa.Table.from_pylist(rows)
    return table.set_column(4, "day", table["day"].cast(pa.timestamp("s")).cast(pa.date32()))


def catalog_of(*metrics: Metric, smallest: int = K, of: str = "customer", **more: Any) -> MetricCatalog:
    declared = TableDeclaration(
        name="orders", key=("id",), time="day", dimensions=("country", "customer", "back"),
        entities={"customer": ("customer",)},
    )  # fmt: skip
    known = metrics or (
        Metric(name="revenue", sum="orders.amount"),
        Metric(name="orders", count="orders"),
        Metric(name="returns", count="orders", where="back"),
        Metric(name="return_rate", ratio=Ratio(numerator="returns", denominator="orders")),
    )
    return MetricCatalog.of(metrics=known, tables=[declared], smallest_group=smallest, smallest_group_of=of, **more)


@pytest.fixture(scope="module")
def shop() -> Any:
    with connect({"orders": orders()}) as warehouse:
        yield warehouse


def shown(catalog: MetricCatalog, shop: Warehouse, metrics: Any, **asked: Any) -> set[str]:
    return {row["country"] for row in query(catalog, shop, metrics, by="country", **asked).rows()}


def test_groups_of_few_people_are_not_shown_however_many_rows_they_have(shop: Warehouse) -> None:
    answer = query(catalog_of(), shop, "revenue", by="country")
    assert {row["country"] for row in answer.rows()} == {"DE", "FR"}
    assert answer.withheld == 3
    assert answer.notes[0] == (
        "2 groups of fewer than 10 (counted by customer) are not shown, and 1 more is not, so that no total tells of "
        "them."
    )
    assert answer.to_dict()["withheld"] == 3


def test_rows_are_counted_where_no_entity_is_named(shop: Warehouse) -> None:
    assert shown(catalog_of(of=""), shop, "revenue") == {"DE", "FR", "CH"}


def test_without_a_smallest_group_everything_is_shown(shop: Warehouse) -> None:
    answer = query(catalog_of(smallest=1), shop, "revenue", by="country")
    assert len(answer.rows()) == len(SHOP)
    assert answer.withheld == 0


def test_a_total_less_what_is_shown_is_of_enough_people(shop: Warehouse) -> None:
    kept = shown(catalog_of(), shop, "orders")
    hidden = sum(people for country, (people, _) in SHOP.items() if country not in kept)
    assert hidden >= K


def test_a_condition_that_leaves_few_people_gives_no_number(shop: Warehouse) -> None:
    answer = query(catalog_of(), shop, ["revenue", "orders"], where="customer = 7")
    assert answer.rows() == [{"revenue": None, "orders": None}]
    assert answer.how.facts[0].rows == 0
    assert "1 number of fewer than 10" in answer.notes[0]


def test_a_period_of_few_people_keeps_its_row_and_tells_no_number(shop: Warehouse) -> None:
    rows = query(catalog_of(), shop, "revenue", by="day", where="country = 'CH' OR country = 'AT'").rows()
    assert [row["revenue"] for row in rows] == [None, None]


def test_a_small_part_counts_as_small_with_or_without_other_metrics_beside_it(shop: Warehouse) -> None:
    alone = shown(catalog_of(), shop, "returns")
    assert alone == shown(catalog_of(), shop, ["orders", "returns"]) == shown(catalog_of(), shop, "return_rate")
    assert alone < shown(catalog_of(), shop, "orders")


def test_neither_a_limit_nor_a_condition_on_numbers_tells_of_what_is_not_shown(shop: Warehouse) -> None:
    plain = query(catalog_of(), shop, "revenue", by="country")
    for having in ("revenue > 0", "revenue > 1000000", "revenue < 400", "orders = 50"):
        metrics = ["revenue", "orders"]
        answer = query(catalog_of(), shop, metrics, by="country", having=having)
        assert {row["country"] for row in answer.rows()} <= {row["country"] for row in plain.rows()}
        assert (answer.withheld, answer.notes[0]) == (plain.withheld, plain.notes[0])
    first = query(catalog_of(), shop, "revenue", by="country", limit=1)
    assert [row["country"] for row in first.rows()] == [plain.rows()[0]["country"]]
    assert (first.truncated, first.withheld) == (True, plain.withheld)


def test_the_rest_beside_the_top_is_a_group_like_any_other(shop: Warehouse) -> None:
    rows = query(catalog_of(), shop, "orders", by="country", top=4).rows()
    assert "(other)" not in {row["country"] for row in rows}


def test_what_shows_single_rows_or_is_not_counted_is_refused(shop: Warehouse) -> None:
    catalog = catalog_of(Metric(name="orders", count="orders"))
    with pytest.raises(PolicyError, match="single rows"):
        drill(catalog, shop, "orders", at={"country": "DE"})
    ranges = {"before": ("2026-01-01", "2026-01-01"), "after": ("2026-01-02", "2026-01-02")}
    with pytest.raises(PolicyError, match="segments"):
        explain(catalog, shop, "orders", **ranges, dimensions=["country"])
    found = explain(catalog, shop, "orders", **ranges)
    assert not found.dimensions
    assert not found.causes
    assert set(found.skipped) == {"country", "customer", "back"}


def test_a_stream_tells_of_no_more_than_an_answer(shop: Warehouse) -> None:
    with stream(catalog_of(), shop, "revenue", by="country") as found:
        streamed = [row for part in found.parts for row in part.to_pylist()]
    assert streamed == query(catalog_of(), shop, "revenue", by="country").rows()


def test_an_entity_that_is_none_refuses_every_question(shop: Warehouse) -> None:
    with pytest.raises(UnknownNameError, match="custmer"):
        query(catalog_of(of="custmer"), shop, "orders")


def test_a_window_is_not_told_for_one_less_the_one_before_is_of_a_few_days(shop: Warehouse) -> None:
    lately, so_far = (
        Metric(name="lately", rolling=Rolling(of="orders", days=1)),
        Metric(name="so_far", cumulative="orders"),
    )
    catalog = catalog_of(Metric(name="orders", count="orders"), lately, so_far)
    for name in ("lately", "so_far"):
        for asked in ({}, {"by": "day"}, {"since": "2026-01-01", "until": "2026-01-01"}, {"where": "country = 'CH'"}):
            with pytest.raises(PolicyError, match="units of a window are not counted"):
                query(catalog, shop, name, **asked)


def test_a_product_analysis_is_refused(shop: Warehouse) -> None:
    steps = (FunnelStep(name="a"), FunnelStep(name="b"))
    funnel = Funnel(name="again", table="orders", steps=steps, entity="customer")
    with pytest.raises(PolicyError, match="product analysis"):
        run_funnel(catalog_of(), shop, funnel)


def test_examples_of_a_false_key_are_not_shown_where_its_column_is_sensitive() -> None:
    rows = pa.table({"email": ["ada@example.org", "ada@example.org"], "amount": [1, 2]})
    declared = TableDeclaration(name="people", key=("email",))
    catalog = MetricCatalog.of(
        metrics=[Metric(name="n", count="people")], tables=[declared], sensitive=["people.email"]
    )
    with connect({"people": rows}) as warehouse:
        answer = query(catalog, warehouse, "n")
    assert any("not unique" in note for note in answer.notes)
    assert "ada@example.org" not in str(answer.to_dict())


SIZES = st.integers(0, 40)


@given(st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.tuples(SIZES, SIZES)), st.integers(2, 15))
def test_in_every_line_what_is_hidden_is_of_enough_units_or_is_all_there_is(
    table: dict[tuple[int, int], tuple[int, int]], smallest: int
) -> None:
    keys, sizes = list(table), list(table.values())
    small, beside = small_groups(keys, sizes, smallest)
    hidden = small | beside
    assert not small & beside
    assert small == {at for at, own in enumerate(sizes) if min((n for n in own if n), default=smallest) < smallest}
    assert bool(beside) <= bool(small)
    for axis in (0, 1):
        for line in {key[1 - axis] for key in keys}:
            places = [at for at, key in enumerate(keys) if key[1 - axis] == line]
            for number in (0, 1):
                gone = sum(sizes[at][number] for at in places if at in hidden)
                left = sum(sizes[at][number] for at in places if at not in hidden)
                assert gone == 0 or gone >= smallest or left == 0
