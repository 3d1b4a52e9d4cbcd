"""Two entities linked many-to-many: shared out by weights that are proved, or counted whole in each and flagged."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.warehouse import Bridge, Role, TableDeclaration, connect

UNKNOWN = "(unknown)"
ORDERS = pa.table(
    {
        "order_id": [1, 2, 3, 4],
        "customer_id": [1, 1, 2, 3],
        "channel": ["web", "app", "web", "web"],
        "amount": pa.array([Decimal("100.00"), Decimal("50.00"), Decimal("7.00"), None], pa.decimal128(12, 2)),
    }
)
LINES = pa.table({"line_id": [1, 2, 3, 4, 5], "order_id": [1, 1, 2, 3, None], "quantity": [1, 2, 4, 8, 16]})
CAMPAIGNS = pa.table({"campaign_id": [7, 8, 9], "campaign": ["spring", "summer", "autumn"], "medium_id": [1, 2, 2]})
MEDIA = pa.table({"medium_id": [1, 2], "medium": ["mail", "radio"]})
LINKS = pa.table(
    {
        "order_id": [1, 1, 2, 4, 4, 99],
        "campaign_id": [7, 8, 8, 7, 55, 9],
        "share": pa.array([Decimal(x) for x in ("0.25", "0.75", "1.00", "0.40", "0.60", "1.00")], pa.decimal128(5, 2)),
        "touch": ["first", "last", "first", "first", "last", "first"],
    }
)
TABLES = {"orders": ORDERS, "lines": LINES, "campaigns": CAMPAIGNS, "media": MEDIA, "links": LINKS}


def shop(weight: str = "share", **of_links: Any) -> MetricCatalog:
    said: dict[str, Any] = {
        "entities": {"order": ("order_id",), "campaign": ("campaign_id",)},
        "bridge": Bridge(of="order", to="campaign", weight=weight),
        **of_links,
    }
    return MetricCatalog.of(
        tables=[
            TableDeclaration(
                name="orders",
                key=("order_id",),
                entity="order",
                entities={"customer": ("customer_id",)},
                dimensions=("channel",),
            ),
            TableDeclaration(name="lines", key=("line_id",), entities={"order": ("order_id",)}),
            TableDeclaration(
                name="campaigns",
                key=("campaign_id",),
                entity="campaign",
                entities={"medium": ("medium_id",)},
                dimensions=("campaign",),
            ),
            TableDeclaration(name="media", key=("medium_id",), entity="medium", dimensions=("medium",)),
            TableDeclaration(name="links", dimensions=("touch",), **said),
        ],
        metrics=[
            Metric(name="amount", sum="orders.amount"),
            Metric(name="orders", count="orders"),
            Metric(name="mean", mean="orders.amount"),
            Metric(name="buyers", distinct="orders.customer_id"),
            Metric(name="quantity", sum="lines.quantity"),
            Metric(name="net", sum="orders.amount - 1"),
            Metric(name="campaigns", count="campaigns"),
            Metric(name="web", count="orders", where="channel = 'web'"),
        ],
    )


def by(metric: str, name: str, catalog: MetricCatalog | None = None, **asked: Any) -> dict[Any, float]:
    with connect(TABLES) as warehouse:
        rows = query(catalog or shop(), warehouse, metric, by=name, **asked).rows()
    return {key: None if value is None else float(value) for key, value in (tuple(row.values()) for row in rows)}


def test_sums_and_counts_are_shared_out_and_what_has_no_link_stays_whole() -> None:
    assert by("amount", "campaign") == {"spring": 25, "summer": 125, UNKNOWN: 7}
    assert by("orders", "campaign") == {"spring": pytest.approx(0.65), "summer": 1.75, UNKNOWN: pytest.approx(1.6)}
    assert by("net", "campaign") == {"spring": 24.75, "summer": 123.25, UNKNOWN: 6}


def test_shared_parts_add_up_to_the_total_and_are_not_flagged() -> None:
    with connect(TABLES) as warehouse:
        answer = query(shop(), warehouse, ["amount", "orders"], by="campaign")
        assert sum(row["amount"] for row in answer.rows()) == 157
        assert sum(row["orders"] for row in answer.rows()) == 4
    assert not any("overlap" in note for note in answer.notes)
    assert "weights share" in {proof.rule for proof in answer.how.proofs}


def test_a_mean_is_weighted_and_a_distinct_count_is_of_what_occurs() -> None:
    assert by("mean", "campaign") == {"spring": 100, "summer": pytest.approx(125 / 1.75), UNKNOWN: 7}
    assert by("buyers", "campaign") == {"spring": 2, "summer": 1, UNKNOWN: 2}


def test_columns_of_the_bridge_and_beyond_the_other_entity_are_reached_too() -> None:
    assert by("amount", "touch") == {"first": 75, "last": 75, UNKNOWN: 7}
    assert by("amount", "medium") == {"mail": 25, "radio": 125, UNKNOWN: 7}
    with connect(TABLES) as warehouse:
        rows = query(shop(), warehouse, "amount", by=["touch", "campaigns.campaign"]).rows()
    assert {(row["touch"], row["campaign"]): row["amount"] for row in rows} == {
        ("first", "spring"): 25, ("last", "summer"): 75, ("first", "summer"): 50, (UNKNOWN, UNKNOWN): 7,
        ("last", UNKNOWN): 0,
    }  # fmt: skip


def test_every_fact_that_leads_to_what_is_shared_out_is_shared_out() -> None:
    assert by("quantity", "campaign") == {"spring": 0.75, "summer": 6.25, UNKNOWN: 24}


def test_a_filter_of_a_metric_and_of_its_own_table_still_hold() -> None:
    assert by("web", "campaign")["summer"] == 0.75
    assert by("amount", "campaign", where="channel = 'app'") == {"summer": 50}


def test_a_filter_by_what_it_is_shared_out_to_keeps_whole_rows_unless_it_is_grouped_so() -> None:
    with connect(TABLES) as warehouse:
        whole = query(shop(), warehouse, "amount", where="campaign = 'summer'").rows()
        none = query(shop(), warehouse, "amount", where="campaign <> 'summer'").rows()
    assert whole == [{"amount": 150}]
    assert none == [{"amount": 7}]
    assert by("amount", "campaign", where="campaign = 'summer'") == {"summer": 125}
    either = "(campaign = 'spring' OR campaign = 'summer') AND channel = 'web'"
    assert by("amount", "campaign", where=either) == {"spring": 25, "summer": 75}
    with connect(TABLES) as warehouse:
        assert query(shop(), warehouse, "quantity", where="campaign = 'spring'").rows() == [{"quantity": 3}]


def test_without_a_weight_every_link_counts_the_whole_once_and_the_answer_says_so() -> None:
    with connect({**TABLES, "links": pa.concat_tables([LINKS, LINKS])}) as warehouse:
        answer = query(shop(weight=""), warehouse, "amount", by="campaign")
        lines = query(shop(weight=""), warehouse, "quantity", by="campaign")
    assert {row["campaign"]: row["amount"] for row in answer.rows()} == {"spring": 100, "summer": 150, UNKNOWN: 0}
    assert {row["campaign"]: row["quantity"] for row in lines.rows()} == {"spring": 3, "summer": 7}
    assert all(any("overlap" in note for note in item.notes) for item in (answer, lines))


def test_the_other_way_round_parts_overlap() -> None:
    with connect(TABLES) as warehouse:
        answer = query(shop(), warehouse, "campaigns", by="channel")
    assert {row["channel"]: row["campaigns"] for row in answer.rows()} == {"web": 2, "app": 1, UNKNOWN: 1}
    assert any("overlap" in note for note in answer.notes)


def test_a_bridge_may_name_its_references_by_roles() -> None:
    roles = {
        "sold": Role(entity="order", columns=("order_id",)),
        "credited": Role(entity="campaign", columns=("campaign_id",)),
    }
    catalog = shop(entities={}, roles=roles, bridge=Bridge(of="sold", to="credited", weight="share"))
    assert by("amount", "campaign", catalog) == {"spring": 25, "summer": 125, UNKNOWN: 7}


@pytest.mark.parametrize(
    ("share", "says"),
    [
        (["0.25", "0.74", "1.00", "0.40", "0.60", "1.00"], r"for 1 order_id.*1 \(they add up to 0.99\)"),
        (["0.25", "0.75", "1.00", "0.40", None, "1.00"], r"for 1 order_id, and 1 rows have no share: 4 \(they add up"),
        (["0.25", "0.75", None, "0.40", "0.60", "1.00"], r"for 1 order_id, and 1 rows have no share: 2 \(no share\)"),
        (["0.25", "0.75", "2.00", "0.40", "0.61", "0.00"], r"for 3 order_id"),
    ],
)
def test_shares_that_do_not_add_up_to_1_are_refused_with_the_ids(share: list[str | None], says: str) -> None:
    column = pa.array([None if x is None else Decimal(x) for x in share], pa.decimal128(5, 2))
    links = LINKS.set_column(LINKS.column_names.index("share"), "share", column)
    with connect({**TABLES, "links": links}) as warehouse:
        with pytest.raises(DataError, match=says):
            query(shop(), warehouse, "amount", by="campaign")
        assert query(shop(), warehouse, "amount").rows() == [{"amount": 157}]


def test_a_share_that_is_no_number_is_refused() -> None:
    links = LINKS.set_column(2, "share", pa.array([0.25, 0.75, float("nan"), 0.4, 0.6, 1.0]))
    with connect({**TABLES, "links": links}) as warehouse, pytest.raises(DataError, match="for 1 order_id"):
        query(shop(), warehouse, "amount", by="campaign")


def test_a_bridge_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="reference of the bridge 'links' named 'ordr'"):
        shop(bridge=Bridge(of="ordr", to="campaign"))
    with pytest.raises(DefinitionError, match="links 'order' to itself"):
        shop(bridge=Bridge(of="order", to="order"))


def test_two_bridges_to_one_table_are_refused() -> None:
    first = shop()
    tables = [*first.tables.values(), TableDeclaration(
        name="views",
        entities={"order": ("order_id",), "campaign": ("campaign_id",)},
        bridge=Bridge(of="order", to="campaign"),
    )]  # fmt: skip
    catalog = MetricCatalog.of(tables=tables, metrics=first.metrics.values())
    refused = pytest.raises(DefinitionError, match="'campaign' reaches 'orders' through links and through views")
    with connect({**TABLES, "views": LINKS}) as warehouse, refused:
        query(catalog, warehouse, "amount", by="campaign")


# Laws


@settings(max_examples=60)
@given(
    st.lists(st.integers(-999, 999), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from([7, 8, 9, 55, None]), st.integers(1, 9)), max_size=14),
    st.randoms(),
)
def test_parts_are_those_of_exact_fractions_and_add_up_to_the_total(
    amounts: list[int], raw: list[tuple[int, int | None, int]], random: Any
) -> None:
    whole = {order: sum(part for other, _, part in raw if other == order) for order, _, _ in raw}
    names = {7: "spring", 8: "summer", 9: "autumn"}
    expected: dict[str, Fraction] = {}
    for order, amount in enumerate(amounts):
        links = [(campaign, Fraction(part, whole[order])) for other, campaign, part in raw if other == order]
        for campaign, share in links or [(None, Fraction(1))]:
            name = names.get(campaign or 0, UNKNOWN)
            expected[name] = expected.get(name, Fraction(0)) + share * amount
    random.shuffle(raw)
    links_table = pa.table(
        {
            "order_id": pa.array([order for order, _, _ in raw], pa.int64()),
            "campaign_id": pa.array([campaign for _, campaign, _ in raw], pa.int64()),
            "share": pa.array([part / whole[order] for order, _, part in raw], pa.float64()),
            "touch": pa.array(["first"] * len(raw), pa.string()),
        }
    )
    orders = pa.table(
        {
            "order_id": list(range(len(amounts))),
            "customer_id": [1] * len(amounts),
            "channel": ["web"] * len(amounts),
            "amount": amounts,
        }
    )
    with connect({**TABLES, "links": links_table, "orders": orders}) as warehouse:
        rows = query(shop(), warehouse, "amount", by="campaign").rows()
        total = query(shop(), warehouse, "amount").rows()[0]["amount"]
    found = {row["campaign"]: row["amount"] for row in rows}
    assert found.keys() == expected.keys()
    assert all(found[name] == pytest.approx(float(value), abs=1e-9) for name, value in expected.items())
    assert sum(found.values()) == pytest.approx(total, abs=1e-9)
