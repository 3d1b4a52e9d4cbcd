"""What is said of a number: its lineage, the tests that failed, its rows, and how it was restated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from steelyard.errors import DefinitionError, UnknownNameError, WarehouseError
from steelyard.metrics.restated import CAUSES


def test_lineage_goes_through_every_table_to_the_files(till: Any) -> None:
    with till.open() as project:
        how = project.how("taken")
    assert [(item.table, item.reads) for item in how.origins] == [
        ("daily", ("orders",)), ("orders", ("raw_orders",)), ("raw_orders", ()),
    ]  # fmt: skip
    load = how.origins[-1].load
    assert (load.source, load.kind, load.rows, load.files) == ("raw_orders", "files", 3, ("data/orders.csv",))
    assert how.columns == {"daily.taken": ("raw_orders.amount",), "daily.day": ("raw_orders.ordered_on",)}
    published = datetime.fromisoformat(how.origins[0].published_at).astimezone(ZoneInfo("Europe/Berlin"))
    assert how.facts[0].complete_through == str(published.date() - timedelta(days=1))
    text = how.to_text()
    assert "source raw_orders (files)" in text
    assert "the day before it was published" in text


def test_a_test_that_failed_upstream_is_a_note_on_the_answer(till: Any) -> None:
    first = till.open().store.snapshot().number
    till.orders("1,1,2026-01-05,paid,a@x,-10.00")
    till.refreshed()
    with till.open() as project:
        answer = project.query("taken")
    (failed,) = answer.how.failed
    assert (failed.table, failed.severity, failed.status) == ("orders", "doubt", "failed")
    (note,) = [note for note in answer.notes if "data test" in note]
    assert "of orders, which the number was built from does not hold" in note
    assert failed.says in note
    with till.open() as project:
        assert not project.query("taken", as_of=first).how.failed


def test_lineage_is_of_the_version_that_went_in_and_not_of_a_newer_one(till: Any) -> None:
    with till.open() as project:
        first = project.store.snapshot().tables["raw_orders"].version_id
        till.orders("1,1,2026-01-05,paid,a@x,11.00")
        project.refresh(build=False)
        how = project.how("revenue")
    (raw,) = [item for item in how.origins if item.table == "raw_orders"]
    assert (raw.version_id, raw.replaced) == (first, True)
    assert "replaced since" in how.to_text()


def test_a_drill_gives_the_rows_of_the_cell_as_of_a_moment(till: Any, second: Callable[[Any], int]) -> None:
    with till.open() as project:
        first = project.store.snapshot().number
    second(till)
    with till.open() as project:
        now = project.drill("revenue", {"country": "AT", "month": "2026-01-01"})
        then = project.drill("revenue", {"country": "DE", "month": "2026-01-01"}, as_of=first)
    assert [row["order_id"] for row in now.table.to_pylist()] == [1, 2]
    assert (now.value, then.value) == (Decimal("35.00"), Decimal("30.00"))
    assert now.left_out == ("orders.email",)
    assert "email" not in now.table.column_names
    assert then.notes[0].startswith(f"As of version {first}")


def test_a_restatement_of_two_moments_adds_up_and_both_ends_are_the_answers_of_then(
    till: Any, second: Callable[[Any], int]
) -> None:
    with till.open() as project:
        first = project.store.snapshot().number
    second(till)
    with till.open() as project:
        found = project.restatement("revenue", from_=first, by=("month", "country"))
        before, after = (project.query("revenue", by=("month", "country"), as_of=at) for at in (first, None))
    rows = {(str(row["period"])[:7], row["country"]): row for row in found.table.to_pylist()}
    for side, answer in (("before", before), ("after", after)):
        for row in answer.rows():
            told = rows.get((str(row["period"])[:7], row["country"]))
            assert row["revenue"] == (told[side] if told else 0)
    reasons = {group: {cause: row[cause] for cause in CAUSES if row[cause]} for group, row in rows.items()}
    assert reasons == {
        ("2026-01", "AT"): {"changed_rows": Decimal(25), "dimension_changed": Decimal(10)},
        ("2026-01", "DE"): {"changed_rows": Decimal(-20), "dimension_changed": Decimal(-10)},
        ("2026-01", "FR"): {"late_rows": Decimal(4), "removed_rows": Decimal(-30)},
        ("2026-02", "FR"): {"new_rows": Decimal(50)},
    }
    assert {item.table: item.says for item in found.tables} == {
        "orders": "other rows: 3 before, 4 after", "customers": "other rows: 2 before, 2 after",
    }  # fmt: skip


def test_a_definition_that_changed_in_between_is_a_reason_of_its_own_where_it_is_asked_for(
    till: Any, second: Callable[[Any], int]
) -> None:
    with till.open() as project:
        first = project.store.snapshot().number
    text = (till.folder / "metrics/till.yml").read_text(encoding="utf-8")
    till.write("metrics/till.yml", text.replace("sum: orders.amount,", "sum: orders.amount, where: customer_id = 1,"))
    second(till)
    with till.open() as project:
        found = project.restatement("revenue", from_=first, definitions="then")
        (row,) = found.table.to_pylist()
        assert (row["before"], row["after"]) == (Decimal("60.00"), Decimal("35.00"))
        assert (row["removed_rows"], row["definition_changed"]) == (Decimal("-30.00"), Decimal("-54.00"))
        assert sum(row[cause] for cause in (*CAUSES, "definition_changed")) == row["change"]
        assert found.changes == ("where was added: 'customer_id = 1'",)
        (now,) = project.restatement("revenue", from_=first).table.to_pylist()
        assert (now["before"], now["definition_changed"]) == (Decimal("30.00"), 0)
        assert "The definition changed in between" in project.restatement("revenue", from_=first).notes[-1]


def test_a_table_that_was_rebuilt_with_the_same_rows_changes_nothing(till: Any) -> None:
    with till.open() as project:
        first = project.store.snapshot().number
        project.refresh(full=True)
        text = (till.folder / "tables/orders.sql").read_text(encoding="utf-8")
        till.write("tables/orders.sql", text + "ORDER BY order_id DESC\n")
        project.reread()
        project.refresh()
        found = project.restatement("revenue", from_=first, by="month")
    assert found.changed == []
    assert found.rows == {**dict.fromkeys(CAUSES, 0), "same": 3}
    assert {item.says for item in found.tables} <= {"the same version", "rebuilt with the same rows"}
    assert "No row changed." in found.to_text()


def test_an_erasure_between_is_said_for_the_number_of_then_cannot_be_made_again(till: Any) -> None:
    with till.open() as project:
        first = project.store.snapshot().number
        project.erase(["orders.customer_id", "raw_orders.customer_id"], 1, who="Ada", why="asked for it")
        found = project.restatement("revenue", from_=first)
    (row,) = found.table.to_pylist()
    assert (row["before"], row["after"]) == (Decimal("30.00"), Decimal("30.00"))
    assert any("2 rows of orders were erased" in note for note in found.notes)
    assert "2 rows were erased from the earlier version since" in found.tables[0].says


def test_moments_in_the_wrong_order_and_names_that_are_not_there_are_refused(
    till: Any, second: Callable[[Any], int]
) -> None:
    with till.open() as project:
        first = project.store.snapshot().number
    newest = second(till)
    with till.open() as project:
        with pytest.raises(DefinitionError, match=f"{first} is before {newest}"):
            project.restatement("revenue", from_=newest, to=first)
        with pytest.raises(UnknownNameError, match="revenu"):
            project.restatement("revenu", from_=first)
        with pytest.raises(WarehouseError, match="version 99"):
            project.restatement("revenue", from_=99)
        assert project.restatement("revenue", from_=newest, to=newest).changed == []
        assert "in the future" in project.restatement("revenue", from_=first, to="2999-01-01").after
