"""A restatement's reasons add up to the change, and are those that brute force finds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError, DefinitionError, UnknownNameError
from steelyard.metrics import Measure, Metric, MetricCatalog, Ratio, query
from steelyard.metrics.restated import CAUSES
from steelyard.metrics.restatement import DEFINITION, Restatement, restatement
from steelyard.metrics.row_changes import VersionPair
from steelyard.warehouse import StoredTable, TableDeclaration, connect

REASONS = (*CAUSES, DEFINITION)
TABLES = (
    TableDeclaration(name="customers", key=("customer_id",), entity="customer", dimensions=("country",)),
    TableDeclaration(
        name="orders",
        key=("order_id",),
        time="day",
        entities={"customer": ("customer_id",)},
        dimensions=("status", "size"),
    ),
)
METRICS = (
    Metric(name="revenue", sum="orders.amount", exclude="status = 'void'"),
    Metric(name="orders", count="orders"),
    Metric(name="weight", sum="orders.weight"),
    Metric(name="buyers", distinct="orders.customer_id"),
    Metric(name="average_order", mean="orders.amount"),
    Metric(
        name="german_share",
        ratio=Ratio(numerator=Measure(sum="orders.amount", where="country = 'DE'"), denominator="revenue"),
    ),
)
ORDERS = {
    "order_id": pa.int64(), "customer_id": pa.int64(), "day": pa.date32(), "status": pa.string(), "size": pa.int32(),
    "amount": pa.decimal128(12, 2), "weight": pa.float64(), "note": pa.string(),
}  # fmt: skip
DUCK = {
    "orders": {
        "order_id": "BIGINT", "customer_id": "BIGINT", "day": "DATE", "status": "VARCHAR", "size": "INTEGER",
        "amount": "DECIMAL(12,2)", "weight": "DOUBLE", "note": "VARCHAR",
    },
    "customers": {"customer_id": "BIGINT", "country": "VARCHAR"},
}  # fmt: skip


def catalog(*metrics: Metric, tables: tuple[TableDeclaration, ...] = TABLES) -> MetricCatalog:
    return MetricCatalog.of(metrics=metrics or METRICS, tables=tables)


def order(order_id: int, amount: str | None = "10.00", **other: Any) -> dict[str, Any]:
    row = {
        "order_id": order_id, "customer_id": 1, "day": date(2026, 1, 5), "status": "paid", "size": 1,
        "amount": None if amount is None else Decimal(amount), "weight": 0.1, "note": "",
    }  # fmt: skip
    return {**row, **other}


def customers(**countries: str | None) -> list[dict[str, Any]]:
    return [{"customer_id": int(name[1:]), "country": country} for name, country in countries.items()]


Rows = Mapping[str, list[dict[str, Any]]]


def versions(before: Rows, after: Rows) -> VersionPair:
    """Both versions in one warehouse, as a store gives them."""
    shapes = {
        "orders": pa.schema(list(ORDERS.items())),
        "customers": pa.schema([("customer_id", pa.int64()), ("country", pa.string())]),
    }
    frames, kept = {}, {}
    for side, rows in (("before", before), ("after", after)):
        kept[side] = {
            name: StoredTable(name=name, rows=len(rows[name]), columns=DUCK[name], fingerprint=repr(rows[name]))
            for name in shapes
        }
        for name, shape in shapes.items():
            frames[name if side == "after" else f"{name} @1"] = pa.Table.from_pylist(rows[name], schema=shape)
    return VersionPair(
        warehouse=connect(frames), names={name: f"{name} @1" for name in shapes},
        before=kept["before"], after=kept["after"],
    )  # fmt: skip


def restate(before: Rows, after: Rows, metric: str, by: Any = (), **asked: Any) -> Restatement:
    pair = versions(before, after)
    with pair.warehouse:
        return restatement(asked.pop("catalog", None) or catalog(), pair, metric, by=by, **asked)


def only(found: Restatement) -> dict[str, Any]:
    rows: list[dict[str, Any]] = found.table.to_pylist()
    assert len(rows) == 1
    return rows[0]


def test_each_kind_of_change_has_its_reason_and_its_amount() -> None:
    people = customers(c1="DE", c2="FR")
    before = {
        "customers": people,
        "orders": [order(1), order(2, "20.00"), order(3, "30.00"), order(4, "40.00", status="void"), order(5, "50.00")],
    }
    after = {
        "customers": people,
        "orders": [
            order(1),
            order(2, "25.00"),  # changed: 5 more
            order(4, "40.00"),  # changed: counts now, 40 more
            order(5, "50.00", note="seen"),  # nothing that counts is another
            order(6, "7.00", day=date(2026, 1, 2)),  # late: its day had been reached
            order(7, "9.00", day=date(2026, 1, 6)),  # new
        ],
    }
    found = restate(before, after, "revenue")
    row = only(found)
    assert (row["before"], row["after"], row["change"]) == (Decimal(110), Decimal(141), Decimal(31))
    assert {reason: row[reason] for reason in REASONS} == {
        "late_rows": Decimal(7), "new_rows": Decimal(9), "removed_rows": Decimal(-30), "changed_rows": Decimal(45),
        "dimension_changed": 0, "definition_changed": 0,
    }  # fmt: skip
    expected = {"late_rows": 1, "new_rows": 1, "removed_rows": 1, "changed_rows": 2, "dimension_changed": 0, "same": 2}
    assert found.rows == expected


def test_a_customer_who_moved_takes_the_revenue_along_and_it_is_called_a_dimension() -> None:
    rows = [order(1), order(2, "20.00", customer_id=2)]
    found = restate(
        {"customers": customers(c1="DE", c2="FR"), "orders": rows},
        {"customers": customers(c1="DE", c2="DE"), "orders": rows},
        "revenue",
        by="country",
    )
    shown = {row["country"]: (row["change"], row["dimension_changed"]) for row in found.table.to_pylist()}
    assert shown == {"DE": (Decimal(20), Decimal(20)), "FR": (Decimal(-20), Decimal(-20))}
    assert found.rows["dimension_changed"] == 1
    assert {item.table: item.says for item in found.tables} == {
        "orders": "the same version", "customers": "the same version",
    }  # fmt: skip


def test_an_order_that_changed_its_customer_changed_itself() -> None:
    people = customers(c1="DE", c2="FR")
    found = restate(
        {"customers": people, "orders": [order(1)]},
        {"customers": people, "orders": [order(1, customer_id=2)]},
        "orders",
        by="country",
    )
    assert [(row["country"], row["changed_rows"]) for row in found.table.to_pylist()] == [("DE", -1), ("FR", 1)]


def test_a_customer_who_is_no_longer_there_leaves_the_revenue_in_the_unknown_group() -> None:
    rows = [order(1)]
    found = restate(
        {"customers": customers(c1="DE"), "orders": rows}, {"customers": [], "orders": rows}, "revenue", by="country"
    )
    assert [(row["country"], row["after"]) for row in found.table.to_pylist()] == [
        ("(unknown)", Decimal(10)), ("DE", Decimal(0)),
    ]  # fmt: skip


def test_another_definition_is_told_apart_from_other_rows() -> None:
    people = customers(c1="DE")
    before = {"customers": people, "orders": [order(1), order(2, "5.00", status="gift")]}
    after = {"customers": people, "orders": [*before["orders"], order(3, "2.00"), order(4, "1.00", status="gift")]}
    first = catalog(Metric(name="revenue", sum="orders.amount"))
    then = catalog(Metric(name="revenue", sum="orders.amount", exclude="status = 'gift'"))
    row = only(restate(before, after, "revenue", catalog=first, later=then))
    assert (row["before"], row["after"]) == (Decimal(15), Decimal(12))
    assert (row["late_rows"], row["definition_changed"]) == (Decimal(3), Decimal(-6))


def test_rows_without_a_key_that_holds_are_told_apart_by_what_counts_of_them() -> None:
    people = customers(c1="DE")
    before = {"customers": people, "orders": [order(1), order(1), order(2, "5.00")]}
    after = {"customers": people, "orders": [order(1), order(1), order(1), order(2, "6.00")]}
    found = restate(before, after, "revenue")
    row = only(found)
    assert (row["change"], row["late_rows"], row["removed_rows"]) == (Decimal(11), Decimal(16), Decimal(-5))
    assert "no key that holds" in found.notes[0]


def test_nothing_on_either_side_is_zero_for_a_sum_and_no_number_for_a_ratio() -> None:
    empty: Rows = {"customers": [], "orders": []}
    assert only(restate(empty, empty, "revenue"))["before"] == 0
    row = only(restate(empty, empty, "average_order"))
    assert row["before"] is None
    assert row["change"] is None


def test_a_ratio_that_had_no_number_has_no_change_to_share_out_and_says_so() -> None:
    people = customers(c1="DE")
    found = restate({"customers": people, "orders": []}, {"customers": people, "orders": [order(1)]}, "average_order")
    row = only(found)
    assert (row["before"], row["after"], row["change"], row["new_rows"]) == (None, 10.0, None, None)
    assert found.notes == ("1 group has no denominator before or after, so no change that could be shared out.",)
    assert found.changed == [row]


def test_a_joined_key_that_is_false_in_the_earlier_version_is_refused() -> None:
    rows = [order(1)]
    twice = [*customers(c1="DE"), *customers(c1="FR")]
    with pytest.raises(DataError, match="not unique"):
        restate(
            {"customers": twice, "orders": rows},
            {"customers": customers(c1="DE"), "orders": rows}, "revenue", by="country",
        )  # fmt: skip


def test_a_table_or_column_that_a_version_lacks_is_named() -> None:
    pair = versions({"customers": [], "orders": []}, {"customers": [], "orders": []})
    without = VersionPair(warehouse=pair.warehouse, names=pair.names, before={}, after=pair.after)
    with pair.warehouse, pytest.raises(UnknownNameError, match="no table named 'orders'"):
        restatement(catalog(), without, "revenue")
    with pytest.raises(UnknownNameError, match="no metric named 'revenu'"):
        restate({"customers": [], "orders": []}, {"customers": [], "orders": []}, "revenu")


def test_a_sum_that_is_not_finite_is_refused() -> None:
    rows = {"customers": [], "orders": [order(1, weight=float("nan"))]}
    with pytest.raises(DataError, match="add up to nan"):
        restate(rows, rows, "weight")


def test_two_grains_are_refused() -> None:
    with pytest.raises(DefinitionError, match="at once"):
        restate({"customers": [], "orders": []}, {"customers": [], "orders": []}, "revenue", by=("day", "week"))


# Laws

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # each example makes tables: shrinking one would take minutes
DAYS = st.sampled_from([date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 14), None])
ROW = st.builds(
    lambda customer_id, day, status, size, cents, weight: {
        "customer_id": customer_id, "day": day, "status": status, "size": size,
        "amount": None if cents is None else Decimal(cents) / 100, "weight": weight, "note": "",
    },
    st.sampled_from([1, 2, 9, None]),
    DAYS,
    st.sampled_from(["paid", "void", None]),
    st.sampled_from([1, 2, None]),
    st.one_of(st.none(), st.integers(-5_000, 5_000)),
    st.floats(-10, 10, allow_nan=False),
)  # fmt: skip
ORDER_ROWS = st.dictionaries(st.integers(1, 8), ROW, max_size=8)
COUNTRIES = st.fixed_dictionaries({1: st.sampled_from(["DE", "FR", None]), 2: st.sampled_from(["DE", "FR", None])})
GROUPS = st.sampled_from([(), ("country",), ("week",), ("size",), ("day", "country"), ("month", "status")])


def listed(rows: Mapping[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"order_id": key, **row} for key, row in rows.items()]


def close(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return abs(float(one) - float(other)) <= 1e-9 * max(1.0, abs(float(one)), abs(float(other)))
    return bool(one == other)


@settings(max_examples=60, phases=QUICK)
@given(
    before=ORDER_ROWS, after=ORDER_ROWS, lived=COUNTRIES, lives=COUNTRIES, by=GROUPS,
    metric=st.sampled_from([item.name for item in METRICS]),
)  # fmt: skip
def test_reasons_add_up_and_both_ends_are_what_a_query_says(
    before: dict[int, Any], after: dict[int, Any], lived: dict[int, Any], lives: dict[int, Any],
    by: tuple[str, ...], metric: str,
) -> None:  # fmt: skip
    sides = {
        side: {"orders": listed(rows), "customers": [{"customer_id": k, "country": v} for k, v in homes.items()]}
        for side, rows, homes in (("before", before, lived), ("after", after, lives))
    }
    found = restate(sides["before"], sides["after"], metric, by=by)
    rows = found.table.to_pylist()
    for side in ("before", "after"):
        pair = versions(sides[side], sides[side])
        with pair.warehouse:
            answer = query(catalog(), pair.warehouse, metric, by=by, fill=False)
        said = {tuple(row[name] for name in answer.dimensions): row[metric] for row in answer.rows()}
        told = {tuple(row[name] for name in found.by): row[side] for row in rows}
        for group, value in said.items():
            restated = told.get(group, None if value is None else 0)
            assert value is restated is None or close(restated, value)
        assert all(not value for group, value in told.items() if group not in said)
    for row in rows:
        if row["change"] is None:
            assert row["before"] is None or row["after"] is None
            continue
        if all(row[reason] is not None for reason in REASONS):
            parts = sum(Fraction(row[reason]) for reason in REASONS)
            exact = isinstance(row["change"], int | Decimal)
            assert parts == Fraction(row["change"]) if exact else close(float(parts), row["change"])
            assert close(row["after"] - row["before"], row["change"])


@settings(max_examples=60, phases=QUICK)
@given(before=ORDER_ROWS, after=ORDER_ROWS, lived=COUNTRIES, lives=COUNTRIES)
def test_each_reason_of_a_sum_by_country_is_what_brute_force_finds(
    before: dict[int, Any], after: dict[int, Any], lived: dict[int, Any], lives: dict[int, Any]
) -> None:
    def share(row: Mapping[str, Any] | None, homes: Mapping[int, Any]) -> tuple[str, Decimal] | None:
        if row is None or row["status"] == "void":
            return None
        return homes.get(row["customer_id"]) or "(unknown)", row["amount"] or Decimal(0)

    counting = ("customer_id", "status", "amount", "day")
    reached = max((row["day"] for row in before.values() if row["day"]), default=None)
    expected: dict[tuple[str, str], Decimal] = {}
    for key in {*before, *after}:
        old, new = before.get(key), after.get(key)
        was, now = share(old, lived), share(new, lives)
        if was == now and old is not None and new is not None:
            continue
        if old is None:
            assert new is not None
            reason = "late_rows" if reached and new["day"] and new["day"] <= reached else "new_rows"
        elif new is None:
            reason = "removed_rows"
        else:
            own = all(old[name] == new[name] for name in counting)
            reason = "dimension_changed" if own else "changed_rows"
        for sign, part in ((-1, was), (1, now)):
            if part is not None:
                group = (part[0], reason)
                expected[group] = expected.get(group, Decimal(0)) + sign * part[1]
    found = restate(
        {"orders": listed(before), "customers": [{"customer_id": k, "country": v} for k, v in lived.items()]},
        {"orders": listed(after), "customers": [{"customer_id": k, "country": v} for k, v in lives.items()]},
        "revenue",
        by="country",
    )
    told = {(row["country"], reason): row[reason] for row in found.table.to_pylist() for reason in CAUSES}
    assert {group: value for group, value in told.items() if value} == {
        group: value for group, value in expected.items() if value
    }


@settings(max_examples=40, phases=QUICK)
@given(before=ORDER_ROWS, after=ORDER_ROWS)
def test_each_reason_of_a_distinct_count_is_what_brute_force_finds(
    before: dict[int, Any], after: dict[int, Any]
) -> None:
    reached = max((row["day"] for row in before.values() if row["day"]), default=None)

    def reason(key: int) -> int:
        old, new = before.get(key), after.get(key)
        if old is None:
            assert new is not None
            return 0 if reached and new["day"] and new["day"] <= reached else 1
        return 2 if new is None else 3

    expected = dict.fromkeys(CAUSES, 0)
    had, has = ({row["customer_id"] for row in rows.values()} - {None} for rows in (before, after))
    for people, rows, sign in ((has - had, after, 1), (had - has, before, -1)):
        for person in people:
            first = min(reason(key) for key, row in rows.items() if row["customer_id"] == person)
            expected[CAUSES[first]] += sign
    found = restate({"orders": listed(before), "customers": []}, {"orders": listed(after), "customers": []}, "buyers")
    row = only(found)
    assert {cause: row[cause] for cause in CAUSES} == expected
