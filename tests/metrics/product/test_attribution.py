"""Attribution of conversions to touches, against a loop over every conversion with exact shares."""
# ruff: noqa: DTZ001 - naive timestamps are what is tested

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.product import EventRows, ProductTable, TouchAttribution, run_attribution
from steelyard.warehouse import TableDeclaration, connect

START = datetime(2026, 1, 1)
IDS = {"user": ("user_id",)}
VISITS = TableDeclaration(name="visits", time="at", zone="UTC", entities=IDS, dimensions=("channel",))
ORDERS = TableDeclaration(name="orders", time="at", zone="UTC", entities=IDS, dimensions=("country",))
CATALOG = MetricCatalog.of(metrics=[], tables=[VISITS, ORDERS])
MODELS = ("first", "last", "last_non_direct", "linear", "position", "time_decay")
ALL = TouchAttribution(
    name="marketing",
    touches=EventRows(table="visits", sequence="seq"),
    conversions=EventRows(table="orders"),
    channel="channel",
    value="orders.amount",
    window="10 days",
    models=MODELS,
    direct=("direct",),
    half_life="2 days",
)
Touch = tuple[str | None, int | None, str | None]
Conversion = tuple[str | None, int | None, Decimal | None]


def run(asked: TouchAttribution, touches: Sequence[Touch], orders: Sequence[Conversion], **given: Any) -> ProductTable:
    def at(days: int | None) -> datetime | None:
        return None if days is None else START + timedelta(days=days)

    tables = {
        "visits": pa.table(
            {
                "user_id": pa.array([row[0] for row in touches], pa.string()),
                "at": pa.array([at(row[1]) for row in touches], pa.timestamp("us")),
                "channel": pa.array([row[2] for row in touches], pa.string()),
                "seq": pa.array(range(len(touches)), pa.int64()),
            }
        ),
        "orders": pa.table(
            {
                "user_id": pa.array([row[0] for row in orders], pa.string()),
                "at": pa.array([at(row[1]) for row in orders], pa.timestamp("us")),
                "amount": pa.array([row[2] for row in orders], pa.decimal128(18, 2)),
                "points": pa.array([int(row[2] or 0) for row in orders], pa.int64()),
                "country": pa.array(["DE" if row[0] == "a" else None for row in orders], pa.string()),
            }
        ),
    }
    with connect(tables) as warehouse:
        return run_attribution(CATALOG, warehouse, asked, **given)


def shares(model: str, before: Sequence[Touch], converted: int) -> list[Fraction]:
    """The exact share of each touch, in their order."""
    n = len(before)
    raw = [Fraction(0)] * n
    if model == "first":
        raw[0] = Fraction(1)
    elif model == "last":
        raw[-1] = Fraction(1)
    elif model == "last_non_direct":
        marketed = [place for place, touch in enumerate(before) if touch[2] != "direct"]
        raw[marketed[-1] if marketed else -1] = Fraction(1)
    elif model == "linear":
        raw = [Fraction(1, n)] * n
    elif model == "position":
        raw = [Fraction(1, 5) / (n - 2)] * n if n > 2 else raw
        raw[0] = raw[-1] = Fraction(1) if n == 1 else Fraction(2, 5)
    else:
        raw = [Fraction(1) / 2 ** ((converted - int(touch[1] or 0)) // 2) for touch in before]
        raw = [
            share if (converted - int(touch[1] or 0)) % 2 == 0 else share / Fraction(2**0.5)
            for share, touch in zip(raw, before, strict=True)
        ]
    return [share / sum(raw) for share in raw]


def by_hand(touches: Sequence[Touch], orders: Sequence[Conversion]) -> dict[tuple[str, str], tuple[float, float]]:
    """Model and channel -> conversions and unrounded value."""
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for user, converted, amount in orders:
        assert converted is not None
        numbered = [(touch, number) for number, touch in enumerate(touches) if touch[0] == user]
        within = [(t, n) for t, n in numbered if t[1] is not None and converted - 10 <= t[1] <= converted]
        before = [touch for touch, _ in sorted(within, key=lambda item: (item[0][1], item[1]))]
        for model in MODELS:
            credited = shares(model, before, converted) if before else [Fraction(1)]
            channels = [touch[2] or "(unknown)" for touch in before] or ["(unattributed)"]
            for channel, share in zip(channels, credited, strict=True):
                if share:
                    old = found.get((model, channel), (0.0, 0.0))
                    found[model, channel] = (old[0] + float(share), old[1] + float(share) * float(amount or 0))
    return found


TOUCHES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 25), st.sampled_from(("ads", "mail", "direct", None))), max_size=10
)
CONVERSIONS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 25), st.decimals("0.01", "99.99", places=2)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(touches=TOUCHES, orders=CONVERSIONS)
def test_credits_are_what_a_loop_gives_and_add_up_to_the_last_cent(
    touches: list[Touch], orders: list[Conversion]
) -> None:
    rows = run(ALL, touches, orders).rows()
    expected = by_hand(touches, orders)
    found = {(row["model"], row["channel"]): row for row in rows}
    assert set(found) == set(expected)
    for key, (conversions, value) in expected.items():
        assert found[key]["conversions"] == pytest.approx(conversions, abs=1e-9)
        assert float(found[key]["value"]) == pytest.approx(value, abs=0.01 * (len(touches) + 1) * len(orders))
    for model in MODELS:
        parts = [row for row in rows if row["model"] == model]
        assert sum(row["value"] for row in parts) == sum(amount or 0 for _, _, amount in orders)
        assert sum(row["conversions"] for row in parts) == pytest.approx(len(orders))


def test_a_cent_that_does_not_divide_goes_to_the_later_touches() -> None:
    linear = replace(ALL, models=("linear",))
    found = run(linear, [("a", 0, "ads"), ("a", 1, "mail"), ("a", 2, "post")], [("a", 3, Decimal("1.00"))]).rows()
    assert {row["channel"]: str(row["value"]) for row in found} == {"ads": "0.33", "mail": "0.34", "post": "0.33"}


def test_values_too_large_for_a_double_add_up_too() -> None:
    large = Decimal("9007199254740993.37")
    rows = run(ALL, [("a", 0, "ads"), ("a", 1, "mail"), ("a", 2, "direct")], [("a", 3, large)]).rows()
    for model in MODELS:
        assert sum(row["value"] for row in rows if row["model"] == model) == large
    assert {row["value"] for row in rows if row["model"] in ("first", "last", "last_non_direct")} == {large}


def test_a_touch_at_the_very_moment_counts_and_one_after_it_does_not() -> None:
    last = replace(ALL, models=("last",), value="")
    for day, channel in ((3, "ads"), (4, "(unattributed)"), (-7, "ads"), (-8, "(unattributed)")):
        assert run(last, [("a", day, "ads")], [("a", 3, None)]).rows() == [
            {"model": "last", "channel": channel, "conversions": 1.0}
        ]


def test_whole_numbers_and_conversions_without_a_value() -> None:
    touches: list[Touch] = [("a", 0, "ads"), ("a", 1, "mail")]
    points = replace(ALL, value="orders.points", models=("linear",))
    assert [row["value"] for row in run(points, touches, [("a", 3, Decimal(5))]).rows()] == [2.5, 2.5]
    answer = run(ALL, touches, [("a", 3, None), ("a", 3, Decimal(2)), (None, 3, Decimal(9)), ("a", None, Decimal(9))])
    assert "1 conversions of orders have no value and count as 0." in answer.notes
    assert "1 of 4 rows of orders (conversions) do not say whom they are of and are left out." in answer.notes
    assert "1 of 4 rows of orders (conversions) have no time and are left out." in answer.notes
    assert sum(row["value"] for row in answer.rows() if row["model"] == "linear") == 2


def test_a_range_and_a_segment_are_of_the_conversions() -> None:
    touches: list[Touch] = [("a", 0, "ads"), ("b", 0, "mail")]
    orders: list[Conversion] = [("a", 3, Decimal(1)), ("b", 5, Decimal(2))]
    last = replace(ALL, models=("last",))
    found = run(last, touches, orders, by="country").rows()
    assert [(row["country"], row["channel"], row["value"]) for row in found] == [
        ("(unknown)", "mail", 2),
        ("DE", "ads", 1),
    ]
    assert [row["channel"] for row in run(last, touches, orders, since="2026-01-05").rows()] == ["mail"]
    assert [row["channel"] for row in run(last, touches, orders, where="country = 'DE'").rows()] == ["ads"]
    assert "last" in run(last, touches, orders).to_text()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"models": ("best",)}, "the model 'best'"),
        ({"models": ()}, "the models none"),
        ({"direct": ()}, "which channels"),
        ({"first_share": 0.7}, "0.7 to the first"),
        ({"window": "long"}, "no length of time"),
        ({"channel": ""}, "no channel"),
        ({"half_life": "0 days"}, "no length of time"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        replace(ALL, **given)


def test_what_is_not_there_is_refused_by_name() -> None:
    refused: tuple[tuple[dict[str, Any], type[Exception], str], ...] = (
        ({"channel": "chanel"}, UnknownNameError, "'chanel'"),
        ({"touches": EventRows(table="visit")}, UnknownNameError, "no table named 'visit'"),
        ({"conversions": EventRows()}, DefinitionError, "name no table"),
        ({"value": "orders.amout"}, UnknownNameError, "'amout'"),
        ({"entity": "usr"}, UnknownNameError, "no entity named 'usr'"),
    )
    for changed, error, says in refused:
        with pytest.raises(error, match=says):
            run(replace(ALL, **changed), [("a", 0, "ads")], [("a", 1, Decimal(1))])
    hidden = MetricCatalog.of(metrics=[], tables=[VISITS, ORDERS], sensitive=("channel",))
    with pytest.raises(PolicyError, match="sensitive"), connect({
        "visits": pa.table({"user_id": ["a"], "at": [START], "channel": ["x"], "seq": [1]}),
        "orders": pa.table({"user_id": ["a"], "at": [START], "amount": [1]}),
    }) as warehouse:  # fmt: skip
        run_attribution(hidden, warehouse, ALL)


def test_conversions_whose_touches_may_be_older_than_the_data_are_said() -> None:
    touches, orders = [("a", 0, "ads")], [("a", 1, Decimal(1)), ("a", 20, Decimal(1))]
    says = "The rows of visits begin on 2026-01-01: a conversion before 2026-01-11 may have had touches"
    assert any(note.startswith(says) for note in run(ALL, touches, orders).notes)
    assert not any(note.startswith(says) for note in run(ALL, touches, orders, since="2026-01-11").notes)


def test_a_value_that_is_no_number_is_refused() -> None:
    tables = {
        "visits": pa.table({"user_id": ["a"], "at": [START], "channel": ["x"], "seq": [1]}),
        "orders": pa.table({"user_id": ["a"], "at": [START], "amount": [float("nan")]}),
    }
    with connect(tables) as warehouse, pytest.raises(DataError, match="'value' of 'marketing' is NaN or infinite"):
        run_attribution(CATALOG, warehouse, ALL)
