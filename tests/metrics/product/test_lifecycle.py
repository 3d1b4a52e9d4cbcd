"""Lifecycles, against sets of who was active when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import DefinitionError, PolicyError, UnknownNameError
from steelyard.metrics import MetricCatalog
from steelyard.metrics.calendar import next_period, period_start
from steelyard.metrics.product import Lifecycle, ProductTable, run_lifecycle
from steelyard.warehouse import TableDeclaration, connect

FIRST = date(2026, 1, 5)  # a Monday
VISITS = TableDeclaration(name="visits", time="day", entities={"user": ("user_id",)}, dimensions=("plan",))
CATALOG = MetricCatalog.of(metrics=[], tables=[VISITS])
COUNTS = ("active", "new", "retained", "resurrected", "lost", "dormant")
Told = Sequence[tuple[str | None, int]]


def run(period: str, rows: Told, **asked: Any) -> ProductTable:
    table = pa.table(
        {
            "user_id": pa.array([row[0] for row in rows], pa.string()),
            "day": pa.array([FIRST + timedelta(days=row[1]) for row in rows], pa.date32()),
            "plan": pa.array(["pro" if row[0] in ("a", "b") else None for row in rows], pa.string()),
        }
    )
    with connect({"visits": table}) as warehouse:
        asked_of = Lifecycle(name="users", table="visits", period=period)  # type: ignore[arg-type]
        return run_lifecycle(CATALOG, warehouse, asked_of, **asked)


ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 100)), min_size=1, max_size=20)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, period=st.sampled_from(("day", "week", "month", "quarter")))
def test_each_period_is_what_its_sets_say_and_adds_up(rows: Told, period: str) -> None:
    by_period: dict[date, set[str]] = {}
    for user, day in rows:
        by_period.setdefault(period_start(FIRST + timedelta(days=day), period), set()).add(str(user))
    ever: set[str] = set()
    before: set[str] = set()
    found = run(period, rows).rows()
    expected_day = min(by_period)
    for row in found:
        assert row["period"] == expected_day
        now = by_period.get(expected_day, set())
        expected = (now, now - ever, now & before, (now & ever) - before, before - now, ever - now)
        assert [row[name] for name in COUNTS] == [len(each) for each in expected]
        assert row["active"] == len(before) - row["lost"] + row["new"] + row["resurrected"]
        ever, before, expected_day = ever | now, now, next_period(expected_day, period)
    assert found[-1]["period"] == max(by_period)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS)
def test_segments_add_up_and_a_range_changes_no_number(rows: Told) -> None:
    whole = run("week", rows).rows()
    parts = run("week", rows, by="plan").rows()
    for row in whole:
        same = [part for part in parts if part["period"] == row["period"]]
        assert [sum(part[name] for part in same) for name in COUNTS] == [row[name] for name in COUNTS]
    since = FIRST + timedelta(days=16)
    assert run("week", rows, since=since).rows() == [
        row for row in whole if row["period"] >= FIRST + timedelta(days=14)
    ]


def test_a_period_that_is_not_whole_is_flagged() -> None:
    rows = [("a", 0), ("b", 1), ("a", 8)]
    answer = run("week", rows)
    assert [row["complete"] for row in answer.rows()] == [True, False]
    assert any("The week of 2026-01-12 is not whole" in note for note in answer.notes)
    assert any("Everybody is new in the week of 2026-01-05" in note for note in answer.notes)
    later = run("week", rows, complete_through=FIRST + timedelta(days=20))
    assert [(row["active"], row["lost"], row["complete"]) for row in later.rows()] == [
        (2, 0, True), (1, 1, True), (0, 1, True),
    ]  # fmt: skip
    assert "Resurrected" in later.to_text() or "resurrected" in later.to_text()


def test_a_condition_is_on_an_entitys_first_row_and_nobody_is_said() -> None:
    rows = [("a", 0), ("c", 1), ("c", 8), (None, 8)]
    found = run("week", rows, where="plan = 'pro'")
    assert [(row["active"], row["lost"]) for row in found.rows()] == [(1, 0), (0, 1)]
    assert "1 of 4 rows of visits (activity) do not say whom they are of and are left out." in found.notes
    assert run("week", rows, where="plan = 'free'").notes[-1] == "No entity is active."


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DefinitionError, match="by 'hour'"):
        Lifecycle(name="users", table="visits", period="hour")  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="names no table"):
        Lifecycle(name="users")
    for wrong, error in (
        (Lifecycle(name="users", table="visit"), UnknownNameError),
        (Lifecycle(name="users", table="visits", entity="usr"), UnknownNameError),
        (Lifecycle(name="users", table="visits", where="visits.user_id = 'x'"), PolicyError),
    ):
        with pytest.raises(error):
            wrong.check(MetricCatalog.of(metrics=[], tables=[VISITS], sensitive=("visits.user_id",)))
