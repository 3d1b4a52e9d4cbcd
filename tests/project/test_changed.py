"""A definition or a column that changed in the days compared is said before any cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.project.changed import changed_meanings

TODAY = datetime.now(UTC).date()
WEEKS = (
    (TODAY - timedelta(days=14), TODAY - timedelta(days=8)),
    (TODAY - timedelta(days=7), TODAY + timedelta(days=1)),
)
LONG_AGO = (("2026-01-05", "2026-01-07"), ("2026-01-19", "2026-01-21"))
WIDER = """-- key: order_id
-- time: ordered_on
-- entities: {customer: customer_id}
-- dimensions: [status, email]
SELECT order_id, customer_id, ordered_on, status, email, CAST(amount AS DOUBLE) AS amount, 1 AS unread FROM raw_orders
"""


def test_nothing_changed_is_nothing_to_say(till: Any) -> None:
    with till.open() as project:
        assert changed_meanings(project, "revenue", WEEKS) == []


def test_a_definition_that_was_recorded_anew_is_told_with_what_changed(till: Any) -> None:
    text = (till.folder / "metrics/till.yml").read_text()
    till.write(
        "metrics/till.yml", text.replace("{sum: orders.amount,", "{sum: orders.amount, where: \"status = 'paid'\",")
    )
    with till.open() as project:
        unrecorded = changed_meanings(project, "revenue", WEEKS)
    till.refreshed()
    with till.open() as project:
        (change,) = changed_meanings(project, "revenue", WEEKS)
        assert [item.says for item in unrecorded] == [change.says]
        assert change.kind == "definition"
        assert abs((change.at - TODAY).days) <= 1
        assert "where was added: \"status = 'paid'\"" in change.says
        assert changed_meanings(project, "orders", WEEKS) == []
        assert len(changed_meanings(project, "per_order", WEEKS)) == 1
        assert changed_meanings(project, "revenue", LONG_AGO) == []
        explained = project.explain("revenue", before=WEEKS[0], after=WEEKS[1])
    assert "definition" in [fault.kind for fault in explained.faults]
    assert "present definition" in explained.to_text(width=400)


def test_a_column_that_is_read_and_changed_its_type_is_told_and_one_that_is_not_read_is_not(till: Any) -> None:
    till.write("tables/orders.sql", WIDER)
    till.refreshed()
    with till.open() as project:
        (change,) = changed_meanings(project, "revenue", WEEKS)
        explained = project.explain("revenue", before=WEEKS[0], after=WEEKS[1])
    assert change.kind == "schema"
    assert change.says == "The columns of orders changed: amount was DECIMAL(12,2), and is DOUBLE"
    assert [fault.stops for fault in explained.faults if fault.kind == "schema"] == [True]


def test_a_metric_that_is_not_there_is_refused_by_name(till: Any) -> None:
    with till.open() as project, pytest.raises(UnknownNameError, match="revenu"):
        project.explain("revenu", before=WEEKS[0], after=WEEKS[1])


@pytest.mark.parametrize("no_range", [("2026-01-05",), "2026-01-05..2026-01-07", (None, None), ()])
def test_what_is_no_range_is_refused_and_not_unpacked(till: Any, no_range: Any) -> None:
    with till.open() as project, pytest.raises(DefinitionError, match="is no range of dates") as caught:
        project.explain("revenue", before=no_range, after=WEEKS[1])
    assert caught.value.hint
